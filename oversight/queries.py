"""What pages read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, When
from django.utils import timezone

from agents.core import events
from agents.core.events import Record
from agents.lineage import log_of, stretches
from agents.models import Approval, Event, Grant, Outcome, Session, ToolUse
from agents.roles import Person, visible_approvals, visible_outcomes, visible_sessions
from oversight import track

STATUS = Session.Status
NEEDS_PERSON = (STATUS.WAITING_APPROVAL, STATUS.WAITING_INPUT, STATUS.OUTCOME_REVIEW)
FILTERS: dict[str, Q] = {
    "live": Q(ended_at=None),
    "needs-you": Q(status__in=NEEDS_PERSON),
    "failed": Q(status=STATUS.FAILED),
    "finished": Q(status__in=(STATUS.COMPLETED, STATUS.CANCELLED)),
}
LISTED = 200  # in the inbox
CARDS = 48  # of those that ask, and of the others, that the wall shows at first
TABS: dict[str, Q] = {
    "waiting": Q(state=Approval.State.PENDING),
    "expired": Q(state=Approval.State.EXPIRED),
    "decided": ~Q(state__in=(Approval.State.PENDING, Approval.State.EXPIRED)),
}


def sessions(user: Person, words: str = "") -> QuerySet[Session]:
    """The sessions this person may see whose title, agent or task holds every word."""
    found = visible_sessions(user)
    for word in words.split()[:8]:
        found = found.filter(
            Q(title__icontains=word) | Q(agent__icontains=word) | Q(task__icontains=word)
        )
    return found


@dataclass(frozen=True, slots=True)
class Wall:
    """The sessions wall."""

    asking: Sequence[Session]  # what expires first stands first
    active: Sequence[Session]
    finished: list[Session]
    cut: frozenset[str]  # the lists that it has no room for all of


def wall(user: Person, chosen: str, words: str, most: int = CARDS) -> Wall:
    """``chosen`` is a key of ``FILTERS``, or empty for everything of today; at most ``most`` of
    those that ask and of the others each.
    """
    found = sessions(user, words)
    wanted = found.filter(FILTERS[chosen]) if chosen in FILTERS else found
    recent = timezone.now() - timedelta(hours=1)
    lately = Q(ended_at=None) | Q(status=STATUS.FAILED, ended_at__gte=recent)
    shown = wanted.filter(lately) if chosen != "failed" else wanted
    due = Min("approvals__decide_by", filter=Q(approvals__state=Approval.State.PENDING))
    asks = wanted.filter(status__in=NEEDS_PERSON).annotate(due=due)
    asking = list(asks.order_by(F("due").asc(nulls_last=True), "created_at", "id")[: most + 1])
    rank = Case(When(status=STATUS.FAILED, then=2), When(status=STATUS.PAUSED, then=1), default=0)
    others = shown.exclude(status__in=NEEDS_PERSON).order_by(rank, "-created_at", "-id")
    active = list(others[: most + 1])
    lengths = {"asking": len(asking), "active": len(active)}
    return Wall(
        asking=asking[:most],
        active=active[:most],
        cut=frozenset(name for name, length in lengths.items() if length > most),
        finished=list(
            finished(wanted)[:20] if chosen not in ("live", "needs-you", "failed") else []
        ),
    )


def newest(rows: QuerySet[Session] | QuerySet[Approval], began: str) -> str:
    """When the last of them began: what a page lacks and began later was not there yet."""
    last = rows.aggregate(last=Max(began))["last"]
    return last.isoformat() if last else ""


def finished(found: QuerySet[Session]) -> QuerySet[Session]:
    """Those that have ended, the last first, with what people decided in them."""
    state = Approval.State
    approved = Count("approvals", filter=Q(approvals__state__in=(state.APPROVED, state.CONSUMED)))
    denied = Count("approvals", filter=Q(approvals__state=state.DENIED))
    ended = found.filter(ended_at__isnull=False).annotate(approved=approved, denied=denied)
    return ended.order_by("-ended_at", "-id")


def counts(user: Person) -> dict[str, int]:
    """How many sessions each filter of the wall would show."""
    kinds = {key.replace("-", "_"): Count("id", filter=chosen) for key, chosen in FILTERS.items()}
    found: dict[str, int] = visible_sessions(user).aggregate(**kinds)
    return found


def pending(user: Person) -> QuerySet[Approval]:
    """Approvals that wait, soonest to expire first."""
    return visible_approvals(user).filter(TABS["waiting"]).order_by("decide_by", "id")


def in_session(user: Person, session: Session, kept: Sequence[UUID] = ()) -> QuerySet[Approval]:
    """What waits in a session; those that are kept stay in their place when they are decided."""
    rows = visible_approvals(user).filter(TABS["waiting"] | Q(uuid__in=kept), session=session)
    return rows.select_related("decided_by").order_by("decide_by", "id")


def approvals(user: Person, tab: str, most: int = LISTED) -> list[Approval]:
    """The approvals under a tab of the inbox."""
    if tab == "waiting":
        return list(pending(user)[:most])
    rows = visible_approvals(user).filter(TABS[tab]).select_related("decided_by")
    return list(rows.order_by("-decided_at", "-id")[:most])


def last_decision(user: Person) -> Approval | None:
    return visible_approvals(user).filter(TABS["decided"]).order_by("-decided_at").first()


def undoable(user: Person) -> list[Approval]:
    """What this person decided a moment ago and can still take back, the newest first."""
    rows = visible_approvals(user).filter(held_until__gt=timezone.now(), decided_by_id=user.pk)
    kept = rows.filter(state__in=("approved", "denied", "answered"))
    return list(kept.order_by("-decided_at", "-id")[:50])


def grants(user: Person) -> list[Grant]:
    """The grants in force in the sessions that this person sees."""
    now = timezone.now()
    rows = Grant.objects.filter(session__in=visible_sessions(user), revoked_at=None)
    rows = rows.filter(session__ended_at=None).filter(Q(until=None) | Q(until__gt=now))
    return list(rows.select_related("session", "given_by")[:200])


def open_outcomes(user: Person) -> QuerySet[Outcome]:
    """Calls whose outcome nobody knows."""
    return visible_outcomes(user).filter(state=Outcome.State.OPEN)


def tab_counts(user: Person) -> dict[str, int]:
    """What waits for people, and what they let expire today."""
    yesterday = timezone.now() - timedelta(days=1)
    late = visible_approvals(user).filter(TABS["expired"], decided_at__gte=yesterday)
    return {"waiting": waiting_count(user), "expired": late.count()}


def waiting_count(user: Person) -> int:
    """What waits for people, for the mark in the navigation."""
    return pending(user).count() + open_outcomes(user).count()


def pinned(user: User, most: int = 12) -> list[Session]:
    """The sessions that this person keeps at hand, the last pinned first."""
    found = visible_sessions(user).filter(pins__user_id=user.pk)
    return list(found.order_by("-pins__id")[:most])


def is_pinned(user: User, session: Session) -> bool:
    return session.pins.filter(user_id=user.pk).exists()


def waited_ms(session: Session) -> float:
    """How long the session's calls waited for people; waits that overlap count once."""
    rows = session.approvals.order_by("requested_at").values_list("requested_at", "decided_at")
    total, reached = timedelta(), None
    for asked, decided in rows:
        end = decided or session.ended_at or timezone.now()
        start = max(asked, reached) if reached else asked
        total += max(end - start, timedelta())
        reached = max(end, reached) if reached else end
    return total.total_seconds() * 1000


