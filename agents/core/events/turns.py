"""What the model says, what goes wrong with it, and the epochs of its context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from agents.core.canonical import JsonObject


@dataclass(frozen=True, slots=True)
class Thinking:
    """One model turn."""

    kind: ClassVar[str] = "thinking"
    content: Sequence[JsonObject]  # blocks, byte for byte
    text: str
    usage: JsonObject
    stop_reason: str
    model: str
    duration_ms: int
    read_upto: int  # the log's head when the request was built: what the model had been told
    message_id: str = ""
    cost: float | None = None  # dollars; None where the model has no price
    # What the endpoint left out of the request, e.g. thinking that no longer matched.
    input_transformations: Sequence[JsonObject] | None = None


@dataclass(frozen=True, slots=True)
class ModelRetried:
    kind: ClassVar[str] = "model_retried"
    attempt: int  # the attempt that failed
    error_class: str
    message: str
    delay_ms: int
    resume_at: str | None = None  # set when the session is parked until then
    usage: JsonObject = field(default_factory=dict)
    read_upto: int | None = None  # the log's head when the request was built
    asks: bool = False  # nobody tries again until a person says so
    fallback: str = ""  # the model that takes over, in a new epoch
    cost: float | None = None
    held: bool = False  # nothing was asked: every session waits for this endpoint


@dataclass(frozen=True, slots=True)
class TurnDiscarded:
    """An answer that must not be kept: cut off, refused, empty or not valid."""

    kind: ClassVar[str] = "turn_discarded"
    # truncated, called_tools, refusal, bad_json, empty, overflow, bound, summary, compaction,
    # compaction_refused, unexpected_stop
    reason: str
    message: str
    usage: JsonObject
    read_upto: int
    cost: float | None = None
    stop_details: JsonObject | None = None  # of a refusal: its category and explanation
    must: bool = False  # a summary without which the session cannot go on


@dataclass(frozen=True, slots=True)
class ContextCompacted:
    """A new epoch: the model is shown ``messages`` in place of all that came before."""

    kind: ClassVar[str] = "context_compacted"
    epoch: int
    tokens_before: int
    tokens_after: int
    summary: str
    messages: Sequence[JsonObject]
    kept_turns: int
    usage: JsonObject = field(default_factory=dict)
    cost: float | None = None
    model: str = ""
    through_step: int = 0
    read_upto: int | None = None  # the log's head when the summary was asked for
    reason: str = ""  # rent, hard, overflow; clipped: the last results; fallback: a new model
    continues_with: str = ""  # the model from here on, if it changes
