"""The fold of a session's log: ``evolve`` one fact, ``replay`` many. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from agents.core import epoch, events, forking
from agents.core.events import Record
from agents.core.fold import calls, decisions, guards, people, turns
from agents.core.fold.calls import proposed
from agents.core.state import State, replace

__all__ = ["evolve", "proposed", "replay"]


def replay(records: Iterable[Record], state: State | None = None) -> State:
    """The state after ``records``, starting from nothing or from an earlier ``state``."""
    state = state or State()
    for record in records:
        state = evolve(state, record)
    return state


def evolve(state: State, record: Record) -> State:
    """The state after one more fact. Raises ``ValueError`` if the log has a gap."""
    if record.seq != state.seq + 1:
        raise ValueError(f"expected seq {state.seq + 1}, the log has {record.seq}")
    after = _fold(state, record)
    return replace(after, seq=record.seq, weights=epoch.weighed(after.history, state))


def _fold(state: State, record: Record) -> State:
    match fact := record.fact:
        case events.SessionStarted():
            return forking.begun(state, fact, record)
        case events.Thinking():
            return turns.answered(state, fact, record)
        case events.ToolCall():
            return calls.judged(state, fact)
        case events.ApprovalRequested():
            return decisions.requested(state, fact)
        case events.VoteWithdrawn(reopened=True):
            return decisions.reopened(state, fact)
        case events.VoteCast() | events.VoteWithdrawn():
            return state
        case events.ApprovalRaised():
            return calls.change(state, fact.call_id, required=fact.required)
        case events.ApprovalDecided():
            return decisions.decided(state, fact, record.at)
        case events.GrantGiven():
            return replace(state, grants=(*state.grants, fact))
        case events.GrantRevoked():
            return decisions.revoked(state, fact)
        case events.ToolStarted():
            return calls.started(state, fact, record)
        case events.ToolRetried():
            return calls.put_off(state, fact, record.at)
        case events.ToolResult():
            return calls.resulted(state, fact, record)
        case events.OutcomeUnknown():
            return calls.doubted(state, fact)
        case events.OutcomeSettled():
            return calls.outcome_settled(state, fact)
        case events.ModelRetried():
            return turns.retried(state, fact, record)
        case events.TurnDiscarded():
            return turns.discarded(state, fact, record)
        case events.ContextCompacted():
            return turns.compacted(state, fact)
        case events.LoopDetected():
            return guards.looped(state, fact, record)
        case events.BudgetWarned():
            return guards.warned(state, fact, record.seq)
        case events.BudgetReached():
            return guards.reached(state, fact, record)
        case events.Message():
            return people.steered(state, fact, record.seq)
        case events.Paused():
            return replace(state, paused=True)
        case events.Resumed():
            return people.resumed(state, fact, record.seq)
        case events.StopRequested():
            return replace(state, stopping=fact)
        case events.LimitsChanged():
            return people.limits_changed(state, fact, record.seq)
        case events.Error():
            return turns.failed(state, fact)
        case events.Complete() | events.Stopped():
            return replace(state, ending=state.ending or fact)
        case _:
            assert_never(fact)
