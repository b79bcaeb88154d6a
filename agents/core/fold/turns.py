"""The model's turn: an answer, a failure, an answer that is discarded, a new epoch."""

from __future__ import annotations

from agents.core import events, wording
from agents.core.events import Record
from agents.core.fold.asking import after, note, question
from agents.core.state import (
    SUMMARY_TRIES,
    Note,
    State,
    context_size,
    conversation,
    deliverable,
    replace,
)


def answered(state: State, fact: events.Thinking, record: Record) -> State:
    shown = conversation(state, fact.read_upto)
    left = tuple(n for n in state.notes if n.seq > fact.read_upto or n not in deliverable(state))
    cut = fact.stop_reason == "max_tokens"
    if cut and state.continues < 3 and not state.wrap_up:
        left = (*left, Note(record.seq, "Continue."))
    calls_tools = any(block.get("type") == "tool_use" for block in fact.content)
    return replace(
        state,
        step=record.step,
        history=(*shown, {"role": "assistant", "content": list(fact.content)}),
        notes=left,
        calls=(),
        tail_stop=fact.stop_reason,
        tail_text=_tail_text(state, fact),
        usage=state.usage.with_turn(fact.usage, fact.cost, fact.duration_ms),
        context_tokens=context_size(fact.usage),
        monologue=_monologue(state, fact, calls_tools),
        longest_answer=max(state.longest_answer, int(fact.usage.get("output_tokens") or 0)),
        pauses=state.pauses + 1 if fact.stop_reason == "pause_turn" else 0,
        continues=state.continues + 1 if cut else 0,
        failures=0,
        failing_since=None,
        retry_at=None,
        retry_parked=False,
        urgent=False,
        truncations=0,
        empties=0,
        bad_json=0,
        overflowed=False,
        clipped=False,
        wrapped_up=state.wrap_up and fact.stop_reason != "pause_turn",
    )


def _tail_text(state: State, fact: events.Thinking) -> str:
    """An answer that goes on after "Continue." is one answer."""
    goes_on = state.tail_stop == "max_tokens" and not state.wrap_up
    return state.tail_text + fact.text if goes_on else fact.text


def _monologue(state: State, fact: events.Thinking, calls_tools: bool) -> tuple[str, ...]:
    if fact.stop_reason == "pause_turn":  # the turn is not over
        return state.monologue
    return () if calls_tools else (*state.monologue[-2:], fact.text)


def retried(state: State, fact: events.ModelRetried, record: Record) -> State:
    if fact.asks:
        state = question(state, "provider", wording.provider_question(fact), record)
    return replace(
        state,
        fallback=fact.fallback or state.fallback,
        failures=fact.attempt,
        failing_since=state.failing_since if fact.held else state.failing_since or record.at,
        urgent=False,
        retry_at=after(record.at, fact.delay_ms),
        retry_parked=fact.resume_at is not None,
        usage=state.usage.with_turn(fact.usage, fact.cost) if fact.usage else state.usage,
    )


def discarded(state: State, fact: events.TurnDiscarded, record: Record) -> State:
    seq = record.seq
    state = replace(state, usage=state.usage.with_turn(fact.usage, fact.cost))
    match fact.reason:
        case "truncated" | "called_tools":
            state = replace(state, truncations=state.truncations + 1)
            return note(state, seq, wording.TRUNCATED) if state.truncations == 2 else state
        case "bad_json":
            state = replace(state, bad_json=state.bad_json + 1)
            return note(state, seq, wording.BAD_JSON) if state.bad_json == 3 else state
        case "empty":
            return note(replace(state, empties=state.empties + 1), seq, wording.EMPTY)
        case "overflow":
            return replace(state, overflowed=True)
        case "summary":
            return _unsummarised(state, fact, record)
        case "compaction":
            return replace(state, server_failed=True)
        case "compaction_refused":
            return replace(state, server_refused=True)
        case "bound":
            return replace(state, drop_block=True)
        case "unexpected_stop":
            return replace(state, unexpected=fact.message)
        case _:
            return question(state, "refusal", wording.refusal_question(fact), record)


def failed(state: State, fact: events.Error) -> State:
    usage = state.usage.with_turn(fact.usage, fact.cost) if fact.usage else state.usage
    return replace(state, ending=state.ending or fact, usage=usage)


def _unsummarised(state: State, fact: events.TurnDiscarded, record: Record) -> State:
    """Where the session cannot go on, a person is asked once, after ``SUMMARY_TRIES``."""
    stuck = state.compact_stuck + fact.must
    state = replace(state, compact_failures=state.compact_failures + 1, compact_stuck=stuck)
    if not fact.must or stuck != SUMMARY_TRIES or state.setting("unattended"):
        return state
    return question(state, "context", wording.context_question(fact), record)


def compacted(state: State, fact: events.ContextCompacted) -> State:
    usage = state.usage.with_turn(fact.usage, fact.cost) if fact.usage else state.usage
    state = replace(
        state,
        history=tuple(fact.messages),
        usage=usage,
        context_tokens=fact.tokens_after,
        overflowed=False,
        clipped=state.clipped or fact.reason == "clipped",
        model=fact.continues_with or state.model,
        fallback="",
    )
    if fact.epoch == state.epoch:  # only the last results became shorter
        return state
    return replace(
        state,
        epoch=fact.epoch,
        summary=fact.summary,
        compacted_step=state.step,
        compact_failures=0,
        compact_stuck=0,
        server_failed=False,
        blocked=frozenset(),
        tail_stop="" if fact.messages[-1]["role"] == "user" else state.tail_stop,
    )
