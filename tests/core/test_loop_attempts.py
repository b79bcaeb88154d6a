"""One call's attempts: what may be repeated, what is asked first, what a person must settle."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from agents.core import events
from agents.core.breaker import TemporarilyUnavailable, Trial
from agents.core.loop import Fenced, run
from agents.core.state import CallStatus, State
from agents.core.tools import (
    InvalidArguments,
    RateLimited,
    ToolError,
    ToolTimeout,
    Unavailable,
)
from agents.testing import Hold, Stage, Trouble, answered, calls, says
from tests.core.loops import People, kinds, last, play, results, stage


def one(tool: str, *troubles: Trouble) -> Stage:
    made = stage([calls(("c1", tool, {})), says("Done.")])
    made.toolbox.troubles = {tool: list(troubles)}
    made.begin()
    return made


def keys(made: Stage) -> list[str]:
    return [context.idempotency_key for _, context in made.toolbox.requests]


@pytest.mark.parametrize("tool", ["post", "wipe"])
@pytest.mark.parametrize("done", [True, False])
async def test_an_irreversible_call_that_timed_out_is_not_repeated(
    tool: str, *, done: bool
) -> None:
    made = one(tool, Trouble(ToolTimeout("slow"), done=done))
    people = People(made)
    people.act(await made.drive())
    state = await made.drive()
    assert state.call("c1").status is CallStatus.UNKNOWN
    assert len(made.toolbox.requests) == 1
    assert not made.store.held
    assert len(made.model.requests) == 1
    await play(made, people)
    assert made.toolbox.effects == [(tool, "{}")]


@pytest.mark.parametrize("done", [True, False])
async def test_a_probed_call_that_timed_out_is_looked_up_and_never_repeated(*, done: bool) -> None:
    made = one("write", Trouble(ToolTimeout("slow"), done=done))
    state = await made.drive()
    assert len(made.toolbox.probes) == len(made.toolbox.requests) == 1
    if done:
        assert results(made.store.records)["c1"].content == answered("write", {})
        assert state.ended
    else:
        # It may still be on its way, so that it is not there says nothing.
        assert state.call("c1").status is CallStatus.UNKNOWN


async def test_what_did_not_happen_is_asked_again_and_runs_under_a_new_key() -> None:
    made = one("post", Trouble(ToolTimeout("slow"), done=False))
    await play(made)
    assert kinds(made.store.records).count("approval_requested") == 2
    assert len(set(keys(made))) == 2


async def test_what_happened_is_the_result_and_does_not_run_again() -> None:
    made = one("post", Trouble(ToolTimeout("slow"), done=True))
    await play(made)
    told = results(made.store.records)["c1"]
    assert (told.ok, told.content) == (True, answered("post", {}))
    assert len(made.toolbox.requests) == 1


async def test_an_abandoned_call_is_reported_as_unknown() -> None:
    made = one("post", Trouble(ToolTimeout("slow"), done=True))
    people = People(made)
    people.act(await made.drive())
    await made.drive()
    outcome = last(made.store.records, events.OutcomeUnknown, "c1")
    made.store.write(events.OutcomeSettled(outcome.outcome_id, "c1", "abandoned", "Ada"))
    await play(made)
    assert results(made.store.records)["c1"].error_class == "outcome_unknown"


async def test_settling_an_edited_call_still_tells_the_model_what_ran() -> None:
    made = one("post", Trouble(ToolTimeout("slow"), done=True))
    await play(made, People(made, lambda call: ("approved", {"amount": 1})))
    assert "changed the arguments" in str(results(made.store.records)["c1"].content)


async def test_a_keyed_call_is_repeated_under_the_same_key() -> None:
    made = one("charge", *[Trouble(ToolTimeout("slow"), done=True)] * 2)
    await play(made)
    assert len(keys(made)) == 3
    assert len(set(keys(made))) == 1
    assert made.toolbox.effects == [("charge", "{}")]
    assert results(made.store.records)["c1"].ok


async def test_a_keyed_call_whose_repeats_all_time_out_is_settled_by_a_person() -> None:
    made = one("charge", *[Trouble(ToolTimeout("slow"), done=True)] * 3)
    state = await made.drive()
    assert state.call("c1").status is CallStatus.UNKNOWN
    assert len(set(keys(made))) == 1
    assert len(keys(made)) == 3
    assert len(made.model.requests) == 1


async def test_a_failure_that_says_nothing_of_its_effects_says_so_to_the_model() -> None:
    made = one("charge", Trouble(ToolError("a bug")))
    await play(made)
    assert len(made.toolbox.requests) == 1
    assert "Side effects: possible" in str(results(made.store.records)["c1"].content)


async def test_a_process_that_stood_still_after_its_claim_does_not_act() -> None:
    made = one("charge")
    log = made.store.lease()
    log.certain = False
    with pytest.raises(Fenced):
        await run(log, made.hands(log))
    assert kinds(made.store.records)[-1] == "tool_started"
    assert not made.toolbox.requests


async def test_a_read_is_repeated_and_said_to_have_no_effects() -> None:
    made = one("look", *[Trouble(ToolTimeout("slow"))] * 9)
    await play(made)
    assert len(made.toolbox.requests) == 3
    assert "none because read-only" in str(results(made.store.records)["c1"].content)


@pytest.mark.parametrize(("done", "attempts"), [(True, 3), (False, 4)])
async def test_a_failed_attempt_says_how_many_its_call_gets_in_all(
    *, done: bool, attempts: int
) -> None:
    trouble = Trouble(Unavailable("busy", effects=done), done=done)
    made = one("look", *([trouble] * (attempts - 1)))
    await made.drive()
    said = [one.fact for one in made.store.records if isinstance(one.fact, events.ToolRetried)]
    assert [(fact.attempt, fact.attempts) for fact in said] == [
        (number, attempts) for number in range(1, attempts)
    ]


async def test_a_refusal_that_proves_no_effect_is_repeated_without_a_new_approval() -> None:
    made = one("post", Trouble(RateLimited("busy", effects=False)))
    await play(made)
    assert len(made.toolbox.requests) == 2
    assert kinds(made.store.records).count("approval_requested") == 1


async def test_bad_arguments_are_not_repeated() -> None:
    made = one("charge", Trouble(InvalidArguments("no such account", effects=False)))
    await play(made)
    assert len(made.toolbox.requests) == 1
    assert results(made.store.records)["c1"].error_class == "invalid_arguments"


async def test_a_bug_in_a_tool_is_a_result_and_not_the_end_of_the_session() -> None:
    made = one("charge", Trouble(ZeroDivisionError("x / 0")))
    state = await play(made)
    assert state.ending == events.Complete("Done.")
    assert not results(made.store.records)["c1"].ok


async def test_a_tool_that_never_answers_is_cut_off() -> None:
    made = one("post")
    made.gate.timeout = 0.01
    made.toolbox.holds["post"] = Hold()
    people = People(made)
    people.act(await made.drive())
    assert (await made.drive()).call("c1").status is CallStatus.UNKNOWN


# After a crash


async def in_flight(tool: str, *, done: bool) -> Stage:
    """A session whose driver was lost in the middle of the call."""
    made = one(tool)
    hold = made.toolbox.holds[tool] = Hold()
    state = await made.drive() if tool in ("post", "wipe") else State()
    People(made).act(state)
    driving = asyncio.create_task(made.drive())
    await hold.entered.wait()
    call = made.store.state().call("c1")
    if done:
        made.toolbox.do(tool, {}, call.idempotency_key)
    driving.cancel()
    await asyncio.gather(driving, return_exceptions=True)
    made.toolbox.holds = {}
    return made


@pytest.mark.parametrize("done", [True, False])
async def test_a_keyed_call_in_flight_is_repeated_under_its_key(*, done: bool) -> None:
    made = await in_flight("charge", done=done)
    assert (await play(made)).ended
    assert made.toolbox.effects == [("charge", "{}")]
    assert len(set(keys(made))) == 1


@pytest.mark.parametrize("done", [True, False])
async def test_a_probed_call_in_flight_is_asked_after_first(*, done: bool) -> None:
    made = await in_flight("write", done=done)
    assert (await play(made)).ended
    assert made.toolbox.probes == keys(made)[:1]
    assert made.toolbox.effects == [("write", "{}")]
    assert len(made.toolbox.requests) == (1 if done else 2)


async def test_a_probe_that_cannot_tell_leaves_it_to_a_person() -> None:
    made = await in_flight("write", done=True)
    made.toolbox.troubles = {"probe write": [Trouble(ToolError("no idea"))]}
    state = await made.drive()
    assert state.call("c1").status is CallStatus.UNKNOWN
    assert len(made.toolbox.requests) == 1


@pytest.mark.parametrize("done", [True, False])
async def test_an_irreversible_call_in_flight_is_settled_by_a_person(*, done: bool) -> None:
    made = await in_flight("post", done=done)
    state = await made.drive()
    assert state.call("c1").status is CallStatus.UNKNOWN
    assert len(made.toolbox.requests) == 1
    assert (await play(made)).ended
    assert made.toolbox.effects == [("post", "{}")]


async def test_a_read_in_flight_is_simply_repeated() -> None:
    made = await in_flight("look", done=True)
    assert (await play(made)).ended
    assert "outcome_unknown" not in kinds(made.store.records)


async def test_a_stop_after_a_crash_still_asks_what_became_of_the_call() -> None:
    made = await in_flight("charge", done=True)
    made.store.write(events.StopRequested("Olu"))
    state = await made.drive()
    assert state.call("c1").status is CallStatus.UNKNOWN
    assert not state.ended
    state = await play(made)
    assert isinstance(state.ending, events.Stopped)
    assert len(made.toolbox.requests) == 1


async def test_a_call_that_failed_once_and_is_stopped_is_not_said_to_have_done_nothing() -> None:
    made = one("charge", Trouble(Unavailable("gone"), done=True))
    made.store.after = lambda record: (
        made.store.write(events.StopRequested("Olu")) if record.kind == "tool_retried" else None
    )
    await play(made)
    told = results(made.store.records)["c1"]
    assert told.executed
    assert "NOT EXECUTED" not in str(told.content)


@pytest.mark.parametrize("times", [1, 5])
async def test_a_secret_in_a_failure_reaches_neither_the_log_nor_the_model(times: int) -> None:
    made = one("look", *[Trouble(Unavailable("login with hunter2-secret failed"))] * times)
    made.secrets = ("hunter2-secret",)
    await play(made)
    log = "".join(events.encode(record.fact) for record in made.store.records)
    assert "[redacted]" in log
    assert "hunter2-secret" not in log


# An open breaker


@dataclass
class Shut:
    """Breakers that refuse these calls, in this order, and then none."""

    refuses: list[bool]
    seen: list[object] = field(default_factory=list)

    async def enter(self, tool: str, server: str) -> Trial:
        if self.refuses and self.refuses.pop(0):
            raise TemporarilyUnavailable("five failures", retry_after=0.01)
        return self

    async def ended(self, outcome: object) -> None:
        self.seen.append(outcome)


async def test_a_call_whose_tool_is_left_alone_is_not_made_and_the_model_hears_so() -> None:
    made = one("charge")
    made.breakers = Shut([True])
    await play(made)
    told = results(made.store.records)["c1"]
    assert (told.executed, told.error_class) == (False, "temporarily_unavailable")
    assert "NOT EXECUTED" in str(told.content)
    assert "tool_started" not in kinds(made.store.records)
    assert made.toolbox.requests == []


async def test_an_approval_of_a_call_whose_tool_is_left_alone_is_not_left_standing() -> None:
    made = one("post")
    made.breakers = Shut([True])
    await play(made)
    decided = [one.fact for one in made.store.records if one.kind == "approval_decided"]
    assert [getattr(fact, "decision", "") for fact in decided] == ["approved", "invalidated"]
    assert "temporarily unavailable" in getattr(decided[1], "reason", "")
    told = results(made.store.records)["c1"]
    assert (told.executed, told.error_class) == (False, "invalidated")
    assert str(told.content).count("NOT EXECUTED") == 1
    assert "temporarily unavailable" in str(told.content)
    assert made.toolbox.requests == []


async def test_a_repeat_that_may_have_happened_waits_for_the_breaker_and_keeps_its_key() -> None:
    made = one("charge", Trouble(ToolTimeout("slow"), done=True))
    made.breakers = Shut([False, True])
    await play(made)
    told = results(made.store.records)["c1"]
    assert (told.ok, told.executed) == (True, True)
    assert len(set(keys(made))) == 1
    assert made.toolbox.effects == [("charge", "{}")]


async def test_a_call_of_a_lost_worker_is_looked_up_though_its_tool_is_left_alone() -> None:
    made = await in_flight("write", done=True)
    made.breakers = Shut([True] * 9)
    assert (await play(made)).ended
    assert made.toolbox.probes == keys(made)[:1]
    assert made.toolbox.effects == [("write", "{}")]


async def test_the_breaker_hears_what_came_of_every_attempt() -> None:
    made = one("look", Trouble(Unavailable("gone")))
    made.breakers = shut = Shut([])
    await play(made)
    assert [type(outcome).__name__ for outcome in shut.seen] == ["Unavailable", "ToolOutput"]
