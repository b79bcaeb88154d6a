"""The fold: what a session is after each fact, whatever comes late or twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.core import events
from agents.core.fold import evolve, replay
from agents.core.state import CallStatus, State
from agents.testing import MemoryStore, Stage, calls, says
from tests.core.loops import decided, play, stage
from tests.core.sessions import Session


async def waiting() -> tuple[Stage, State]:
    """Two calls: one that is settled and one that waits for people."""
    made = stage([calls(("c1", "charge", {}), ("c2", "post", {})), says("Done.")])
    made.begin()
    return made, await made.drive()


def after(store: MemoryStore, *facts: events.Fact) -> State:
    longer = store.prefix(len(store.records))
    longer.write(*facts)
    return longer.state()


def without_seq(state: State) -> State:
    return replace(state, seq=0)


async def test_a_second_result_changes_nothing() -> None:
    made, state = await waiting()
    again = events.ToolResult("c1", "charge", False, "other", error_class="timeout")
    late = after(made.store, again)
    assert without_seq(late) == without_seq(state)


@pytest.mark.parametrize(
    "fact",
    [
        events.ToolResult("gone", "charge", True, "x"),
        events.OutcomeSettled("o", "gone", "happened", "Ada"),
        events.OutcomeSettled("o", "c2", "not_happened", "Ada"),
        events.ApprovalDecided("gone", "c2", "approved", "Ann", "", "d"),
        events.VoteWithdrawn("gone", "c2", "policy", reopened=True),
        events.VoteCast("a", "c2", "Ann", "approve", "", "d"),
    ],
)
async def test_words_about_what_is_not_open_change_nothing(fact: events.Fact) -> None:
    made, state = await waiting()
    assert without_seq(after(made.store, fact)) == without_seq(state)


async def test_a_call_that_has_started_takes_no_decision() -> None:
    made, state = await waiting()
    call = state.call("c2")
    approved = decided(call, "approved")
    started = events.ToolStarted("c2", "post", {}, call.digest, "k", 1, call.approval_id)
    late = after(made.store, approved, started, decided(call, "revoked"))
    assert late.call("c2").status is CallStatus.STARTED


def test_a_revoked_grant_gives_no_new_key_to_a_call_that_has_begun() -> None:
    session = Session()
    session.say(events.GrantGiven("g", "Ann", "charge", "low"))
    session.think(stop_reason="tool_use")
    for call in ("begun", "waits"):
        session.say(
            events.ToolCall(call, "charge", {}, "low", "allow", "", effect="keyed", grant="g")
        )
    session.say(events.ToolStarted("begun", "charge", {}, "d", "k", 1))
    session.say(events.ToolRetried("begun", "charge", 1, "timeout", "slow", 1_000))
    session.say(events.GrantRevoked("g", "Ann", "charge"))
    found = {call.call_id: (call.status, call.generation) for call in session.state.calls}
    assert found == {"begun": (CallStatus.READY, 0), "waits": (CallStatus.AGAIN, 1)}


def test_a_log_with_a_gap_is_refused() -> None:
    store = MemoryStore()
    store.write(events.Message("Olu", "one"), events.Message("Olu", "two"))
    with pytest.raises(ValueError, match="expected seq 1, the log has 2"):
        evolve(State(), store.records[1])


async def test_replay_in_pieces_is_replay_at_once() -> None:
    made, _ = await waiting()
    await play(made)
    whole = replay(made.store.records)
    for at in range(len(made.store.records)):
        first = replay(made.store.records[:at])
        assert replay(made.store.records[at:], first) == whole


async def test_only_the_first_end_counts() -> None:
    made, _ = await waiting()
    late = after(made.store, events.Complete("one"), events.Error("internal", "two"))
    assert late.ending == events.Complete("one")


def test_a_stop_before_the_first_fact_is_kept() -> None:
    store = MemoryStore()
    store.write(events.StopRequested("Olu"))
    assert store.state().stopping
