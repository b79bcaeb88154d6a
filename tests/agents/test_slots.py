"""Slots: how many work at once, per agent and in all; the rest waits in a fair order."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents import slots
from agents.leases import Holder
from agents.models import AgentDefinition, Session, Slots
from agents.slots import Place, Queue, share

Status = Session.Status
EARLY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def queued(agent: str, count: int = 1, **fields: object) -> list[Session]:
    rows = [Session(agent=agent, title="t", task="t", model="m", **fields) for _ in range(count)]
    return Session.objects.bulk_create(rows)


def agent(name: str, most: int | None) -> None:
    AgentDefinition.objects.update_or_create(name=name, defaults={"slots": most})


def in_all(most: int) -> None:
    Slots.objects.update_or_create(name=Slots.ALL, defaults={"sessions": most})


def take(holder: Holder, limit: int = 100) -> list[str]:
    """The agents whose sessions were leased, in order."""
    names = dict(Session.objects.values_list("pk", "agent"))
    return [names[lease.session] for lease in holder.take(limit)]


def over(*agents: str) -> None:
    """One session at work of each of these ends."""
    for name in agents:
        row = Session.objects.filter(agent=name, status=Status.RUNNING).order_by("pk")[0]
        Session.objects.filter(pk=row.pk).update(status=Status.COMPLETED, lease_owner="")


# The order


def test_the_agent_with_the_fewest_at_work_is_served_first() -> None:
    queues = {"a": Queue(9, working=3), "b": Queue(9, working=1), "c": Queue(1)}
    assert share(3, queues) == {"c": 1, "b": 2}


def test_among_equals_the_one_that_has_waited_longest_for_its_turn() -> None:
    queues = {"a": Queue(9, served_at=EARLY + timedelta(1)), "b": Queue(9, served_at=EARLY)}
    assert share(1, queues) == {"b": 1}
    assert share(1, {**queues, "z": Queue(1)}) == {"z": 1}


@given(
    st.integers(0, 40),
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.builds(
            Queue,
            waiting=st.integers(0, 20),
            working=st.integers(0, 20),
            slots=st.none() | st.integers(0, 20),
        ),
    ),
)
def test_no_seat_is_wasted_and_none_is_given_twice(seats: int, queues: dict[str, Queue]) -> None:
    given_seats = share(seats, queues)
    rooms = {name: queue.room for name, queue in queues.items()}
    assert sum(given_seats.values()) == min(seats, sum(rooms.values()))
    assert all(0 < count <= rooms[name] for name, count in given_seats.items())
    # Nobody who got a seat is more than one ahead of somebody who still waits for one.
    after = {name: q.working + given_seats.get(name, 0) for name, q in queues.items()}
    left = [after[name] for name in queues if given_seats.get(name, 0) < rooms[name]]
    assert all(after[name] - 1 <= min(left, default=10**9) for name in given_seats)


# In the database


@pytest.mark.django_db(transaction=True)
class TestTaking:
    def test_an_agent_has_no_more_at_work_than_its_slots(self) -> None:
        agent("clerk", 3)
        queued("clerk", 10)
        queued("other", 2)
        first, second = Holder(), Holder()
        taken = take(first, 2) + take(second, 50) + take(first, 50)
        assert Counter(taken) == {"clerk": 3, "other": 2}
        over("clerk")
        assert take(second) == ["clerk"]

    def test_all_agents_together_have_no_more_at_work_than_the_slots_for_all(self) -> None:
        in_all(4)
        queued("a", 5)
        queued("b", 5)
        assert Counter(take(Holder())) == {"a": 2, "b": 2}
        assert take(Holder()) == []

    def test_a_long_queue_of_one_agent_does_not_starve_another(self) -> None:
        in_all(1)
        queued("many", 50)
        queued("few", 2)
        served = []
        for _ in range(6):
            (name,) = take(Holder())
            served.append(name)
            over(name)
        assert sorted(served[:2]) == sorted(served[2:4]) == ["few", "many"]
        assert served[4:] == ["many", "many"]

    def test_within_one_agent_who_came_first_is_served_first(self) -> None:
        agent("clerk", 2)
        rows = queued("clerk", 5)
        assert [lease.session for lease in Holder().take(9)] == [rows[0].pk, rows[1].pk]

    @pytest.mark.parametrize("status", ["waiting_approval", "waiting_input", "paused", "queued"])
    def test_a_parked_session_holds_no_slot(self, status: str) -> None:
        agent("clerk", 1)
        later = timezone.now() + timedelta(hours=2) if status == "queued" else None
        queued("clerk", status=status, resume_at=later)
        queued("clerk")
        assert take(Holder()) == ["clerk"]
        assert take(Holder()) == []

    def test_a_session_whose_worker_died_is_recovered_though_every_slot_is_taken(self) -> None:
        agent("clerk", 1)
        queued("clerk", 2)
        (lost,) = Holder(seconds=-1).take(9)
        assert [(lease.session, lease.term) for lease in Holder().take(9)] == [(lost.session, 2)]
        assert Holder().take(9) == []

    def test_slots_that_are_made_fewer_interrupt_nobody(self) -> None:
        agent("clerk", 3)
        queued("clerk", 5)
        assert len(take(Holder())) == 3
        agent("clerk", 1)
        assert take(Holder()) == []
        over("clerk", "clerk")
        assert take(Holder()) == []
        over("clerk")
        assert take(Holder()) == ["clerk"]

    def test_workers_that_ask_at_once_do_not_take_the_same_slot(self) -> None:
        agent("clerk", 7)
        in_all(12)
        queued("clerk", 40)
        queued("other", 40)
        holders = [Holder() for _ in range(6)]

        def greedy(holder: Holder) -> int:
            try:
                return sum(len(holder.take(2)) for _ in range(10))
            finally:
                connections.close_all()

        with ThreadPoolExecutor(6) as threads:
            taken = sum(threads.map(greedy, holders))
        working = slots.working_by_agent()
        assert taken == working.total() == 12
        assert working["clerk"] <= 7

    def test_a_long_queue_costs_no_more_questions_than_a_short_one(self) -> None:
        agent("clerk", 5)
        queued("other", 300)
        costs = []
        for _ in range(2):
            with CaptureQueriesContext(
                connection,
            ) as asked:
                Holder().take(10)
            costs.append(len(asked))
            queued("other", 3000)
        assert costs[0] == costs[1] < 15

    def test_a_queued_session_knows_its_place_and_what_it_waits_for(self) -> None:
        agent("clerk", 2)
        rows = queued("clerk", 5)
        take(Holder())
        assert slots.place(rows[0]) is None
        assert slots.place(rows[4]) == Place(ahead=2, working=2, slots=2)
        in_all(2)
        (other,) = queued("other")
        assert slots.place(other) == Place(ahead=0, working=2, slots=None)
        assert not slots.place(other).full  # type: ignore[union-attr]  # it is queued
