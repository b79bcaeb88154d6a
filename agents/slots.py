"""Who may work next: slots per agent and in all, fair between agents, first come within one.

A session holds a slot while a worker holds its lease, and only then: one that waits for a person
or for its time holds none. The agent with the fewest sessions at work is served first; among
equals, the one that has waited longest for its turn.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from agents.models import AgentDefinition, Served, Session, Slots

Status = Session.Status

PARKED = (Status.QUEUED, Status.WAITING_APPROVAL, Status.WAITING_INPUT)
NEVER = datetime.min.replace(tzinfo=UTC)
_ADVISORY_LOCK = 0x07E5_5107  # any number that nothing else in the database locks


@dataclass(frozen=True, slots=True)
class Queue:
    """One agent's sessions. ``slots`` is None where only the limit for all holds."""

    waiting: int
    working: int = 0
    slots: int | None = None
    served_at: datetime = NEVER

    @property
    def room(self) -> int:
        free = self.waiting if self.slots is None else self.slots - self.working
        return max(min(self.waiting, free), 0)


def share(seats: int, queues: Mapping[str, Queue]) -> dict[str, int]:
    """How many of each agent's waiting sessions begin, when there is room for ``seats``."""
    given: Counter[str] = Counter()
    turns = [(q.working, q.served_at, agent) for agent, q in queues.items() if q.room]
    heapq.heapify(turns)
    while turns and seats > 0:
        working, served_at, agent = heapq.heappop(turns)
        given[agent] += 1
        seats -= 1
        if given[agent] < queues[agent].room:
            heapq.heappush(turns, (working + 1, served_at, agent))
    return dict(given)


def runnable() -> QuerySet[Session]:
    """Sessions that wait for a worker: now, or since their time has come."""
    waiting = Q(status=Status.QUEUED, resume_at=None)
    return Session.objects.filter(waiting | Q(status__in=PARKED, resume_at__lte=Now()))


def orphaned() -> QuerySet[Session]:
    """Sessions whose holder is gone. They keep their slots."""
    return Session.objects.filter(status=Status.RUNNING, lease_until__lt=Now())


def pick(limit: int) -> list[Session]:
    """Rows to lease now, at most ``limit``; locked until the caller's transaction ends."""
    _one_at_a_time()
    rows = list(_locked(orphaned())[:limit])
    working = working_by_agent()
    seats = min(limit - len(rows), in_all() - working.total())
    if seats <= 0:
        return rows
    queues = _queues(working)
    given = share(seats, queues)
    for agent, count in given.items():
        rows += _locked(runnable().filter(agent=agent))[:count]
    if sum(given.values()) < sum(queue.waiting for queue in queues.values()):
        _served(given)
    return rows


def in_all() -> int:
    """Sessions at work at once, all agents together."""
    found = Slots.objects.filter(name=Slots.ALL).values_list("sessions", flat=True).first()
    return Slots.DEFAULT if found is None else found


def working_by_agent() -> Counter[str]:
    return _count(Session.objects.filter(status=Status.RUNNING))


def _queues(working: Mapping[str, int]) -> dict[str, Queue]:
    waiting = _count(runnable())
    slots = dict(AgentDefinition.objects.exclude(slots=None).values_list("name", "slots"))
    served = dict(Served.objects.values_list("agent", "at"))
    return {
        agent: Queue(count, working.get(agent, 0), slots.get(agent), served.get(agent, NEVER))
        for agent, count in waiting.items()
    }


def _count(rows: QuerySet[Session]) -> Counter[str]:
    counted = rows.order_by().values_list("agent").annotate(count=Count("pk"))
    return Counter(dict(counted))


def _served(agents: Iterable[str]) -> None:
    # Only where somebody has to wait does the order matter, so only then is it remembered.
    rows = [Served(agent=agent, at=timezone.now()) for agent in agents]
    Served.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["agent"], update_fields=["at"]
    )


def _one_at_a_time() -> None:
    """Two workers that count at once would both find the same slot free."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
    # SQLite's transactions are IMMEDIATE: there is one writer anyway.


def _locked(rows: QuerySet[Session]) -> QuerySet[Session]:
    found = rows.only("pk", "uuid", "term", "resume_at").order_by("pk")
    return found.select_for_update(skip_locked=True)


# For pages


@dataclass(frozen=True, slots=True)
class Place:
    """Why a session that could work does not. ``slots`` None: every slot of all agents is taken."""

    ahead: int  # sessions of its agent that come before it
    working: int  # of its agent, or of all
    slots: int | None  # its agent's, if these are what is missing

    @property
    def full(self) -> bool:
        return self.slots is not None


def place(session: Session) -> Place | None:
    """A queued session's place; None where it is not queued, or its time has not come."""
    ahead = runnable().filter(agent=session.agent, pk__lt=session.pk).count()
    if not runnable().filter(pk=session.pk).exists():
        return None
    working = working_by_agent()
    slots = _slots_of(session.agent)
    if slots is not None and working[session.agent] >= slots:
        return Place(ahead, working[session.agent], slots)
    return Place(ahead, working.total(), None)


def _slots_of(agent: str) -> int | None:
    return AgentDefinition.objects.filter(name=agent).values_list("slots", flat=True).first()
