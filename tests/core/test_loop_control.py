"""Stop, kill, pause and steer while a turn, a call or an approval is in progress."""

from __future__ import annotations

import asyncio

import pytest

from agents.core import events
from agents.core.loop import Fenced
from agents.core.state import CallStatus, State
from agents.testing import Hold, Stage, calls, says
from tests.core.loops import People, assert_paired, decided, kinds, play, results, stage, stop


async def thinking() -> tuple[Stage, asyncio.Task[State]]:
    """A session whose model has been asked and does not answer yet."""
    made = stage([calls(("c1", "charge", {})), says("Done.")])
    made.model.go = asyncio.Event()
    made.begin()
    driving = asyncio.create_task(made.drive())
    await made.model.entered.wait()
    return made, driving


async def acting(tool: str = "charge") -> tuple[Stage, asyncio.Task[State], Hold]:
    """A session in the middle of a call, with another that waits for people."""
    made = stage([calls(("c1", tool, {}), ("c2", "post", {})), says("Done.")])
    made.begin()
    hold = made.toolbox.holds[tool] = Hold()
    driving = asyncio.create_task(made.drive())
    await hold.entered.wait()
    return made, driving, hold


async def test_a_stop_cuts_the_turn_in_progress() -> None:
    made, driving = await thinking()
    stop(made)
    state = await driving
    assert isinstance(state.ending, events.Stopped)
    assert "thinking" not in kinds(made.store.records)


async def test_a_pause_lets_the_turn_end_and_begins_none_of_its_calls() -> None:
    made, driving = await thinking()
    made.store.write(events.Paused("Olu"))
    assert made.model.go
    made.model.go.set()
    state = await driving
    assert state.call("c1").status is CallStatus.READY
    assert made.toolbox.requests == []
    made.store.write(events.Resumed("Olu"))
    assert isinstance((await play(made)).ending, events.Complete)


async def test_a_message_during_a_turn_is_told_with_the_next_request() -> None:
    made, driving = await thinking()
    made.store.write(events.Message("Olu", "use the small account"))
    assert made.model.go
    made.model.go.set()
    state = await driving
    assert_paired(state.history)
    second = made.model.requests[1].messages[-1]["content"]
    assert [block["type"] for block in second] == ["tool_result", "text"]
    assert "use the small account" in second[1]["text"]


async def test_a_stop_lets_the_call_in_progress_end_and_cancels_what_waits() -> None:
    made, driving, hold = await acting()
    stop(made)
    await asyncio.sleep(0.01)
    assert not driving.done()
    hold.go.set()
    state = await driving
    assert isinstance(state.ending, events.Stopped)
    told = results(made.store.records)
    assert told["c1"].ok
    assert (told["c2"].executed, told["c2"].error_class) == (False, "stopped")
    assert_paired(state.history)


async def test_a_kill_fences_the_call_in_progress_and_asks_what_became_of_it() -> None:
    made, driving, hold = await acting()
    stop(made)
    stop(made, kill=True)
    hold.go.set()
    with pytest.raises(Fenced):
        await driving
    state = await made.drive()
    assert state.call("c1").status is CallStatus.UNKNOWN
    assert not state.ended
    assert [call_id for call_id, _ in made.store.evidence] == ["c1"]
    assert isinstance((await play(made)).ending, events.Stopped)
    assert made.toolbox.effects == [("charge", "{}")]


async def test_a_pause_lets_the_call_in_progress_end_and_then_parks() -> None:
    made, driving, hold = await acting()
    made.store.write(events.Paused("Olu"))
    hold.go.set()
    state = await driving
    assert state.call("c1").status is CallStatus.SETTLED
    assert not state.ended
    assert len(made.model.requests) == 1


async def test_a_paused_session_takes_decisions_and_runs_nothing() -> None:
    made = stage([calls(("c1", "post", {})), says("Done.")])
    made.begin()
    state = await made.drive()
    made.store.write(events.Paused("Olu"))
    made.store.write(decided(state.call("c1"), "approved"))
    state = await made.drive()
    assert state.call("c1").status is CallStatus.READY
    assert made.toolbox.requests == []
    made.store.write(events.Resumed("Olu"))
    await play(made)
    assert made.toolbox.effects == [("post", "{}")]


