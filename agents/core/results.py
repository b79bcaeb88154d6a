"""What became of a call, as facts: results, retries and outcomes that nobody knows."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.core import canonical, events, retry, wording
from agents.core.breaker import TemporarilyUnavailable
from agents.core.budget import Meter
from agents.core.evidence import OVER_BUDGET
from agents.core.risk import Effect
from agents.core.state import Call, CallStatus, State
from agents.core.tools import InvalidArguments, NotFound, PermissionDenied, ToolError
from agents.core.turn import Proposed


def idempotency_key(session: str, step: int, call: Call) -> str:
    """The same for every attempt of a call, another once people were asked again.

    The step belongs to it: some endpoints number the calls of every turn from one.
    """
    return canonical.sha256(f"{session}:{step}:{call.call_id}:{call.generation}")


def outcome_unknown(
    call: Call, key: str, started_at: datetime, evidence: str
) -> events.OutcomeUnknown:
    return events.OutcomeUnknown(
        outcome_id=str(uuid.uuid4()),
        call_id=call.call_id,
        tool=call.tool,
        arguments=call.arguments,
        idempotency_key=key,
        started_at=events.timestamp(started_at),
        evidence=evidence,
        title=call.title,
    )


def in_doubt(call: Call, stopping: events.StopRequested | None) -> events.OutcomeUnknown:
    """A call that may have happened and that nobody may repeat."""
    evidence = wording.KILLED if stopping and stopping.kill else wording.LOST
    if call.effect is Effect.KEYED and not stopping:
        evidence = wording.KEY_FORGOTTEN
    began = call.in_doubt_since or datetime.now(UTC)
    return outcome_unknown(call, call.idempotency_key, began, evidence)


def broken_off(state: State, why: str) -> list[events.Fact]:
    """What a bug in the engine makes of a session: its end, unless calls may have happened. Then it
    stays, and people say what became of those before anything else."""
    open_calls = [call for call in state.calls if call.effect is not Effect.READ]
    begun = [call for call in open_calls if call.status is CallStatus.STARTED]
    if not begun and all(call.status is not CallStatus.UNKNOWN for call in open_calls):
        return [events.Error(error_class="internal", message=why)]
    doubts = [
        outcome_unknown(call, call.idempotency_key, call.started_at or datetime.now(UTC), why)
        for call in begun
    ]
    return [*doubts, events.Paused(by="runtime", reason=why)]


def not_run(
    call: Call | Proposed | events.ToolCall, error_class: str, told: str
) -> events.ToolResult:
    return events.ToolResult(
        call_id=call.call_id,
        tool=call.tool,
        ok=False,
        content=told,
        error_class=error_class,
        executed=False,
    )


def over_budget(call: events.ToolCall, full: Meter) -> list[events.Fact]:
    """A call that does not fit into the budget: nobody is asked, and the model is told."""
    refused = replace(call, verdict="invalid", rule=f"{wording.budget_name(full.dimension)} budget")
    told = wording.no_room(call.tool, full.dimension, full.used, full.limit)
    return [refused, not_run(call, OVER_BUDGET, told)]


def called_off(
    call: Call, error_class: str, told: str
) -> events.ToolResult | events.ApprovalDecided:
    """A call that was let through and is not made after all. An approval that it had is over: it
    was for this call at that moment, and whoever gave it must not think that it was used."""
    if call.attempt or not (call.approval_id and call.digest):
        return not_run(call, error_class, told)
    return events.ApprovalDecided(
        approval_id=call.approval_id,
        call_id=call.call_id,
        decision="invalidated",
        by="policy",
        reason=told.removeprefix("NOT EXECUTED").lstrip(":. ").rstrip("."),
        digest=call.digest,
    )


def changed(call: Call) -> events.ToolResult | events.ApprovalDecided:
    return called_off(call, "invalidated", wording.changed(call.tool))


def failure(call: Call, error: ToolError, message: str, attempt: int, ms: int) -> events.ToolResult:
    """An attempt that failed for good. ``message`` is the error's, fit for the log."""
    told = wording.failure(
        error.error_class, attempt, message, effects(call, error), hint(error, datetime.now(UTC))
    )
    if call.edited_by:
        told = f"{wording.edited(call.arguments)}\n\n{told}"
    return events.ToolResult(
        call_id=call.call_id,
        tool=call.tool,
        ok=False,
        content=told,
        error_class=error.error_class,
        duration_ms=ms,
    )


def retried(
    call: Call, error: ToolError, message: str, attempt: int, delay: retry.Delay, now: datetime
) -> events.ToolRetried:
    return events.ToolRetried(
        call_id=call.call_id,
        tool=call.tool,
        attempt=attempt,
        error_class=error.error_class,
        message=message[:500],
        delay_ms=delay.ms,
        resume_at=events.timestamp(delay.until(now)) if delay.parked else None,
        effects=error.effects,
        attempts=1 + retry.allowed_retries(error, call.effect),
    )


def effects(call: Call, error: ToolError) -> str:
    if call.effect is Effect.READ:
        return "none because read-only"
    proven = not error.effects or isinstance(error, InvalidArguments | NotFound | PermissionDenied)
    return "none" if proven else "possible"


def hint(error: ToolError, now: datetime) -> str:
    if (error.transient or isinstance(error, TemporarilyUnavailable)) and error.retry_after:
        at = now + timedelta(seconds=error.retry_after)
        return f"It is available again at {at:%Y-%m-%d %H:%M:%S} UTC."
    if isinstance(error, InvalidArguments):
        return "Correct the arguments before you call it again."
    if isinstance(error, PermissionDenied):
        return "Do not try again: the permission is missing."
    if error.transient:
        return "Go on with other work, or try again later."
    return "Check what it says before you try again."


def prefixed(
    note: str, content: str | Sequence[Mapping[str, Any]]
) -> str | Sequence[Mapping[str, Any]]:
    if isinstance(content, str):
        return f"{note}\n\n{content}"
    return [{"type": "text", "text": note}, *content]
