"""A log in memory, with the guards of the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agents.core import events
from agents.core.events import Fact, Record
from agents.core.fold import replay
from agents.core.loop import Fenced, Moved
from agents.core.state import State
from agents.core.step import Done, Park

_TURN = (events.Thinking, events.ModelRetried, events.TurnDiscarded)


class ClaimRefused(Exception):
    """The log has moved on in a way that forbids the claim."""


@dataclass
class MemoryStore:
    """One session's log and lease, shared by all who hold it in turn."""

    uuid: str = "5e551011-0000-4000-8000-000000000000"
    records: list[Record] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)  # the log's length after each append
    term: int = 0
    held: bool = False
    parked: Park | None = None  # how the last holder let go
    catalogue: int = 1
    control_seq: int = 0
    later: timedelta = timedelta()  # how far its holders' clock is ahead
    evidence: list[tuple[str, str]] = field(default_factory=list)
    after: Callable[[Record], None] = lambda record: None  # called once it is in the log
    before_claim: Callable[[events.ToolStarted], None] = lambda fact: None
    _step: int = 0
    _closed: set[str] = field(default_factory=set)  # stopping, pausing, ended
    _approvals: dict[str, str] = field(default_factory=dict)
    _bells: list[asyncio.Event] = field(default_factory=list)

    def lease(self) -> MemoryLog:
        """The log as its next holder sees it; the one before is fenced."""
        self.term, self.held = self.term + 1, True
        return MemoryLog(self, self.term)

    def prefix(self, length: int) -> MemoryStore:
        """A log of its own with the first ``length`` records: what a crash leaves."""
        store = MemoryStore(self.uuid)
        for record in self.records[:length]:
            store.term = max(store.term, record.term)
            store._place(record)
        return store

    def write(self, *facts: Fact) -> None:
        """What a person writes: under no term."""
        self._append(facts)

    def kill(self, *facts: Fact) -> None:
        """Take the lease away from whoever holds it, and write."""
        self.term, self.held = self.term + 1, False
        self._append(facts)

    def state(self) -> State:
        return replay(self.records)

    def append(self, facts: Sequence[Fact], term: int, seen: int | None, catalogue: int) -> None:
        self._check_term(term)
        if seen is not None and seen != len(self.records):
            raise Moved(f"the log is at {len(self.records)}, not {seen}")
        if catalogue != self.catalogue:
            raise Moved(f"the catalogue is at version {self.catalogue}")
        self._append(facts)

    def claim(self, fact: events.ToolStarted, term: int, seen: int) -> None:
        self._check_term(term)
        if self._closed or self.control_seq > seen:
            raise ClaimRefused("a stop, a pause or a decision came first")
        if fact.approval_id and self._approvals.get(fact.approval_id) != "approved":
            raise ClaimRefused("the approval is no longer there to be used")
        self._append([fact])

    def _check_term(self, term: int) -> None:
        if term != self.term or not self.held:
            raise Fenced(f"the lease of term {term} is lost")

    def _append(self, facts: Sequence[Fact]) -> None:
        fresh = [self._record(fact, at) for at, fact in enumerate(facts, len(self.records) + 1)]
        for record in fresh:
            self._place(record)
        self.commits.append(len(self.records))
        for bell in self._bells:
            bell.set()
        for record in fresh:
            self.after(record)

    def _record(self, fact: Fact, seq: int) -> Record:
        stored = events.decode(fact.kind, events.parse_text(events.bounded(fact)))
        step = self._step + isinstance(fact, _TURN)
        return Record(self.uuid, seq, step, stored, datetime.now(UTC), "", self.term, "")

    def _place(self, record: Record) -> None:
        fact = record.fact
        self.records.append(record)
        if isinstance(fact, events.Thinking):
            self._step = record.step
        match fact:
            case events.StopRequested():
                self._forbid(record, "stopping")
            case events.Paused():
                self._forbid(record, "pausing")
            case events.Resumed():
                self._closed.discard("pausing")
            case events.Complete() | events.Error() | events.Stopped():
                self._closed.add("ended")
                self.held = False
            case events.ApprovalDecided():
                self._approvals[fact.approval_id] = fact.decision
                if fact.decision not in ("approved", "answered"):
                    self._forbid(record)
            case events.VoteWithdrawn():
                self._forbid(record)
            case events.ToolStarted(approval_id=str(approval_id)):
                self._approvals[approval_id] = "consumed"
            case _:
                pass

    def _forbid(self, record: Record, how: str = "") -> None:
        self.control_seq = record.seq
        self._closed |= {how} - {""}


class MemoryLog:
    """The log as the holder of one term sees it."""

    def __init__(self, store: MemoryStore, term: int) -> None:
        self.store, self.term = store, term
        self.draining = False
        self.certain = True  # that the lease holds still
        self.ghosts: list[tuple[int, str, str]] = []
        self._state = State()

    async def load(self) -> State:
        self._state = replay(self.store.records[self._state.seq :], self._state)
        return self._state

    def now(self) -> datetime:
        return datetime.now(UTC) + self.store.later

    def holds(self) -> bool:
        return self.certain

    async def record(
        self, *facts: Fact, seen: int | None = None, catalogue: int | None = None
    ) -> None:
        await asyncio.sleep(0)  # as a commit would, let others go first
        version = self.store.catalogue if catalogue is None else catalogue
        self.store.append(facts, self.term, seen, version)

    async def claim(
        self, fact: events.ToolStarted, seen: int, catalogue: int | None = None
    ) -> bool:
        await asyncio.sleep(0)
        if catalogue not in (None, self.store.catalogue):
            raise Moved(f"the catalogue is at version {self.store.catalogue}")
        try:
            self.store.before_claim(fact)
            self.store.claim(fact, self.term, seen)
        except ClaimRefused:
            return False
        return True

    async def changed(self, seq: int, timeout: float) -> None:
        bell = asyncio.Event()
        self.store._bells.append(bell)
        try:
            if len(self.store.records) <= seq:
                await asyncio.wait_for(bell.wait(), timeout)
        except TimeoutError:
            pass
        finally:
            self.store._bells.remove(bell)

    async def release(self, park: Park | Done, seq: int) -> bool:
        if isinstance(park, Done):
            return True
        self.store._check_term(self.term)
        if seq != len(self.store.records):
            return False
        self.store.held = False
        self.store.parked = park
        return True

    async def late(self, call_id: str, text: str) -> None:
        self.store.evidence.append((call_id, text))

    def ghost(self, step: int, kind: str, text: str) -> None:
        self.ghosts.append((step, kind, text))
