"""One driver per session, by the database's clock; a term that rises with every holder."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import IO

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.utils import timezone

from agents.leases import Holder, Lease, bury
from agents.models import Session, Worker

pytestmark = pytest.mark.django_db(transaction=True)


def queued(count: int = 1, **fields: object) -> list[Session]:
    rows = [Session(agent="a", title="t", task="t", model="m", **fields) for _ in range(count)]
    return Session.objects.bulk_create(rows)


@pytest.fixture
def holder() -> Iterator[Holder]:
    held = Holder(seconds=30)
    held.open()
    yield held
    held.close()


@pytest.fixture
def other() -> Iterator[Holder]:
    held = Holder(seconds=30)
    held.open()
    yield held
    held.close()


def test_a_session_is_taken_by_one_holder(holder: Holder, other: Holder) -> None:
    (row,) = queued()
    assert holder.take(10) == [Lease(row.pk, str(row.uuid), 1)]
    assert other.take(10) == []
    row.refresh_from_db()
    assert (row.status, row.term, row.lease_owner) == ("running", 1, holder.name)


def test_many_holders_at_once_share_without_doubling() -> None:
    queued(60)
    holders = [Holder(seconds=30) for _ in range(6)]

    def take(held: Holder) -> list[int]:
        try:
            return [lease.session for _ in range(20) for lease in held.take(2)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as threads:
        taken = [session for found in threads.map(take, holders) for session in found]
    assert len(taken) == len(set(taken))
    rest = [lease.session for lease in holders[0].take(100)]
    assert sorted([*taken, *rest]) == sorted(Session.objects.values_list("pk", flat=True))


def test_a_lease_that_ran_out_is_taken_under_a_new_term(holder: Holder, other: Holder) -> None:
    (row,) = queued()
    Holder(seconds=-1).take(1)
    assert [lease.term for lease in holder.take(1)] == [2]
    assert other.take(1) == []
    assert row.pk


@pytest.mark.parametrize(
    "status", ["waiting_approval", "waiting_input", "paused", "outcome_review", "completed"]
)
def test_what_waits_for_people_or_is_over_is_not_taken(holder: Holder, status: str) -> None:
    queued(status=status)
    assert holder.take(10) == []


def test_a_timed_park_is_taken_when_its_time_has_come(holder: Holder) -> None:
    (row,) = queued(resume_at=timezone.now() + timedelta(hours=2))
    assert holder.take(10) == []
    Session.objects.update(resume_at=timezone.now() - timedelta(seconds=1))
    assert [lease.session for lease in holder.take(10)] == [row.pk]


def test_a_beat_renews_what_is_ours_and_tells_what_is_not(holder: Holder, other: Holder) -> None:
    mine, lost = queued(2)
    holder.take(2)
    Session.objects.filter(pk=lost.pk).update(lease_owner=other.name)
    Session.objects.filter(pk=mine.pk).update(lease_until=timezone.now())
    assert holder.beat([mine.pk, lost.pk]) == {mine.pk}
    mine.refresh_from_db()
    assert mine.lease_until
    assert mine.lease_until > timezone.now() + timedelta(seconds=20)


def test_the_leases_of_a_process_that_died_run_out_at_once(holder: Holder) -> None:
    dead = Holder(seconds=3600)
    dead.open()
    (row,) = queued()
    dead.take(1)
    assert dead._file
    dead._file.close()  # what the kernel does to the lock of a process that is gone
    assert holder.take(1) == []
    bury()
    assert [(lease.session, lease.term) for lease in holder.take(1)] == [(row.pk, 2)]
    assert not Worker.objects.filter(name=dead.name).exists()


def test_a_process_that_died_takes_no_session_that_is_over_with_it() -> None:
    dead = Holder(seconds=3600)
    dead.open()
    (row,) = queued()
    dead.take(1)
    Session.objects.filter(pk=row.pk).update(status="completed", lease_until=None)
    assert dead._file
    dead._file.close()
    bury()
    row.refresh_from_db()
    assert row.lease_until is None


def test_a_worker_that_was_not_seen_for_long_is_forgotten(holder: Holder) -> None:
    for name, minutes in (("gone", 11), ("late", 9)):
        seen = timezone.now() - timedelta(minutes=minutes)
        Worker.objects.create(name=name, seen_at=seen, sessions=0)
    bury()
    assert set(Worker.objects.values_list("name", flat=True)) == {holder.name, "late"}


def test_a_living_process_is_not_buried(holder: Holder, other: Holder) -> None:
    queued()
    holder.take(1)
    bury()
    assert other.take(1) == []
    assert Worker.objects.count() == 2


def test_a_process_that_ends_lets_go_at_once(other: Holder) -> None:
    leaving = Holder(seconds=3600)
    leaving.open()
    queued()
    leaving.take(1)
    leaving.close()
    assert len(other.take(1)) == 1
    assert not (Path(settings.OVERSIGHT_DATA) / "workers" / leaving.name).exists()


def test_a_process_that_begins_is_not_buried(
    other: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, begins = fcntl.flock, Holder(seconds=30)

    def late(file: IO[str], flags: int) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(fcntl, "flock", lock)
            bury()
        lock(file, flags)

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", late)
        begins.open()
    assert (Path(settings.OVERSIGHT_DATA) / "workers" / begins.name).exists()
    queued()
    begins.take(1)
    bury()
    assert other.take(1) == []
    begins.close()


def test_two_workers_bury_one_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Path(settings.OVERSIGHT_DATA) / "workers" / "gone"
    monkeypatch.setattr(Path, "glob", lambda *_: [gone])
    bury()


def test_a_beat_and_the_journal_lock_sessions_in_one_order(holder: Holder) -> None:
    if connection.vendor == "sqlite":  # one writer at a time: no rows are locked
        return
    first, second = queued(2)
    holder.take(2)
    # Whatever looks at rows as they lie on the disk now meets the second one first.
    Session.objects.filter(pk=first.pk).update(title="moved")
    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        journals = Session.objects.select_for_update(nowait=True)
        journals.get(pk=first.pk)
        beat = threads.submit(_closing(lambda: holder.beat([first.pk, second.pk])))
        until_blocked()
        journals.get(pk=second.pk)  # raises where the beat has it already
    assert beat.result(20) == {first.pk, second.pk}


def _closing(work: Callable[[], set[int]]) -> Callable[[], set[int]]:
    def closing() -> set[int]:
        try:
            return work()
        finally:
            connections.close_all()

    return closing


def until_blocked() -> None:
    """Return once another connection waits for a lock."""
    with connection.cursor() as cursor:
        for _ in range(2000):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")
