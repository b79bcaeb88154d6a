"""What an answer of the model means: keep it, discard it, retry, or give up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.core import events, redaction
from agents.core.model import ModelFailure, Turn
from agents.core.retry import Delay, held_delay, model_delay
from agents.core.state import State

# The key, the bill or a right is wrong: no wait mends that, a person does.
ASKS = frozenset({"authentication", "billing", "permission"})
_EXPLANATION = 500  # characters


@dataclass(frozen=True, slots=True)
class Proposed:
    call_id: str
    tool: str
    arguments: Mapping[str, Any]


def judge(
    state: State, turn: Turn, cost: float | None, secrets: Sequence[str] = ()
) -> events.Thinking | events.TurnDiscarded | events.Error:
    """Keep the answer as ``thinking`` or say why not (guards.md, "Stop reasons and failures")."""
    if redaction.leaks((turn.content, turn.stop_details), secrets):
        return events.Error(
            error_class="secret_in_turn",
            message="The model's answer contained a known secret; it was not stored.",
            read_upto=state.seq,
            usage=turn.usage,
            cost=cost,
        )
    if discarded := _discard(turn, last=state.wrap_up):
        reason, message = discarded
        return events.TurnDiscarded(
            reason=reason,
            message=message,
            usage=turn.usage,
            read_upto=state.seq,
            cost=cost,
            stop_details=turn.stop_details,
        )
    return events.Thinking(
        content=turn.content,
        text=text_of(turn.content),
        usage=turn.usage,
        stop_reason=turn.stop_reason,
        model=turn.model,
        duration_ms=turn.duration_ms,
        read_upto=state.seq,
        message_id=turn.message_id,
        cost=cost,
        input_transformations=list(turn.input_transformations) or None,
    )


def _discard(turn: Turn, *, last: bool) -> tuple[str, str] | None:
    """Why an answer is not kept. The ``last`` may call no tools, whatever the endpoint allows."""
    has_tools = bool(_tool_uses(turn.content))
    says = bool(text_of(turn.content).strip())
    match turn.stop_reason:
        case "refusal":
            return "refusal", _refused(turn)
        case "model_context_window_exceeded":
            return "overflow", "The conversation is longer than the model's window."
        case _ if has_tools and last:
            return "called_tools", "It called tools although this turn was to wrap up without any."
        case "max_tokens" if has_tools or not says:
            return "truncated", "The answer was cut off before its tool calls were complete."
        case "pause_turn" if turn.content and not has_tools:
            return None
        case "tool_use" if has_tools:
            return None
        case "end_turn" | "stop_sequence" | "pause_turn" if has_tools:
            return "truncated", f"Tool calls came with stop reason {turn.stop_reason!r}."
        case _ if has_tools:
            # What this reason means is not known, so nothing is run on its account.
            return "unexpected_stop", f"The answer stopped for an unknown reason: {_stop(turn)}."
        case _ if not says:
            return "empty", "The answer was empty."
        case _:
            return None


def _stop(turn: Turn) -> str:
    return repr(turn.stop_reason[:80])


def _refused(turn: Turn) -> str:
    details = turn.stop_details or {}
    given = str(details.get("explanation") or text_of(turn.content) or "It did not say why.")
    return given if len(given) <= _EXPLANATION else given[: _EXPLANATION - 1] + "…"


def proposed(fact: events.Thinking) -> list[Proposed]:
    """The calls to judge: only those of a turn that ended in order to call tools."""
    if fact.stop_reason != "tool_use":
        return []
    return [
        Proposed(block["id"], block["name"], block["input"]) for block in _tool_uses(fact.content)
    ]


def failed(
    state: State, failure: ModelFailure, now: datetime, cost: float | None = None
) -> events.ModelRetried | events.TurnDiscarded | events.Error:
    """The fact that a failed model call becomes: retried, discarded or the session's end."""
    if reason := _spoiled(state, failure):
        return _discarded(state, reason, failure, cost)
    settings = state.started.settings.get("retry", {}) if state.started else {}
    if failure.held:
        return _held(state, failure, held_delay(failure, settings), now)
    attempt = state.failures + 1
    spent = (now - state.failing_since).total_seconds() if state.failing_since else 0.0
    delay = model_delay(failure, attempt, settings, spent=spent)
    if failure.error_class in ASKS and not state.setting("unattended"):
        return _waiting(state, failure, attempt, cost, asks=True)
    if (delay is None or delay.parked) and (fallback := _fallback(state, failure)):
        return _waiting(state, failure, attempt, cost, fallback=fallback)
    if delay is None:
        return _given_up(state, failure, attempt, cost)
    return events.ModelRetried(
        attempt=attempt,
        error_class=failure.error_class,
        message=failure.message,
        delay_ms=delay.ms,
        resume_at=events.timestamp(delay.until(now)) if delay.parked else None,
        usage=failure.usage,
        read_upto=state.seq,
        cost=cost,
    )


