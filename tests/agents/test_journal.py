"""Appending: one commit for all who wait, guarded, gap-free, chained."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from agents import chain
from agents.core import events
from agents.core.loop import Fenced, Moved
from agents.journal import (
    MAX_TEXT,
    Append,
    ClaimRefused,
    Entry,
    FateUnknown,
    Refused,
    TooLarge,
    entry,
    journal,
    read,
    rows,
    writer,
)
from agents.journal.entries import Batch
from agents.models import Catalogue, Event, Session
from tests.agents.desk import Desk, entries, held, intent, said
from tests.servers import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of appends in each transaction from here on."""
    sizes: list[int] = []
    write = writer._write

    def counted(appends: list[Append], batch: Any) -> None:
        sizes.append(len(appends))
        write(appends, batch)

    monkeypatch.setattr(writer, "_write", counted)
    return sizes


def test_what_many_sessions_append_at_once_is_one_commit(commits: list[int]) -> None:
    desks = [Desk() for _ in range(10)]
    commits.clear()
    with held(desks[0]) as submit:
        futures = [submit(desk.appending(said())) for desk in desks for _ in range(4)]
    assert [future.result(20)[0].kind for future in futures] == ["message"] * 40
    assert commits == [1, 40]
    assert [desk.kinds() for desk in desks] == [["session_started", *["message"] * 4]] * 10
    assert chain_is_whole(*desks)


def test_a_flood_is_written_in_batches_of_a_bounded_size(
    commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_BATCH", 3)
    desk = Desk()
    commits.clear()
    with held(desk) as submit:
        futures = [submit(desk.appending(said())) for _ in range(7)]
    assert [future.result(20) for future in futures]
    assert commits == [1, 3, 3, 1]


def test_eight_threads_leave_no_gap() -> None:
    desks = [Desk() for _ in range(3)]

    def append(n: int) -> None:
        desks[n % 3].write(said(str(n)))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(append, range(240)))
    for desk in desks:
        seqs = list(desk.row.events.order_by("seq").values_list("seq", flat=True))
        assert seqs == list(range(1, 82))
    assert chain_is_whole(*desks)


def test_two_processes_leave_no_gap() -> None:
    desk = Desk()
    command = [sys.executable, "-m", "tests.agents.appender", str(desk.row.pk), "60"]
    others = [subprocess.Popen(command, cwd=ROOT, env=same_database()) for _ in range(2)]
    for n in range(60):
        desk.write(said(str(n)))
    assert [other.wait(60) for other in others] == [0, 0]
    assert desk.refresh().last_seq == 181
    assert chain_is_whole(desk)


def same_database() -> dict[str, str]:
    where = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{where['NAME']}"
    else:
        person = f"{where['USER']}:{where['PASSWORD']}" if where["PASSWORD"] else where["USER"]
        url = f"postgresql://{person}@{where['HOST']}:{where['PORT']}/{where['NAME']}"
    return {**os.environ, "DATABASE_URL": url, "OVERSIGHT_DATA": str(settings.OVERSIGHT_DATA)}


def chain_is_whole(*desks: Desk) -> bool:
    return [chain.verify(desk.row) for desk in desks] == [None] * len(desks)


# Guards


def test_an_append_under_another_term_is_fenced() -> None:
    desk = Desk()
    desk.lease()
    with pytest.raises(Fenced):
        desk.write(said(), term=1)
    assert desk.write(said(), term=2)


def test_an_append_without_the_lease_is_fenced() -> None:
    desk = Desk()
    desk.park()
    with pytest.raises(Fenced):
        desk.write(said(), term=1)


def test_an_append_under_a_head_that_moved_is_refused() -> None:
    desk = Desk()
    desk.write(said())
    with pytest.raises(Moved):
        desk.write(said(), seen=1)
    assert desk.kinds() == ["session_started", "message"]


