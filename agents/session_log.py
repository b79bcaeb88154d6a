"""One session's log as the holder of one lease term sees it: the loop's ``Log``."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from agents import inbox
from agents.core import events
from agents.core.events import Record
from agents.core.fold import replay
from agents.core.loop import POLL, Fenced, Moved
from agents.core.state import State
from agents.core.step import Done, Park
from agents.doorbell import bell
from agents.journal import Append, ClaimRefused, Entry, Refused, entry, journal, read
from agents.models import LateEvidence, Session
from agents.threads import DatabaseThreads

T = TypeVar("T")

_threads = DatabaseThreads(2, "log")

PAGE = 1000  # records of one reading
GHOST_EVERY = 0.1  # seconds between two pieces of ghost text of one session


async def in_thread(work: Callable[[], T]) -> T:
    return await _threads.run(work)


async def close_threads() -> None:
    await _threads.close()


@dataclass(eq=False)
class SessionLog:
    session: int
    uuid: str
    term: int
    state: State = field(default_factory=State)
    held_until: float = math.inf  # by the monotonic clock, in seconds
    draining: bool = False
    due: bool = False  # taken from a timed park that the database's clock ended
    _woken: int | None = None  # the head when it was taken from there
    _known: int = 0  # the head, as far as we have heard
    _polled: float = 0.0
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _whispered: float = 0.0

    async def load(self) -> State:
        if self._known > self.state.seq or time.monotonic() - self._polled > POLL:
            await self._catch_up()
        return self.state

    def now(self) -> datetime:
        now = datetime.now(UTC)
        if self.due and self._woken is None and self.state.seq:
            self._woken = self.state.seq
        wakes_at = self.state.wakes_at
        return max(now, wakes_at) if wakes_at and self.state.seq == self._woken else now

    async def _catch_up(self) -> None:
        self._polled = time.monotonic()
        while True:
            known = self._known
            records = await in_thread(lambda: read(self.session, self.state.seq, PAGE))
            self._fold(records)
            if len(records) < PAGE and self._known == known:  # else the bell rang while we read
                self._known = min(known, self.state.seq)
                return

    def _fold(self, records: list[Record]) -> None:
        fresh = [record for record in records if record.seq > self.state.seq]
        if fresh and fresh[0].seq == self.state.seq + 1:
            self.state = replay(fresh, self.state)
        elif fresh:
            self._known = max(self._known, fresh[-1].seq)

    def heard(self, seq: int) -> None:
        """The doorbell rang, or the driver must look up."""
        if seq > self.state.seq:
            self._known = max(self._known, seq)
            self._news.set()

    def nudge(self) -> None:
        self._news.set()

    async def changed(self, seq: int, timeout: float) -> None:
        if self._known > seq or self.state.seq > seq:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            self._polled = 0.0
        self._news.clear()

    async def record(
        self, *facts: events.Fact, seen: int | None = None, catalogue: int | None = None
    ) -> None:
        step = self._step(facts)
        await self._append(
            Append(
                self.session,
                [entry(fact, _actor(fact), step) for fact in facts],
                term=self.term,
                seen=seen,
                catalogue=catalogue,
            )
        )

    async def claim(
        self, fact: events.ToolStarted, seen: int, catalogue: int | None = None
    ) -> bool:
        try:
            await self._append(
                Append(
                    self.session,
                    [entry(fact, "runtime", self.state.step)],
                    term=self.term,
                    claim=seen,
                    catalogue=catalogue,
                    guard=self._authority(fact),
                )
            )
        except inbox.GrantOver as over:
            return await self._revoke(over)
        except inbox.RightsLost as lost:
            return await self._reopen(lost)
        except inbox.Void as void:
            await self.record(_voided(fact, void))
            return False
        except ClaimRefused:
            self._polled = 0.0  # read what forbade it before thinking again
            return False
        return True

    def _authority(self, fact: events.ToolStarted) -> Callable[[Session], list[Entry]] | None:
        """What must still stand for a call to begin: its approval, its grant, or nothing."""
        if fact.approval_id:
            return inbox.consume(fact)
        call = self.state.find(fact.call_id)
        return (
            inbox.use(call.grant, call.risk) if call and call.grant and not call.attempt else None
        )

    async def _revoke(self, over: inbox.GrantOver) -> bool:
        with suppress(ClaimRefused):
            await self._append(inbox.end(over, self.term))
        self._polled = 0.0
        return False

    async def _reopen(self, lost: inbox.RightsLost) -> bool:
        with suppress(ClaimRefused):
            await self._append(inbox.reopen(lost.approval, self.term))
        self._polled = 0.0
        return False

    def holds(self) -> bool:
        return time.monotonic() < self.held_until

    async def late(self, call_id: str, text: str) -> None:
        def keep() -> None:
            LateEvidence.objects.create(
                session_id=self.session, call_id=call_id, term=self.term, text=text
            )

        await in_thread(keep)

    def ghost(self, step: int, kind: str, text: str) -> None:
        now = time.monotonic()
        if text and now - self._whispered < GHOST_EVERY:
            return
        self._whispered = now
        bell.whisper(self.session, step, self.term, kind, text)

    async def release(self, park: Park | Done, seq: int) -> bool:
        if isinstance(park, Done):
            return True  # ending the session ended the lease

        def guard(row: Session) -> list[Entry]:
            row.status, row.resume_at = park.status, park.resume_at
            row.asking, row.question = park.asking[:300], park.question[:60]
            row.waits_for = park.waits_for
            row.lease_owner, row.lease_until = "", None
            return []

        try:
            await self._append(Append(self.session, term=self.term, seen=seq, guard=guard))
        except Moved:
            self._polled = 0.0
            return False
        return True

    async def _append(self, append: Append) -> None:
        try:
            # A cancelled driver must not leave an append that nobody learned the fate of.
            records = await asyncio.shield(journal.post(append))
            self._fold(records)
            if records and self._known <= self.state.seq:
                self._polled = time.monotonic()  # ours came next: we have seen all before it
        except Fenced:
            raise
        except Moved:
            self._polled = 0.0
            raise
        except ClaimRefused:
            raise
        except Refused as error:
            raise Fenced(str(error)) from error

    def _step(self, facts: Iterable[events.Fact]) -> int:
        """The turn in progress, and what is judged with it, belongs to the step it becomes."""
        turn = (events.Thinking, events.ModelRetried, events.TurnDiscarded)
        return self.state.step + any(isinstance(fact, turn) for fact in facts)


def _voided(fact: events.ToolStarted, void: inbox.Void) -> events.ApprovalDecided:
    return events.ApprovalDecided(
        approval_id=fact.approval_id or "",
        call_id=fact.call_id,
        decision=void.decision,
        by="policy",
        reason=str(void),
        digest=fact.digest,
    )


def _actor(fact: events.Fact) -> str:
    match fact:
        case events.Thinking() | events.ToolCall():
            return "model"
        case events.ApprovalDecided():
            return "policy:gate"
        case _:
            return "runtime"