def tools_used(session: Session) -> list[tuple[str, int]]:
    """The session's tools and how often each was called, a fork's with its beginning."""
    begun = reduce(or_, (stretch.rows for stretch in stretches(session.pk)))
    found = ToolUse.objects.filter(begun).values_list("tool").annotate(calls=Count("id"))
    return list(found.order_by("-calls", "tool")[:8])


def record(event: Event, session: str) -> Record:
    """A stored event as its fact in its place."""
    data: dict[str, Any] = json.loads(event.text)
    return Record(
        session=session,
        seq=event.seq,
        step=event.step,
        fact=events.decode(event.kind, data, event.version),
        at=event.at,
        actor=event.actor,
        term=event.term,
        digest=event.digest,
    )


def records(session: Session, first: int = 0, before: int | None = None) -> list[Record]:
    """The log of the steps from ``first`` up to, not including, ``before``."""
    rows = log_of(session).filter(step__gte=first)
    if before is not None:
        rows = rows.filter(step__lt=before)
    return [record(event, str(session.uuid)) for event in rows]


def by_step(log: Iterable[Record]) -> list[tuple[int, list[Record]]]:
    """The log in steps, each in the order of its events."""
    ordered = sorted(log, key=lambda record: (record.step, record.seq))
    return [(step, list(group)) for step, group in groupby(ordered, key=lambda r: r.step)]


def next_marked(session: Session, mark: str, step: int) -> int | None:
    """The first step after ``step`` with a ``fault``, or with an ``approval``."""
    kinds = [kind for kind, known in track.MARKS.items() if known == mark]
    found = log_of(session).filter(step__gt=step, kind__in=kinds)
    steps = list(found.values_list("step", flat=True)[:1])
    if mark == "fault":
        failed = ToolUse.objects.filter(session=session, step__gt=step, ok=False, executed=True)
        steps += failed.order_by("step").values_list("step", flat=True)[:1]
    return min(steps, default=None)


def last_approved(
    user: Person, approval: Approval, before: datetime | None = None
) -> Approval | None:
    """The last call of this tool that people let through, to compare with; of those that this
    person may see."""
    rows = visible_approvals(user).filter(
        tool=approval.tool, state__in=(Approval.State.APPROVED, Approval.State.CONSUMED)
    )
    if before is not None:
        rows = rows.filter(decided_at__lt=before)
    return rows.exclude(pk=approval.pk).order_by("-decided_at").first()


def past(
    user: Person, approval: Approval, before: datetime | None = None, most: int = 30
) -> Sequence[Approval]:
    """How calls of this tool that this person may see were decided in thirty days, oldest first."""
    until = before or timezone.now()
    since = until - timedelta(days=30)
    ever = visible_approvals(user).filter(tool=approval.tool).select_related("decided_by")
    rows = ever.filter(decided_at__gte=since, decided_at__lt=until)
    return list(reversed(rows.exclude(pk=approval.pk).order_by("-decided_at")[:most]))
