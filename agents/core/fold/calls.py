"""Tool calls: judged, started, repeated, settled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from agents.core import events, fence, ledger, raising, wording
from agents.core.events import Record
from agents.core.evidence import settle, with_result
from agents.core.fold.asking import after
from agents.core.risk import Effect
from agents.core.state import Call, CallStatus, Param, State, replace


def proposed(fact: events.ToolCall) -> Call:
    ready = fact.verdict == "allow"
    return Call(
        call_id=fact.call_id,
        tool=fact.tool,
        proposed=fact.arguments,
        arguments=fact.arguments,
        status=CallStatus.READY if ready else CallStatus.WAITING,
        risk=fact.risk,
        rule=fact.rule,
        effect=Effect(fact.effect),
        base=fact.base or fact.risk,
        required=fact.required,
        timeout=fact.timeout,
        definition=fact.definition,
        grant=fact.grant,
        title=fact.title,
    )


def judged(state: State, fact: events.ToolCall) -> State:
    call, tally = _granted(state, proposed(fact)), raising.tallied(state.tally, fact)
    return replace(state, calls=(*state.calls, call), tally=tally)


def _granted(state: State, call: Call) -> Call:
    """A grant that was revoked while the model spoke, or the gate judged, lets nothing through."""
    stands = not call.grant or any(grant.grant_id == call.grant for grant in state.grants)
    return call if stands else asks_again(call)


def asks_again(call: Call) -> Call:
    return replace(call, status=CallStatus.AGAIN, grant="", generation=call.generation + 1)


def started(state: State, fact: events.ToolStarted, record: Record) -> State:
    call = state.call(fact.call_id)
    high = call.risk == "high" and call.attempt == 0
    usage = replace(
        state.usage,
        tool_calls=state.usage.tool_calls + (call.attempt == 0),
        high_executions=state.usage.high_executions + high,
    )
    begun = change(
        state,
        fact.call_id,
        status=CallStatus.STARTED,
        attempt=fact.attempt,
        began_at=call.first_attempt or record.at,
        retry_at=None,
        started_term=record.term,
        started_at=record.at,
        idempotency_key=fact.idempotency_key,
        key_since=call.in_doubt_since,
    )
    return replace(begun, usage=usage)


def put_off(state: State, fact: events.ToolRetried, at: datetime) -> State:
    call = state.call(fact.call_id)
    parked = fact.resume_at is not None
    return change(
        state,
        fact.call_id,
        status=CallStatus.READY,
        failures=call.failures + 1,
        retry_at=after(at, fact.delay_ms),
        retry_parked=parked,
        began_at=None if parked else call.began_at,
        key_since=call.in_doubt_since if fact.effects else call.key_since,
    )


def resulted(state: State, fact: events.ToolResult, record: Record) -> State:
    call = state.find(fact.call_id)
    if call is None or call.status is CallStatus.SETTLED:
        return state
    state = change(state, fact.call_id, status=CallStatus.SETTLED, result=fact)
    read = call.effect is Effect.READ
    settled = settle(
        state.settled, call.tool, call.proposed, fact, state.step, record.seq, read=read
    )
    known = with_result(state.results, settled[-1].result) if settled else state.results
    if fact.executed and not state.tainted_by and raising.untrusted(state, call.tool):
        state = replace(state, tainted_by=call.tool)
    state = replace(
        state,
        usage=replace(state.usage, tool_ms=state.usage.tool_ms + fact.duration_ms),
        settled=settled,
        results=known,
        news_step=state.step if known is not state.results else state.news_step,
        ledger=ledger.added(state.ledger, ledger.of_result(call, fact, record.at)),
    )
    if any(call.status is not CallStatus.SETTLED for call in state.calls):
        return state
    # The turn's ``tool_call`` facts are one append with its ``thinking``, so a result among them
    # (unknown tool, bad arguments) may come before its neighbours are proposed.
    if len(state.calls) < _tool_uses(state.history[-1]):
        return state
    results = [_result_block(call.result) for call in state.calls if call.result]
    message = {"role": "user", "content": results}
    return replace(state, history=(*state.history, message), calls=(), tail_stop="", tail_text="")


def _tool_uses(message: Param) -> int:
    return sum(block.get("type") == "tool_use" for block in message["content"])


def _result_block(result: events.ToolResult) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": result.call_id,
        "content": fence.fenced(result),
    }
    return block if result.ok else {**block, "is_error": True}


def doubted(state: State, fact: events.OutcomeUnknown) -> State:
    """Its next attempt, if one was due, is off: what people say of it holds at once."""
    return change(state, fact.call_id, status=CallStatus.UNKNOWN, retry_at=None, retry_parked=False)


def outcome_settled(state: State, fact: events.OutcomeSettled) -> State:
    call = state.find(fact.call_id)
    if call is None or call.status is not CallStatus.UNKNOWN:
        return state
    if fact.decision == "not_happened":
        return change(
            state,
            fact.call_id,
            status=CallStatus.AGAIN,
            generation=call.generation + 1,
            attempt=0,
            failures=0,
            began_at=None,
            key_since=None,
            approval_id=None,
        )
    told, error_class = wording.outcome(call.tool, fact.decision, fact.result, fact.reason)
    if call.edited_by:
        told = f"{wording.edited(call.arguments)}\n\n{told}"
    return change(
        state,
        fact.call_id,
        status=CallStatus.REFUSED,
        refusal=told,
        refusal_class=error_class,
    )


def change(state: State, call_id: str, **changes: Any) -> State:
    calls = tuple(
        replace(call, **changes) if call.call_id == call_id else call for call in state.calls
    )
    return replace(state, calls=calls)
