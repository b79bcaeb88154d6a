"""The thread that writes: group commit, and the answers to who waits."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from agents.core.events import Record
from agents.doorbell import News, bell
from agents.journal import rows
from agents.journal.admission import REFUSALS, admit, catalogue_version
from agents.journal.entries import Append, Batch, FateUnknown
from agents.models import Event, Session

log = structlog.get_logger("agents.events")

MAX_BATCH = 500  # appends in one transaction


class Journal:
    """The writer thread of this process."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Append | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit(self, append: Append) -> Future[list[Record]]:
        """The future yields the records once they are durable. Called from any thread."""
        append.future = future = Future[list[Record]]()
        self._put(append)
        return future

    def post(self, append: Append) -> asyncio.Future[list[Record]]:
        """Like ``submit``, for callers on an event loop."""
        append.future = future = asyncio.get_running_loop().create_future()
        self._put(append)
        return future

    def append(self, append: Append) -> list[Record]:
        """Like ``submit``, for synchronous callers: returns once durable, or raises."""
        return self.submit(append).result()

    def _put(self, append: Append) -> None:
        self._queue.put(append)
        self._start()

    def close(self) -> None:
        """Write what waits, then end the thread."""
        thread = self._thread
        if thread and thread.is_alive():
            self._queue.put(None)
            thread.join()
        self._thread = None
        if not self._queue.empty():  # it came while the thread was ending
            self._start()

    def _start(self) -> None:
        if self._thread and self._thread.is_alive():
            return
        with self._starting:
            if not (self._thread and self._thread.is_alive()):
                self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            batch = self._gather()
            appends = [append for append in batch if append is not None]
            if appends:
                self._commit(appends)
            if None in batch:
                connection.close()
                return

    def _gather(self) -> list[Append | None]:
        batch = [self._queue.get()]
        while len(batch) < MAX_BATCH:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _commit(self, appends: list[Append]) -> None:
        """Write the batch; if it fails as a whole, each append alone, so that one bad append
        never costs its neighbours theirs."""
        batch = Batch()
        try:
            _write(appends, batch)
        except Exception as error:  # noqa: BLE001 - each append alone gets its own answer
            landed = _landed(batch, error)
            if landed is None:
                _give_up(appends, error)
            elif not landed:
                self._retry(appends, error)
            if not landed:
                return
        _publish(batch)

    def _retry(self, appends: list[Append], error: Exception) -> None:
        if len(appends) > 1:
            for append in appends:
                self._commit([append])
            return
        log.error("append_failed", session=appends[0].session, error=str(error))
        _answer([(appends[0], error)])


journal = Journal()


def _write(appends: list[Append], batch: Batch) -> None:
    with transaction.atomic():
        batch.rows = rows.lock({append.session for append in appends})
        batch.catalogue = catalogue_version(appends)
        for append in appends:
            try:
                batch.outcomes.append((append, admit(batch, append)))
            except REFUSALS as refusal:
                batch.outcomes.append((append, refusal))
        rows.insert(batch.records)
        batch.writes.save()
        rows.save([batch.rows[pk] for pk in batch.touched])
        batch.writes.spending.save()


def _landed(batch: Batch, error: Exception) -> bool | None:
    """Whether a commit that failed took place all the same: its answer may be all that was lost.
    None if nobody knows, because the database cannot be asked.

    The chain makes it plain: an event with our digest in its place can only be ours.
    """
    if not isinstance(error, DatabaseError | InterfaceError):
        return False
    connection.close()
    if not batch.records:
        return False
    row, record, _ = batch.records[-1]
    try:
        with transaction.atomic():
            rows.lock({row.pk})  # a commit that is still under way holds it to its end
            return Event.objects.filter(session=row, seq=record.seq, digest=record.digest).exists()
    except (DatabaseError, InterfaceError):
        return None


def _give_up(appends: list[Append], error: Exception) -> None:
    """Nothing is written again that may be on record. Drivers end and their sessions' logs are read
    by whoever takes the leases next; people look."""
    log.error("append_fate_unknown", sessions=[one.session for one in appends], error=str(error))
    _answer([(append, FateUnknown(str(error))) for append in appends])


def _publish(batch: Batch) -> None:
    """After the commit: answer who waits, log each event, ring."""
    _answer(batch.outcomes)
    for row, record, _ in batch.records:
        log.info(
            "event",
            session=str(row.uuid),
            seq=record.seq,
            step=record.step,
            kind=record.kind,
            actor=record.actor,
            term=record.term,
        )
    if batch.records or batch.touched:
        bell.ring(_news(batch))


def _answer(outcomes: Sequence[tuple[Append, list[Record] | Exception]]) -> None:
    """Answer whoever waits. An event loop is woken once, however many of its appends are done:
    each wake-up is a system call that lets go of the interpreter."""
    loops: dict[asyncio.AbstractEventLoop, list[partial[None]]] = {}
    for append, outcome in outcomes:
        settle = partial(_settle, append.future, outcome)
        if isinstance(append.future, asyncio.Future):
            loops.setdefault(append.future.get_loop(), []).append(settle)
        else:
            settle()
    for loop, settling in loops.items():
        with suppress(RuntimeError):  # the loop closed meanwhile
            loop.call_soon_threadsafe(_each, settling)


def _settle(
    future: Future[list[Record]] | asyncio.Future[list[Record]], outcome: list[Record] | Exception
) -> None:
    if future.done():  # whoever waited has gone
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _each(calls: Iterable[Callable[[], None]]) -> None:
    for call in calls:
        call()


def _news(batch: Batch) -> News:
    touched = [batch.rows[pk] for pk in batch.touched]
    return News(
        {row.pk: row.last_seq for row in touched},
        inbox=batch.writes.inbox,
        runnable=any(row.status == Session.Status.QUEUED for row in touched),
    )