async def test_a_message_while_an_approval_waits_comes_after_the_results() -> None:
    made = stage([calls(("c1", "post", {})), says("Done.")])
    made.begin()
    await made.drive()
    made.store.write(events.Message("Olu", "and then stop"))
    state = await play(made)
    assert_paired(state.history)
    assert "and then stop" in str(made.model.requests[1].messages[-1]["content"][1])


async def test_a_message_after_the_last_word_leads_to_another_turn() -> None:
    made = stage([says("Done."), says("Done again.")])
    made.begin()
    made.store.after = lambda record: (
        made.store.write(events.Message("Olu", "not yet")) if record.kind == "thinking" else None
    )
    made.model.entered.clear()
    state = await _once(made)
    assert state.ending == events.Complete("Done again.")


async def _once(made: Stage) -> State:
    """Drive with an ``after`` that fires only for the first turn."""
    first = made.store.after

    def once(record: events.Record) -> None:
        if record.kind == "thinking":
            made.store.after = lambda later: None
        first(record)

    made.store.after = once
    return await play(made)


async def test_an_approval_during_a_stop_comes_too_late() -> None:
    made = stage([calls(("c1", "post", {})), says("Done.")])
    made.begin()
    state = await made.drive()
    stop(made)
    made.store.write(decided(state.call("c1"), "approved"))
    state = await play(made)
    assert made.toolbox.requests == []
    assert isinstance(state.ending, events.Stopped)


async def test_a_vote_that_is_withdrawn_keeps_the_call_waiting() -> None:
    made = stage([calls(("c1", "post", {})), says("Done.")])
    made.begin()
    call = (await made.drive()).call("c1")
    assert call.approval_id
    made.store.write(decided(call, "approved"))
    made.store.write(
        events.VoteWithdrawn(call.approval_id, "c1", "policy", "right lost", reopened=True)
    )
    assert (await made.drive()).call("c1").status is CallStatus.WAITING
    assert made.toolbox.requests == []


async def test_a_read_may_begin_before_its_intent_is_on_the_disk() -> None:
    made = stage([calls(("c1", "look", {})), says("Done.")])
    made.begin()
    order: list[str] = []
    made.store.before_claim = lambda fact: order.append("claim")
    hold = made.toolbox.holds["look"] = Hold()
    hold.go.set()
    await play(made)
    assert made.toolbox.effects == [("look", "{}")]
    assert order == ["claim"]


async def test_the_result_of_a_read_whose_claim_was_refused_is_dropped() -> None:
    made = stage([calls(("c1", "look", {})), says("Done.")])
    made.begin()
    made.store.before_claim = lambda fact: stop(made)
    state = await play(made)
    assert isinstance(state.ending, events.Stopped)
    assert not results(made.store.records)["c1"].executed


async def test_a_read_that_a_person_let_through_begins_only_once_its_claim_stands() -> None:
    made = stage([calls(("c1", "look", {})), says("Done.")])
    made.gate.verdicts = {"look": "ask"}
    made.begin()
    made.store.before_claim = lambda fact: stop(made)
    await play(made)
    assert made.toolbox.requests == []


@pytest.mark.parametrize("tool", ["charge", "write"])
async def test_nothing_else_begins_before_its_intent_is_on_record(tool: str) -> None:
    made = stage([calls(("c1", tool, {})), says("Done.")])
    made.begin()
    seen: list[int] = []
    made.store.before_claim = lambda fact: seen.append(len(made.toolbox.requests))
    await play(made)
    assert seen == [0]


async def test_people_who_pause_and_resume_all_the_time_change_nothing() -> None:
    made = stage([calls(("c1", "post", {}), ("c2", "charge", {})), says("Done.")])
    made.begin()
    made.store.write(events.Paused("Olu"))
    await made.drive()
    made.store.write(events.Resumed("Olu"), events.Paused("Olu"), events.Resumed("Olu"))
    await play(made, People(made))
    assert sorted(made.toolbox.effects) == [("charge", "{}"), ("post", "{}")]
