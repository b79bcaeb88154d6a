"""Looks for anomalies in what was settled since the last time, beside the log.

Everything that one pass learns and finds is committed together with how far it got: a worker that
dies in a pass leaves it to be done again, with the same findings under the same digests.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from agents import alerts
from agents.core import canonical
from agents.core.habits import Habits
from agents.core.risk import Risk
from agents.core.watch import Call, Decision, End, Finding, Happening, Seen, Turn, watch
from agents.insights.sentences import sentence
from agents.models import Anomaly, Habit, Incident, RollupState, Session, ToolUse, TurnUse

Owner: TypeAlias = tuple[str, int | None]  # an agent and the group of its sessions

LATE = timedelta(seconds=10)  # what commits meanwhile is seen the next time
_PIECE = timedelta(days=1)
_RECENT = timedelta(days=1)  # what is found in older logs is no news
# What these return was written by anybody at all, as is whatever an MCP server or an address gives.
OUTSIDE = frozenset({"search_web"})
_ANSWERED = frozenset({"approved", "denied", "answered"})


def look(now: datetime, late: timedelta = LATE) -> None:
    """Look at everything that came since the last look, up to ``late`` ago."""
    begins = RollupState.objects.get(pk=1).watched_at or _first()
    upto = now - late
    while begins is not None and begins < upto:
        ends = min(begins + _PIECE, upto)
        with transaction.atomic():
            _piece(begins, ends)
            RollupState.objects.filter(pk=1).update(watched_at=ends)
        begins = ends


def forget() -> None:
    """Learn everything anew with the next look. What was found stays, and who set it aside."""
    with transaction.atomic():
        Habit.objects.all().delete()
        RollupState.objects.filter(pk=1).update(watched_at=None)


def _first() -> datetime | None:
    first: datetime | None = Session.objects.aggregate(first=Min("created_at"))["first"]
    return first and first - timedelta(seconds=1)


def _piece(begins: datetime, ends: datetime) -> None:
    habits: dict[Owner, Habits] = {}
    found: list[Anomaly] = []
    for owner, seen in _observations(begins, ends):
        if owner not in habits:
            habits[owner] = _habits(owner)
        found += [_anomaly(owner, finding) for finding in watch(habits[owner], seen)]
    for (agent, group), learnt in habits.items():
        rows = Habit.objects.filter(Q(agent=agent, group_id=group))
        if not rows.update(data=learnt.dump()):
            Habit.objects.create(agent=agent, group_id=group, data=learnt.dump())
    _keep(found)


def _keep(found: list[Anomaly]) -> None:
    """Store what is new, and tell whoever listens of what is new and recent."""
    digests = [one.digest for one in found]
    known = set(Anomaly.objects.filter(digest__in=digests).values_list("digest", flat=True))
    Anomaly.objects.bulk_create(found, ignore_conflicts=True)
    since = timezone.now() - _RECENT
    for one in found:
        if one.digest not in known and one.level == Anomaly.Level.ALERT and one.at >= since:
            alerts.raise_alert(_happening(one))


def _happening(anomaly: Anomaly) -> alerts.Happening:
    place = f"?before={anomaly.step + 1}#e-{anomaly.seq}"
    # A host is part of a call's arguments, which only those hear of whose rule says so.
    host = anomaly.subject if anomaly.kind == "new_host" else ""
    return alerts.anomaly_found(
        anomaly.digest,
        str(sentence(anomaly, host and "a host")),
        anomaly.session.pk,
        str(anomaly.session.uuid),
        anomaly.agent,
        place,
        host,
    )


def _habits(owner: Owner) -> Habits:
    agent, group = owner
    stored = Habit.objects.filter(Q(agent=agent, group_id=group)).first()
    return Habits.load(stored.data) if stored else Habits()


def _anomaly(owner: Owner, finding: Finding) -> Anomaly:
    agent, group = owner
    return Anomaly(
        digest=canonical.digest([agent, group, finding.key]),
        kind=finding.kind,
        level=finding.level,
        agent=agent,
        group_id=group,
        subject=finding.subject[:253],
        session_id=int(finding.session),
        step=finding.step,
        seq=finding.seq,
        at=datetime.fromtimestamp(finding.at, UTC),
        parts=finding.parts,
    )


def _observations(begins: datetime, ends: datetime) -> Iterator[tuple[Owner, Seen]]:
    """What was settled after ``begins`` and up to ``ends``, in its order."""
    found = [
        *_calls(begins, ends),
        *_turns(begins, ends),
        *_incidents(begins, ends),
        *_ends(begins, ends),
    ]
    found.sort(key=lambda one: (one[1].at, int(one[1].session), one[1].seq))
    yield from found


def _calls(begins: datetime, ends: datetime) -> Iterator[tuple[Owner, Seen]]:
    rows = ToolUse.objects.filter(settled_at__gt=begins, settled_at__lte=ends)
    for use in rows.select_related("session").only(*_OF_CALL).order_by().iterator():
        owner = (use.session.agent, use.session.group_id)
        assert use.settled_at is not None
        place = (str(use.session_id), use.seq, use.step, use.settled_at.timestamp())
        if use.decision in _ANSWERED:
            yield owner, Decision(*place, use.decision == "denied")
        yield (
            owner,
            Call(
                *place,
                use.tool,
                Risk.of(use.risk),
                bool(use.ok),
                bool(use.executed),
                use.duration_ms,
                use.size,
                denied=use.decision == "denied" or use.verdict == "deny",
                host=use.host,
                outside=bool(use.host) or "__" in use.tool or use.tool in OUTSIDE,
            ),
        )


_OF_CALL = (
    "session__agent",
    "session__group_id",
    *"session_id seq step settled_at tool risk ok executed duration_ms size".split(),
    *"decision verdict host".split(),
)


def _turns(begins: datetime, ends: datetime) -> Iterator[tuple[Owner, Seen]]:
    rows = TurnUse.objects.filter(at__gt=begins, at__lte=ends).order_by()
    for turn in rows.select_related("session").iterator():
        read = turn.fresh + turn.cache_write + turn.cache_read
        yield (
            (turn.session.agent, turn.session.group_id),
            Turn(
                str(turn.session_id),
                turn.seq,
                turn.step,
                turn.at.timestamp(),
                turn.model,
                turn.duration_ms,
                turn.output,
                read,
                turn.cache_read,
                None if turn.cost is None else float(turn.cost),
            ),
        )


def _incidents(begins: datetime, ends: datetime) -> Iterator[tuple[Owner, Seen]]:
    rows = Incident.objects.filter(at__gt=begins, at__lte=ends).select_related("session")
    for one in rows.order_by():
        place = (str(one.session_id), one.seq, one.step, one.at.timestamp())
        owner = (one.session.agent, one.session.group_id)
        yield owner, Happening(*place, one.kind, one.detail)


def _ends(begins: datetime, ends: datetime) -> Iterator[tuple[Owner, Seen]]:
    rows = Session.objects.filter(ended_at__gt=begins, ended_at__lte=ends).order_by()
    fields = ("agent", "group_id", "pk", "last_seq", "steps", "ended_at")
    for agent, group, pk, seq, step, at in rows.values_list(*fields):
        if at is not None:
            yield (agent, group), End(str(pk), seq, step, at.timestamp())
