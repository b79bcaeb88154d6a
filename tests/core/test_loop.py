"""The loop's promises, one sentence each."""

from __future__ import annotations

import asyncio
from itertools import permutations

import pytest

from agents.core import events
from agents.core.loop import Fenced
from agents.core.state import CallStatus
from agents.testing import Hold, answered, calls, says
from agents.testing.log import ClaimRefused
from tests.core.loops import (
    People,
    assert_paired,
    decided,
    denies,
    kinds,
    play,
    results,
    stage,
    stop,
)


async def test_a_session_runs_from_its_task_to_its_answer() -> None:
    made = stage([calls(("c1", "look", {"at": "log"})), says("It is late.")])
    made.begin()
    state = await play(made)
    assert state.ending == events.Complete("It is late.")
    assert kinds(made.store.records) == [
        *("session_started", "thinking", "tool_call", "tool_started", "tool_result"),
        *("thinking", "complete"),
    ]


async def test_a_gated_call_parks_the_session_until_somebody_approves() -> None:
    made = stage([calls(("c1", "post", {"text": "hi"})), says("Posted.")])
    made.begin()
    state = await made.drive()
    assert state.call("c1").status is CallStatus.WAITING
    assert not made.store.held
    assert made.toolbox.requests == []
    await play(made)
    assert made.toolbox.effects == [("post", '{"text":"hi"}')]


async def test_a_denied_call_never_runs_and_the_model_learns_why() -> None:
    made = stage([calls(("c1", "post", {})), says("Then not.")])
    made.begin()
    await play(made, People(made, denies))
    assert made.toolbox.requests == []
    told = results(made.store.records)["c1"]
    assert (told.ok, told.executed, told.error_class) == (False, False, "denied")
    assert "because" in str(told.content)


@pytest.mark.parametrize("decision", ["expired", "invalidated", "revoked", "cancelled"])
async def test_what_was_not_approved_never_runs(decision: str) -> None:
    made = stage([calls(("c1", "post", {})), says("Then not.")])
    made.begin()
    await play(made, People(made, lambda call: (decision, None)))
    assert made.toolbox.requests == []
    assert not results(made.store.records)["c1"].executed


async def test_an_answer_is_the_result_and_the_tool_does_not_run() -> None:
    made = stage([calls(("c1", "post", {})), says("Good.")])
    made.begin()
    await play(made, People(made, lambda call: ("answered", None)))
    assert made.toolbox.requests == []
    assert results(made.store.records)["c1"].ok


async def test_an_edited_call_runs_as_edited_and_the_model_is_told() -> None:
    made = stage([calls(("c1", "post", {"amount": 9999})), says("Good.")])
    made.begin()
    await play(made, People(made, lambda call: ("approved", {"amount": 10})))
    assert made.toolbox.effects == [("post", '{"amount":10}')]
    told = str(results(made.store.records)["c1"].content)
    assert "changed the arguments" in told
    assert '{"amount":10}' in told


async def test_policy_unknown_tools_and_bad_arguments_ask_nobody() -> None:
    made = stage([calls(("c1", "bomb", {}), ("c2", "nothing", {}), ("c3", "look", {})), says("ok")])
    made.toolbox.schemas = {"look": {"type": "object", "required": ["at"]}}
    made.begin()
    await play(made)
    assert made.toolbox.requests == []
    assert "approval_requested" not in kinds(made.store.records)
    assert [r.executed for r in results(made.store.records).values()] == [False] * 3


THREE = [calls(*((f"c{n}", "post", {"n": n}) for n in range(3))), says("All posted.")]


@pytest.mark.parametrize("order", list(permutations(["c0", "c1", "c2"])))
@pytest.mark.parametrize("together", [True, False], ids=["at once", "one by one"])
async def test_three_gated_calls_are_decided_in_any_order_and_run_once(
    order: tuple[str, ...], together: bool
) -> None:
    made = stage(THREE)
    made.begin()
    state = await made.drive()
    for call_id in order:
        made.store.write(decided(state.call(call_id), "approved"))
        state = state if together else await made.drive()
    state = await play(made)
    assert sorted(made.toolbox.effects) == [("post", f'{{"n":{n}}}') for n in range(3)]
    assert_paired(state.history)
    assert len(made.model.requests) == 2


async def test_allowed_calls_run_while_others_wait() -> None:
    made = stage([calls(("c1", "post", {}), ("c2", "charge", {})), says("ok")])
    made.begin()
    state = await made.drive()
    assert [c.status for c in state.calls] == [CallStatus.WAITING, CallStatus.SETTLED]
    assert made.toolbox.effects == [("charge", "{}")]


async def test_calls_of_one_turn_run_in_parallel() -> None:
    made = stage([calls(("c1", "charge", {}), ("c2", "write", {})), says("ok")])
    made.begin()
    made.toolbox.holds = {"charge": Hold(), "write": Hold()}
    driving = asyncio.create_task(made.drive())
    for hold in made.toolbox.holds.values():
        await hold.entered.wait()
    for hold in made.toolbox.holds.values():
        hold.go.set()
    assert (await driving).ended


async def test_a_stop_that_lands_before_the_claim_wins() -> None:
    made = stage([calls(("c1", "charge", {})), says("ok")])
    made.begin()
    made.store.before_claim = lambda fact: stop(made)
    state = await play(made)
    assert made.toolbox.requests == []
    assert isinstance(state.ending, events.Stopped)


