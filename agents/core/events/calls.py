"""Tool calls, from proposal to outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from agents.core.canonical import JsonObject


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call proposed by the model, and the gate's judgement."""

    kind: ClassVar[str] = "tool_call"
    call_id: str
    tool: str
    arguments: JsonObject
    risk: str
    verdict: str  # allow, ask, deny, invalid
    rule: str
    effect: str = "irreversible"
    required: int = 1  # people who must approve
    timeout: float = 60.0  # seconds
    definition: str = ""  # digest of the tool's definition
    grant: str = ""  # the id of the grant that let it run unasked
    base: str = ""  # the tool's own risk, where the session so far raised it
    title: str = ""  # the template of its title; see ``titles``


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The write-ahead intent: from here on the call may have happened."""

    kind: ClassVar[str] = "tool_started"
    call_id: str
    tool: str
    arguments: JsonObject
    digest: str
    idempotency_key: str
    attempt: int
    approval_id: str | None = None
    risk: str = ""  # as the gate judged the call
    title: str = ""  # as in ``ToolCall``


@dataclass(frozen=True, slots=True)
class ToolRetried:
    kind: ClassVar[str] = "tool_retried"
    call_id: str
    tool: str
    attempt: int  # the attempt that failed
    error_class: str
    message: str
    delay_ms: int
    resume_at: str | None = None  # set when the session is parked until then
    effects: bool = True  # whether the attempt may have had its effect
    attempts: int = 0  # that a call which fails like this gets in all; 0 in older logs


@dataclass(frozen=True, slots=True)
class ToolResult:
    kind: ClassVar[str] = "tool_result"
    call_id: str
    tool: str
    ok: bool
    content: str | Sequence[JsonObject]
    error_class: str | None = None
    duration_ms: int = 0
    executed: bool = True  # False where nothing ran: denied, invalid, stopped, answered
    source: str | None = None  # whose words these are: the model is shown them fenced, as data
    own: int | None = None  # how many characters at the beginning are the runtime's own words
    artifacts: Sequence[JsonObject] | None = None  # what is kept whole: id, name, mime, bytes, ...
    whole: str | None = None  # digest of the whole output, for detectors, where part is shown


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """A call that may have happened and cannot be checked; a person settles it."""

    kind: ClassVar[str] = "outcome_unknown"
    outcome_id: str
    call_id: str
    tool: str
    arguments: JsonObject
    idempotency_key: str
    started_at: str
    evidence: str
    title: str = ""  # as in ``ToolCall``


@dataclass(frozen=True, slots=True)
class OutcomeSettled:
    """``decision``: happened, not_happened (asks again under a new key) or abandoned."""

    kind: ClassVar[str] = "outcome_settled"
    outcome_id: str
    call_id: str
    decision: str
    by: str
    result: str = ""
    reason: str = ""
