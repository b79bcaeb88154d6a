"""Circuit breakers that all workers share: failures open them, one call tries, success closes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from agents import breakers
from agents.core.breaker import TemporarilyUnavailable
from agents.core.tools import (
    InvalidArguments,
    NotFound,
    PermissionDenied,
    RateLimited,
    ToolContext,
    ToolError,
    ToolOutput,
    ToolTimeout,
    Unavailable,
)
from agents.models import AlertRule, Breaker, BreakerChange, Occurrence
from agents.testing import ScriptedModel, calls, says
from agents.toolbox.box import Box
from tests.agents.alerts.post import webhook
from tests.agents.talking import facts
from tests.agents.working import ENDED, QUICK, begin, db, until, worker

pytestmark = pytest.mark.django_db(transaction=True)

PAY = ["tool:bank__pay", "server:bank"]
LOOK = ["tool:bank__look", "server:bank"]


def fail(names: list[str], error: ToolError, times: int = 1) -> None:
    for _ in range(times):
        breakers.settle(names, breakers.admit(names), error)


def states() -> dict[str, str]:
    return dict(Breaker.objects.values_list("name", "state"))


def later(seconds: float = breakers.OPEN + 1) -> None:
    """Move the clock for every breaker."""
    for row in Breaker.objects.all():
        row.opened_at = row.opened_at and row.opened_at - seconds
        row.probe_until -= seconds
        row.failures = [at - seconds for at in row.failures]
        row.save()


@pytest.mark.parametrize("error", [ToolTimeout("slow"), Unavailable("gone"), RateLimited("busy")])
def test_five_failures_in_a_minute_open_it_and_nothing_is_asked(error: ToolError) -> None:
    names = ["tool:look"]
    fail(names, error, 4)
    assert breakers.admit(names) == {}
    fail(names, error)
    with pytest.raises(TemporarilyUnavailable) as shut:
        breakers.admit(names)
    assert not shut.value.effects
    assert not shut.value.transient
    assert 0 < (shut.value.retry_after or 0) <= breakers.OPEN


@pytest.mark.parametrize(
    "error", [InvalidArguments("no"), NotFound("no"), PermissionDenied("no"), ToolError("a bug")]
)
def test_what_a_healthy_tool_answers_does_not_count(error: ToolError) -> None:
    fail(["tool:look"], error, 20)
    assert states() == {}


def test_failures_older_than_the_window_are_forgotten() -> None:
    fail(["tool:look"], ToolTimeout("slow"), 4)
    later(breakers.WINDOW + 1)
    fail(["tool:look"], ToolTimeout("slow"), 4)
    assert states() == {"tool:look": "closed"}


def test_successes_between_failures_take_none_of_them_back() -> None:
    for _ in range(5):
        fail(["tool:look"], ToolTimeout("slow"))
        if states()["tool:look"] == "closed":
            breakers.settle(["tool:look"], breakers.admit(["tool:look"]), ToolOutput("fine"))
    assert states() == {"tool:look": "opened"}


def test_a_server_that_is_gone_shuts_all_its_tools_and_a_slow_tool_only_itself() -> None:
    fail(PAY, ToolTimeout("slow"), 5)
    assert states() == {"tool:bank__pay": "opened"}
    assert breakers.admit(LOOK) == {}
    fail(LOOK, Unavailable("gone"), 5)
    with pytest.raises(TemporarilyUnavailable):
        breakers.admit(["tool:bank__other", "server:bank"])


def test_after_a_minute_exactly_one_of_many_workers_tries_it() -> None:
    fail(["tool:look"], Unavailable("gone"), 5)
    later()

    def attempt(_: int) -> bool:
        try:
            return bool(breakers.admit(["tool:look"]))
        except TemporarilyUnavailable:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(attempt, range(24))) == 1


def probe(names: list[str]) -> dict[str, str]:
    fail(names, Unavailable("gone"), 5)
    later()
    return breakers.admit(names)


def test_a_probe_that_succeeds_closes_it_and_one_that_fails_opens_it_again() -> None:
    names = ["tool:look"]
    breakers.settle(names, probe(names), Unavailable("still gone"))
    with pytest.raises(TemporarilyUnavailable):
        breakers.admit(names)
    later()
    breakers.settle(names, breakers.admit(names), ToolOutput("fine"))
    assert breakers.admit(names) == {}
    assert states() == {"tool:look": "closed"}


def test_a_probe_that_nobody_ended_is_given_up_in_time() -> None:
    names = ["tool:look"]
    first = probe(names)
    later(breakers.PROBE + 1)
    second = breakers.admit(names)
    assert first != second
    breakers.settle(names, first, ToolOutput("far too late"))
    assert states() == {"tool:look": "half-opened"}


def test_a_probe_that_was_cancelled_lets_the_next_call_try() -> None:
    names = ["tool:look"]
    breakers.settle(names, probe(names), None)
    assert breakers.admit(names)


def test_a_call_from_before_it_opened_does_not_decide_for_the_probe() -> None:
    names = ["tool:look"]
    old = breakers.admit(names)
    probe(names)
    breakers.settle(names, old, Unavailable("late"))
    assert states() == {"tool:look": "half-opened"}


def test_a_server_that_is_left_alone_does_not_use_up_the_probe_of_its_tool() -> None:
    fail(["tool:bank__pay"], Unavailable("gone"), 5)
    later()
    fail(["server:bank"], Unavailable("gone"), 5)
    with pytest.raises(TemporarilyUnavailable):
        breakers.admit(PAY)
    assert states()["tool:bank__pay"] == "opened"


def test_while_all_is_well_a_call_costs_one_question() -> None:
    breakers.admit(PAY)
    with CaptureQueriesContext(connection) as asked:
        breakers.settle(PAY, breakers.admit(PAY), ToolOutput("fine"))
    assert len(asked) == 1


@pytest.fixture
def heard() -> Iterator[list[tuple[str, bool]]]:
    """State and whether it was told inside the transaction."""
    told: list[tuple[str, bool]] = []

    def listen(sender: object, change: BreakerChange, **_: Any) -> None:
        told.append((change.state, connection.in_atomic_block))

    breakers.changed.connect(listen)
    yield told
    breakers.changed.disconnect(listen)


def test_opening_and_closing_are_on_record_once_in_the_same_transaction(
    heard: list[tuple[str, bool]],
) -> None:
    names = ["tool:look"]
    breakers.settle(names, probe(names), Unavailable("still gone"))
    later()
    breakers.settle(names, breakers.admit(names), ToolOutput("fine"))
    assert heard == [("opened", True), ("closed", True)]
    changes = BreakerChange.objects.order_by("id").values_list("breaker__name", "state", "reason")
    assert list(changes) == [("tool:look", "opened", "gone"), ("tool:look", "closed", "still gone")]


def test_an_open_breaker_raises_an_alert() -> None:
    webhook()
    AlertRule.objects.create(name="breakers", trigger=AlertRule.Trigger.BREAKER_OPEN)
    fail(["tool:look"], Unavailable("gone"), 5)
    happened = Occurrence.objects.filter(rule__name="breakers").values_list("subject", flat=True)
    assert [subject.rpartition(":")[0] for subject in happened] == ["breaker:tool:look"]


def test_who_cannot_record_an_opening_does_not_open() -> None:
    def broken(**_: Any) -> None:
        raise DatabaseError("no outbox")

    breakers.changed.connect(broken)
    try:
        with pytest.raises(DatabaseError), transaction.atomic():
            fail(["tool:look"], Unavailable("gone"), 5)
    finally:
        breakers.changed.disconnect(broken)
    assert not Breaker.objects.filter(state="opened").exists()


# With a real worker


async def test_while_it_is_open_the_model_is_told_at_once_and_nothing_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def call(box: Box, name: str, arguments: Any, context: ToolContext) -> ToolOutput:
        asked.append(name)
        raise Unavailable("gone")

    monkeypatch.setattr(Box, "call", call)
    read = ("read_file", {"path": "orders.csv"})
    turns = [calls((f"c{n}", *read)) for n in range(3)]
    async with worker(ScriptedModel([*turns, says("I give up.")])):
        session = await until(await begin("Read.", tools=["read_file"], settings=QUICK), *ENDED)
    assert len(asked) == 5
    from agents.core import events

    results = await facts(session, events.ToolResult)
    assert [fact.error_class for fact in results] == [
        "unavailable",
        "temporarily_unavailable",
        "temporarily_unavailable",
    ]
    shut = results[-1]
    assert (shut.ok, shut.executed) == (False, False)
    assert "Side effects: none" in str(shut.content)
    assert "available again at" in str(shut.content)
    assert len(await facts(session, events.ToolStarted)) == 5


async def test_a_worker_that_is_stopped_while_it_tries_leaves_the_try_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await db(probe_is_due)
    entered = asyncio.Event()

    async def call(box: Box, name: str, arguments: Any, context: ToolContext) -> ToolOutput:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Box, "call", call)
    turn = calls(("c1", "read_file", {"path": "orders.csv"}))
    async with worker(ScriptedModel([turn, says("Done.")])) as running:
        await begin("Read.", tools=["read_file"], settings=QUICK)
        await entered.wait()
        for driver in running._drivers.values():
            assert driver.task
            driver.task.cancel()
        async with asyncio.timeout(60):
            while (await db(states))["tool:read_file"] == "half-opened":
                await asyncio.sleep(0.02)
        running.draining = True


def probe_is_due() -> None:
    fail(["tool:read_file"], Unavailable("gone"), 5)
    Breaker.objects.update(opened_at=time.time() - breakers.OPEN - 1)