def test_a_turn_that_was_judged_under_an_old_catalogue_is_refused() -> None:
    desk = Desk()
    version = Catalogue.objects.get(pk=1).version
    assert desk.write(said(), catalogue=version)
    with pytest.raises(Moved):
        desk.write(said(), catalogue=version + 1)


def test_a_claim_after_its_lease_ran_out_is_fenced() -> None:
    desk = Desk()
    desk.lease(seconds=-1)
    with pytest.raises(Fenced):
        desk.write(intent("c1", "d"), term=2, claim=1)


@pytest.mark.parametrize(
    "fact",
    [
        events.StopRequested("Olu"),
        events.Paused("Olu"),
        events.VoteWithdrawn(str(uuid.uuid4()), "c", "x"),
    ],
)
def test_a_claim_that_did_not_see_what_forbids_it_is_refused(fact: events.Fact) -> None:
    desk = Desk()
    desk.write(fact)
    with pytest.raises(ClaimRefused):
        desk.write(intent("c1", "d"), term=1, claim=1)


@pytest.mark.parametrize("fact", [events.StopRequested("Olu"), events.Paused("Olu")])
def test_a_claim_after_a_stop_or_a_pause_is_refused_whatever_it_saw(fact: events.Fact) -> None:
    desk = Desk()
    desk.write(fact)
    with pytest.raises(ClaimRefused):
        desk.write(intent("c1", "d"), term=1, claim=2)


def test_an_append_to_no_session_is_refused() -> None:
    with pytest.raises(Refused):
        journal.append(Append(10**9, entries(said())))


# A bad append fails alone


def test_what_is_no_json_never_reaches_a_batch() -> None:
    for bad in (float("nan"), float("inf"), {1, 2}):
        with pytest.raises((ValueError, TypeError)):
            entry(events.LimitsChanged("Olu", {"usd": bad}), "runtime")
    with pytest.raises(TooLarge):
        entry(said("x" * (MAX_TEXT + 1)), "runtime")


def bad_guard(row: Session) -> list[Entry]:
    raise ZeroDivisionError("a bug in a guard")


def bad_statement(row: Session) -> list[Entry]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")
    return []


def refusing(row: Session) -> list[Entry]:
    raise Refused("no")


@pytest.mark.parametrize(
    ("guard", "error"),
    [(bad_guard, ZeroDivisionError), (bad_statement, DatabaseError), (refusing, Refused)],
)
def test_a_bad_append_fails_alone_and_never_its_batch(
    guard: Callable[[Session], list[Entry]], error: type[Exception], commits: list[int]
) -> None:
    good, bad = Desk(), Desk()
    commits.clear()
    with held(good) as submit:
        before = submit(good.appending(said("before")))
        broken = submit(bad.appending(said("never"), guard=guard))
        after = submit(bad.appending(said("after")))
    with pytest.raises(error):
        broken.result(20)
    assert before.result(20)
    assert after.result(20)
    assert commits[1] == 3, "the three were one batch at first"
    assert bad.kinds() == ["session_started", "message"]
    assert chain_is_whole(good, bad)


def test_a_guard_that_refuses_takes_back_what_it_wrote() -> None:
    desk = Desk()

    def guard(row: Session) -> list[Entry]:
        Session.objects.filter(pk=row.pk).update(title="written")
        raise Refused("no")

    with pytest.raises(Refused):
        desk.write(said(), guard=guard)
    assert desk.refresh().title == "t"


def test_a_batch_that_the_database_throws_out_is_written_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    write, failures = writer._write, [OperationalError("deadlock detected")]

    def failing(appends: list[Append], batch: Any) -> None:
        if len(appends) > 1 and failures:
            raise failures.pop()
        write(appends, batch)

    monkeypatch.setattr(writer, "_write", failing)
    with held(desk) as submit:
        futures = [submit(desk.appending(said(str(n)))) for n in range(5)]
    assert [future.result(20)[0].seq for future in futures] == [2, 3, 4, 5, 6]
    assert chain_is_whole(desk)