async def test_a_denial_of_a_neighbour_only_delays_a_claim() -> None:
    made = stage([calls(("c1", "charge", {}), ("c2", "post", {})), says("ok")])
    made.begin()
    denied: list[str] = []

    def deny_once(fact: events.ToolStarted) -> None:
        if not denied:
            denied.append(fact.call_id)
            made.store.write(decided(made.store.state().call("c2"), "denied"))

    made.store.before_claim = deny_once
    await play(made)
    assert made.toolbox.effects == [("charge", "{}")]


async def test_facts_after_the_end_never_reopen_a_session() -> None:
    made = stage([says("Done.")])
    made.begin()
    ended = await play(made)
    made.store.write(events.Message("Olu", "one more thing"), events.Resumed("Olu"))
    made.store.write(events.Error("internal", "late"), events.StopRequested("Olu"))
    state = await made.drive()
    assert state.ending == ended.ending
    assert len(made.model.requests) == 1


async def test_a_decision_about_a_call_that_is_over_changes_nothing() -> None:
    made = stage([calls(("c1", "post", {})), says("Done.")])
    made.begin()
    waiting = (await made.drive()).call("c1")
    await play(made)
    made.store.write(decided(waiting, "revoked"), events.StopRequested("Olu"))
    assert (await made.drive()).ended


async def test_a_decision_counts_only_for_the_approval_it_names() -> None:
    made = stage([calls(("c1", "post", {})), calls(("c1", "post", {})), says("Done.")])
    made.begin()
    first = (await made.drive()).call("c1")
    made.store.write(decided(first, "denied"))
    second = (await made.drive()).call("c1")
    made.store.write(decided(first, "approved"))
    assert (await made.drive()).call("c1").status is CallStatus.WAITING
    assert second.approval_id != first.approval_id
    assert made.toolbox.requests == []


async def test_call_ids_that_an_endpoint_uses_again_are_other_calls() -> None:
    made = stage(
        [calls(("c1", "charge", {"n": 1})), calls(("c1", "charge", {"n": 2})), says("Done.")]
    )
    made.begin()
    await play(made)
    assert made.toolbox.effects == [("charge", '{"n":1}'), ("charge", '{"n":2}')]


async def test_a_tool_that_changed_after_it_was_approved_is_not_called() -> None:
    made = stage([calls(("c1", "post", {})), says("ok")])
    made.begin()
    state = await made.drive()
    made.store.write(decided(state.call("c1"), "approved"))
    old = made.toolbox.definition("post")
    from dataclasses import replace

    made.toolbox.changed["post"] = replace(old, description="Posts everywhere at once.")
    await play(made)
    assert made.toolbox.requests == []
    assert "approval_decided" in kinds(made.store.records)[-5:]
    assert results(made.store.records)["c1"].error_class == "invalidated"


async def test_a_catalogue_that_was_edited_meanwhile_is_asked_again() -> None:
    made = stage([calls(("c1", "charge", {})), says("ok")])
    made.begin()
    made.store.catalogue = 2
    await play(made)
    assert made.gate.refreshed == 1
    assert made.toolbox.effects == [("charge", "{}")]


async def test_a_holder_that_was_fenced_keeps_what_it_learned_as_evidence() -> None:
    made = stage([calls(("c1", "charge", {})), says("ok")])
    made.begin()
    hold = made.toolbox.holds["charge"] = Hold()
    driving = asyncio.create_task(made.drive())
    await hold.entered.wait()
    made.store.lease()
    hold.go.set()
    with pytest.raises(Fenced):
        await driving
    assert "tool_result" not in kinds(made.store.records)
    ((call_id, text),) = made.store.evidence
    assert call_id == "c1"
    assert answered("charge", {}) in events.parse_text(text)["content"]


async def test_a_loop_that_ends_leaves_no_task_behind() -> None:
    made = stage([calls(("c1", "look", {}), ("c2", "post", {})), says("ok")])
    made.begin()
    await made.drive()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_process_that_ends_records_what_runs_and_begins_nothing() -> None:
    made = stage([calls(("c1", "charge", {})), says("ok")])
    made.begin()
    hold = made.toolbox.holds["charge"] = Hold()
    driving = asyncio.create_task(made.drive())
    await hold.entered.wait()
    assert made.log
    made.log.draining = True
    hold.go.set()
    state = await driving
    assert not state.ended
    assert list(results(made.store.records)) == ["c1"]
    assert len(made.model.requests) == 1
    assert (await play(made)).ended


async def test_a_call_that_is_on_record_and_that_nobody_runs_is_waited_for() -> None:
    """The commit landed and its answer was lost: the driver neither runs it nor spins."""
    made = stage([calls(("c1", "charge", {})), says("ok")])
    made.begin()

    def lose(fact: events.ToolStarted) -> None:
        made.store.before_claim = lambda later: None
        made.store.claim(fact, made.store.term, len(made.store.records))
        raise ClaimRefused

    made.store.before_claim = lose
    driving = asyncio.create_task(made.drive())
    await asyncio.sleep(0.05)
    assert not driving.done()
    assert made.toolbox.requests == []
    driving.cancel()
    await asyncio.gather(driving, return_exceptions=True)
    assert (await play(made)).ended
    assert made.toolbox.effects == [("charge", "{}")]
