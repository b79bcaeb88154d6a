"""What people say of calls: asked for, decided, taken back; grants that end."""

from __future__ import annotations

from datetime import datetime

from agents.core import events, ledger, wording
from agents.core.fold.calls import asks_again, change
from agents.core.risk import Effect
from agents.core.state import Call, CallStatus, State, replace

_UNDECIDED = (CallStatus.WAITING, CallStatus.READY)


def requested(state: State, fact: events.ApprovalRequested) -> State:
    usage = replace(state.usage, approvals=state.usage.approvals + 1)
    waiting = change(
        state,
        fact.call_id,
        approval_id=fact.approval_id,
        digest=fact.digest,
        status=CallStatus.WAITING,
        risk=fact.risk,
        rule=fact.rule,
        required=fact.required,
        grant="",
        **({"effect": Effect(fact.effect), "base": fact.risk} if fact.effect else {}),
    )
    return replace(waiting, usage=usage)


def decided(state: State, fact: events.ApprovalDecided, at: datetime) -> State:
    call = _undecided(state, fact.approval_id)
    if call is None:
        return state
    return _recorded(_with_decision(state, call, fact), fact, at)


def _with_decision(state: State, call: Call, fact: events.ApprovalDecided) -> State:
    if fact.decision == "approved":
        state = replace(state, tally={**state.tally, call.base: 0})
        edited = fact.arguments is not None
        return change(
            state,
            fact.call_id,
            status=CallStatus.READY,
            digest=fact.digest,
            held_until=_held_until(fact),
            arguments=fact.arguments if fact.arguments is not None else call.arguments,
            edited_by=fact.by if edited else call.edited_by,
        )
    told, error_class = wording.refusal(call.tool, fact.decision, fact.reason)
    return change(
        state,
        fact.call_id,
        status=CallStatus.REFUSED,
        held_until=_held_until(fact),
        refusal=told,
        refusal_class=error_class,
    )


def _held_until(fact: events.ApprovalDecided) -> datetime | None:
    return datetime.fromisoformat(fact.held_until) if fact.held_until else None


def _recorded(state: State, fact: events.ApprovalDecided, at: datetime) -> State:
    entry = ledger.of_decision(state.call(fact.call_id), fact, at)
    state = change(state, fact.call_id, decision=entry)
    return replace(state, ledger=ledger.added(state.ledger, entry))


def reopened(state: State, fact: events.VoteWithdrawn) -> State:
    """The decision is taken back as if it had never been."""
    call = _standing(state, fact.approval_id, *_UNDECIDED, CallStatus.REFUSED)
    if call is None:
        return state
    pinned = tuple(entry for entry in state.ledger if entry is not call.decision)
    waiting = change(
        state,
        fact.call_id,
        status=CallStatus.WAITING,
        arguments=call.proposed if call.edited_by else call.arguments,
        edited_by="",
        held_until=None,
        decision=None,
        refusal="",
        refusal_class="",
    )
    return replace(waiting, ledger=pinned)


def revoked(state: State, fact: events.GrantRevoked) -> State:
    """What it let through and has not begun is asked about after all. Of what has begun, the gate
    looks at each further attempt."""
    left = tuple(grant for grant in state.grants if grant.grant_id != fact.grant_id)
    calls = tuple(
        asks_again(call)
        if call.grant == fact.grant_id and call.status is CallStatus.READY and not call.attempt
        else call
        for call in state.calls
    )
    return replace(state, grants=left, calls=calls)


def _undecided(state: State, approval_id: str) -> Call | None:
    return _standing(state, approval_id, *_UNDECIDED)


def _standing(state: State, approval_id: str, *statuses: CallStatus) -> Call | None:
    """The call that this approval still stands for: people may write about an approval whose
    call is over, and endpoints may use a call's id again."""
    calls = (call for call in state.calls if call.approval_id == approval_id)
    return next((call for call in calls if call.status in statuses), None)
