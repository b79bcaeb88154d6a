"""A key protects from a second effect only while its target remembers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from agents.core import events, retry
from agents.core.fold import evolve
from agents.core.next import next_step
from agents.core.state import CallStatus, State
from agents.core.step import Act, Doubt, Park, Say, Step
from agents.core.tools import ToolTimeout, Unavailable
from agents.testing import Stage, Trouble, calls, says
from tests.core.loops import People, last, play, stage
from tests.core.sessions import START, Session, tool

HOUR = 3600
LATE = 21 * HOUR  # beyond the time that keys are kept
KEPT = retry.KEY_KEPT.total_seconds()


class Charge:
    """The log of a session with one keyed call, written at chosen seconds."""

    def __init__(self, effect: str = "keyed") -> None:
        begun = Session(tools=[tool("charge")])
        use = {"type": "tool_use", "id": "c1", "name": "charge", "input": {}}
        begun.think(use, stop_reason="tool_use")
        begun.say(events.ToolCall("c1", "charge", {}, "low", "allow", "test", effect=effect))
        self.state = begun.state
        self.attempts = 0

    def say(self, second: float, fact: events.Fact, term: int = 1) -> None:
        seq = self.state.seq + 1
        record = events.Record("s", seq, 1, fact, at(second), "runtime", term, "")
        self.state = evolve(self.state, record)

    def start(self, second: float, term: int = 1) -> None:
        self.attempts += 1
        key = f"key-{self.state.call('c1').generation}"
        self.say(second, events.ToolStarted("c1", "charge", {}, "d", key, self.attempts), term)

    def fail(self, second: float, wait: float = 0.0, **fields: Any) -> None:
        until = events.timestamp(at(second + wait)) if wait else None
        delay = round(wait * 1000)
        self.say(
            second,
            events.ToolRetried("c1", "charge", 1, "timeout", "slow", delay, until, **fields),
        )

    def next(self, second: float, term: int = 2) -> Step:
        return next_step(self.state, term, at(second))


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def test_a_lost_call_is_repeated_only_while_its_key_is_kept() -> None:
    charge = Charge()
    charge.start(0)
    assert isinstance(charge.next(KEPT), Act)
    assert charge.next(KEPT + 1) == Doubt((charge.state.call("c1"),))


@pytest.mark.parametrize(("effect", "step"), [("read", Act), ("probed", Act)])
def test_what_needs_no_key_is_repeated_however_late(effect: str, step: type[Step]) -> None:
    charge = Charge(effect)
    charge.start(0)
    assert isinstance(charge.next(10 * LATE), step)


def test_the_first_attempt_under_the_key_counts_and_not_the_last() -> None:
    charge = Charge()
    charge.start(0, term=1)
    charge.start(KEPT - 60, term=2)
    assert isinstance(charge.next(KEPT - 1, term=3), Act)
    assert isinstance(charge.next(KEPT + 1, term=3), Doubt)
    charge.fail(KEPT)
    assert isinstance(charge.next(KEPT + 1, term=2), Doubt)


def test_a_retry_that_would_come_too_late_is_in_doubt_at_once() -> None:
    charge = Charge()
    charge.start(0)
    charge.fail(30, wait=LATE)
    assert isinstance(charge.next(31), Doubt)


def test_attempts_that_surely_did_nothing_do_not_count() -> None:
    charge = Charge()
    charge.start(0)
    charge.fail(30, wait=LATE, effects=False)
    assert isinstance(charge.next(31), Park)
    assert isinstance(charge.next(LATE + 60), Act)
    charge.start(LATE + 60)
    charge.fail(LATE + 90)
    assert isinstance(charge.next(LATE + 91), Act)
    charge.start(LATE + 91)
    charge.fail(LATE + 92, wait=LATE, effects=False)
    assert isinstance(charge.next(LATE + 93), Doubt), "the one before may have had its effect"


def doubted(charge: Charge) -> None:
    charge.say(60, events.OutcomeUnknown("o", "c1", "charge", {}, "key-0", "", "lost"))


def settled(charge: Charge) -> None:
    doubted(charge)
    charge.say(61, events.OutcomeSettled("o", "c1", "not_happened", "Ada"))


def forked(charge: Charge) -> None:
    assert charge.state.started
    charge.say(60, replace(charge.state.started, fork={"session": "p", "seq": 4, "digest": ""}))


@pytest.mark.parametrize("anew", [settled, forked])
def test_a_new_key_is_as_old_as_its_own_attempts(anew: Callable[[Charge], None]) -> None:
    charge = Charge()
    charge.start(0)
    charge.fail(30)
    anew(charge)
    call = charge.state.call("c1")
    assert (call.status, call.generation, call.in_doubt_since) == (CallStatus.AGAIN, 1, None)


def test_what_people_say_of_a_call_holds_at_once() -> None:
    charge = Charge()
    charge.start(0)
    charge.fail(30, wait=LATE)
    doubted(charge)
    charge.say(61, events.OutcomeSettled("o", "c1", "happened", "Ada", "It is paid."))
    assert isinstance(charge.next(62), Say)


# In the loop


def one(*troubles: Trouble) -> Stage:
    made = stage([calls(("c1", "charge", {})), says("Done.")])
    made.toolbox.troubles = {"charge": list(troubles)}
    made.begin()
    return made


async def settled_by_people(made: Stage) -> State:
    state = await made.drive()
    assert state.call("c1").status is CallStatus.UNKNOWN
    outcome = last(made.store.records, events.OutcomeUnknown, "c1")
    begun = next(r for r in made.store.records if r.kind == "tool_started")
    assert outcome.started_at == events.timestamp(begun.at)
    assert outcome.idempotency_key == state.call("c1").idempotency_key
    assert "forgotten its key" in outcome.evidence
    return await play(made, People(made))


async def test_a_worker_that_was_lost_for_a_day_leaves_its_call_to_people() -> None:
    made = one()
    await made.drive()
    begun = next(r.seq for r in made.store.records if r.kind == "tool_started")
    made.store = made.store.prefix(begun)
    made.store.later = timedelta(seconds=LATE)
    assert (await settled_by_people(made)).ended
    assert made.toolbox.effects == [("charge", "{}")], "it had happened, and was not repeated"


async def test_a_long_wait_after_a_timeout_leaves_the_call_to_people() -> None:
    made = one(Trouble(ToolTimeout("slow", retry_after=LATE), done=True))
    assert (await settled_by_people(made)).ended
    assert made.toolbox.effects == [("charge", "{}")]


async def test_a_long_wait_after_nothing_happened_is_only_a_wait() -> None:
    made = one(Trouble(Unavailable("refused", effects=False, retry_after=LATE)))
    await made.drive()
    assert made.store.parked
    assert made.store.parked.status == "queued"
    made.store.later = timedelta(seconds=LATE + 60)
    assert (await made.drive()).ended
    assert made.toolbox.effects == [("charge", "{}")]