@pytest.mark.parametrize("together", [1, 5])
def test_a_commit_whose_answer_is_lost_is_not_written_twice(
    monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    desk = Desk()
    write, lost = writer._write, [OperationalError("server closed the connection")]

    def losing(appends: list[Append], batch: Any) -> None:
        write(appends, batch)
        if appends[0].entries and lost:
            raise lost.pop()

    monkeypatch.setattr(writer, "_write", losing)
    with held(desk) as submit:
        futures = [submit(desk.appending(said(str(n)))) for n in range(together)]
    assert [len(future.result(20)) for future in futures] == [1] * together
    assert desk.kinds() == ["session_started", *["message"] * together]
    assert not lost
    assert chain_is_whole(desk)


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("landed", [True, False])
def test_what_may_be_on_record_is_never_written_again(
    monkeypatch: pytest.MonkeyPatch, commits: list[int], together: int, landed: bool
) -> None:
    desk = Desk()
    write, away = writer._write, InterfaceError("connection already closed")

    def losing(appends: list[Append], batch: Any) -> None:
        with transaction.atomic():
            write(appends, batch)
            transaction.set_rollback(not landed and bool(appends[0].entries))
        if appends[0].entries:
            monkeypatch.setattr(Event.objects, "filter", asked)
            raise away

    def asked(*_: object, **__: object) -> None:
        raise away

    monkeypatch.setattr(writer, "_write", losing)
    commits.clear()
    with held(desk) as submit:
        lost = [submit(desk.appending(said(str(n)))) for n in range(together)]
    for future in lost:
        with pytest.raises(FateUnknown, match="already closed"):
            future.result(20)
    monkeypatch.undo()
    assert commits == [1, together]
    assert desk.write(said("on")), "the thread lives on"
    assert desk.kinds() == ["session_started", *["message"] * (together * landed + 1)]
    assert chain_is_whole(desk)


def test_a_commit_that_is_still_under_way_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    write, lock = writer._write, rows.lock
    under_way: list[Callable[[], None]] = []

    def losing(appends: list[Append], batch: Any) -> None:
        with transaction.atomic():
            write(appends, batch)
            transaction.set_rollback(True)
        under_way.append(lambda: write(appends, Batch(at=batch.at)))
        raise OperationalError("server closed the connection")

    def waiting(sessions: set[int]) -> dict[int, Session]:
        while under_way:
            under_way.pop()()
        return lock(sessions)

    monkeypatch.setattr(writer, "_write", losing)
    monkeypatch.setattr(rows, "lock", waiting)
    assert desk.write(said())
    assert desk.kinds() == ["session_started", "message"]


def test_facts_of_one_append_are_all_written_or_none() -> None:
    desk = Desk()
    events_before = Event.objects.count()
    with pytest.raises(Refused):
        desk.write(said("one"), said("two"), guard=refusing)
    assert Event.objects.count() == events_before


def test_a_journal_that_was_closed_writes_on() -> None:
    desk = Desk()
    journal.close()
    assert desk.write(said())


def test_what_a_person_reads_is_what_was_written_to_the_byte() -> None:
    desk = Desk()
    text = "Grüße \u202e ⟦x⟧ \\u0000 \u2028 🙂 " + "x" * 10_000
    desk.write(said(text))
    (record,) = read(desk.row.pk, 1)
    assert record.fact == said(text)
    stored = Event.objects.get(session=desk.row, seq=2)
    assert stored.text == events.encode(said(text))


def test_what_comes_while_the_journal_closes_is_written() -> None:
    desk = Desk()
    with held(desk) as submit:
        journal._queue.put(None)  # closing begins
        late = [submit(desk.appending(said(str(n)))) for n in range(writer.MAX_BATCH)]
    journal.close()
    assert len([future.result(20) for future in late]) == writer.MAX_BATCH
