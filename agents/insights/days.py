"""What a span of time came to, from the rows of calls, turns, approvals and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol, TypeAlias

from django.db import transaction
from django.db.models import Case, CharField, Count, Expression, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Floor, Ln
from django.utils import timezone

from agents.core import spread
from agents.insights.figures import Figure, Key, Part, gathered
from agents.insights.reading import readings
from agents.models import Approval, DayFigure, Session, ToolUse, TurnUse

Subject = DayFigure.Subject
Parts: TypeAlias = Iterator[tuple[Key, Part]]

# What people were asked and never got to answer: the session was over, or the call was void.
_MOOT = (Approval.State.PENDING, Approval.State.CANCELLED, Approval.State.INVALIDATED)
_AGENT = ("session__agent", "session__group_id")

_CALL = Case(
    When(ok=True, then=Value("ok")),
    When(executed=False, then=Value("refused")),
    default=Value("failed"),
    output_field=CharField(),
)
_ALLOWED = Q(state__in=(Approval.State.APPROVED, Approval.State.CONSUMED))
_DECISION = Case(
    When(_ALLOWED & ~Q(arguments=F("original")), then=Value("edited")),
    When(_ALLOWED, then=Value("approved")),
    default=F("state"),
    output_field=CharField(),
)


class Scope(Protocol):
    """Whose rows count: a condition, given the prefix that leads to the session's fields."""

    def __call__(self, prefix: str) -> Q: ...


def everything(prefix: str) -> Q:
    return Q()


def replace(day: date) -> None:
    """Work ``day`` out again; whoever reads meanwhile sees the old figures or the new ones."""
    rows = [figure.row() for figure in span(day, *bounds(day))]
    with transaction.atomic():
        DayFigure.objects.filter(day=day).delete()
        DayFigure.objects.bulk_create(rows, batch_size=500)


def bounds(day: date) -> tuple[datetime, datetime]:
    """When a day begins and ends where this installation is."""
    return _midnight(day), _midnight(day + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def span(
    day: date, begins: datetime, ends: datetime, scope: Scope = everything
) -> Iterator[Figure]:
    """The figures from ``begins`` up to ``ends``, dated ``day``."""
    for parts in (_calls, _turns, _approvals, _rules, _starts, _ends):
        yield from gathered(day, parts(begins, ends, scope))
    yield from readings(day, begins, ends, scope("approval__session__"))


def _calls(begins: datetime, ends: datetime, scope: Scope) -> Parts:
    rows = ToolUse.objects.filter(
        scope("session__"), settled_at__gte=begins, settled_at__lt=ends
    ).annotate(came=_CALL, bucket=_bucket("duration_ms"))
    names = (*_AGENT, "tool", "risk", "came", "bucket")
    for agent, group, tool, risk, came, bucket, count, ms in _counted(rows, names, "duration_ms"):
        # What never ran took no time: it says nothing of how long the tool takes.
        length = None if came == "refused" else int(bucket)
        yield Key(Subject.CALL, agent, group, tool, risk, came), Part(count, ms, bucket=length)


def _turns(begins: datetime, ends: datetime, scope: Scope) -> Parts:
    rows = TurnUse.objects.filter(scope("session__"), at__gte=begins, at__lt=ends)
    names = (*_AGENT, "model", "bucket")
    tokens = Sum(F("fresh") + F("cache_write") + F("cache_read") + F("output"))
    rows = rows.annotate(bucket=_bucket("duration_ms"))
    found = _counted(rows, names, "duration_ms", tokens=tokens, paid=Sum("cost"))
    for agent, group, model, bucket, count, ms, spent, cost in found:
        yield Key(Subject.TURN, agent, group, model), Part(count, ms, spent, cost, int(bucket))


def _approvals(begins: datetime, ends: datetime, scope: Scope) -> Parts:
    rows = _decided(begins, ends, scope)
    fields = (*_AGENT, "tool", "risk", "came", "requested_at", "decided_at")
    for agent, group, tool, risk, came, asked, decided in rows.values_list(*fields):
        ms = max(0, round((decided - asked).total_seconds() * 1000))
        waited = spread.bucket(ms) if came != Approval.State.EXPIRED else None
        yield Key(Subject.APPROVAL, agent, group, tool, risk, came), Part(1, ms, bucket=waited)


def _rules(begins: datetime, ends: datetime, scope: Scope) -> Parts:
    names = (*_AGENT, "rule", "risk", "came")
    rows = _decided(begins, ends, scope).values(*names).annotate(n=Count("id"))
    for agent, group, rule, risk, came, n in rows.values_list(*names, "n"):
        yield Key(Subject.RULE, agent, group, rule[:300], risk, came), Part(n)


def _starts(begins: datetime, ends: datetime, scope: Scope) -> Parts:
    rows = Session.objects.filter(scope(""), created_at__gte=begins, created_at__lt=ends)
    counted = rows.order_by().values("agent", "group_id").annotate(n=Count("id"))
    for agent, group, n in counted.values_list("agent", "group_id", "n"):
        yield Key(Subject.SESSION, agent, group, outcome="started"), Part(n)


def _ends(begins: datetime, ends: datetime, scope: Scope) -> Parts:
    rows = Session.objects.filter(scope(""), ended_at__gte=begins, ended_at__lt=ends)
    names = ("agent", "group_id", "status")
    counted = rows.order_by().values(*names).annotate(n=Count("id"))
    for agent, group, status, n in counted.values_list(*names, "n"):
        yield Key(Subject.SESSION, agent, group, outcome=status), Part(n)


def _decided(begins: datetime, ends: datetime, scope: Scope) -> QuerySet[Approval]:
    rows = Approval.objects.filter(
        scope("session__"), decided_at__gte=begins, decided_at__lt=ends
    ).exclude(state__in=_MOOT)
    return rows.annotate(came=_DECISION).order_by()


def _bucket(field: str) -> Expression:
    """``spread.bucket``, by the database."""
    return Floor(Ln(F(field) + Value(1.0)) * Value(float(spread.FINENESS)))


def _counted(
    rows: QuerySet[Any], names: tuple[str, ...], length: str, **more: Sum
) -> Iterator[tuple[Any, ...]]:
    """The rows by ``names``, each with how many, how long together, and what else is summed."""
    sums = {"n": Count("id"), "together": Sum(length), **more}
    found = rows.order_by().values(*names).annotate(**sums)
    return iter(found.values_list(*names, *sums))