def _held(state: State, failure: ModelFailure, delay: Delay, now: datetime) -> events.ModelRetried:
    """Nothing was asked, so it is no attempt."""
    if delay.parked and (fallback := _fallback(state, failure)):
        return _waiting(state, failure, state.failures, None, fallback=fallback)
    return events.ModelRetried(
        attempt=state.failures,
        error_class=failure.error_class,
        message=failure.message,
        delay_ms=delay.ms,
        resume_at=events.timestamp(delay.until(now)) if delay.parked else None,
        read_upto=state.seq,
        held=True,
    )


def _spoiled(state: State, failure: ModelFailure) -> str:
    """Why the request itself must be another before it is tried again; empty where it need not."""
    match failure.error_class:
        case "bad_json":
            return "bad_json"
        case "context_overflow":
            return "overflow"
        case "thinking_bound" if not state.drop_block and _adaptive(state):
            return "bound"
        case _:
            return ""


def _adaptive(state: State) -> bool:
    """Whether the endpoint can be told to drop thinking: only adaptive thinking knows how."""
    thinking = (state.started.thinking if state.started else None) or {}
    return bool(thinking.get("type", "adaptive") == "adaptive")


def _fallback(state: State, failure: ModelFailure) -> str:
    """The model that takes over from an overloaded one, if the agent has another."""
    name = str(state.setting("fallback_model") or "")
    return name if failure.error_class == "overloaded" and name != state.asked_model else ""


def _waiting(
    state: State,
    failure: ModelFailure,
    attempt: int,
    cost: float | None,
    *,
    asks: bool = False,
    fallback: str = "",
) -> events.ModelRetried:
    return events.ModelRetried(
        attempt=attempt,
        error_class=failure.error_class,
        message=failure.message,
        delay_ms=0,
        usage=failure.usage,
        asks=asks,
        fallback=fallback,
        read_upto=state.seq,
        cost=cost,
    )


def _given_up(
    state: State, failure: ModelFailure, attempt: int, cost: float | None
) -> events.Error:
    return events.Error(
        failure.error_class,
        _last(failure, attempt),
        read_upto=state.seq,
        usage=failure.usage or None,
        cost=cost,
    )


def text_of(content: Sequence[Mapping[str, Any]]) -> str:
    return "\n\n".join(block["text"] for block in content if block.get("type") == "text")


def _tool_uses(content: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [block for block in content if block.get("type") == "tool_use"]


def _discarded(
    state: State, reason: str, failure: ModelFailure, cost: float | None
) -> events.TurnDiscarded:
    return events.TurnDiscarded(
        reason=reason, message=failure.message, usage=failure.usage, read_upto=state.seq, cost=cost
    )


def _last(failure: ModelFailure, attempt: int) -> str:
    times = "" if attempt == 1 else f" ({attempt} attempts)"
    return f"{failure.message}{times}"
