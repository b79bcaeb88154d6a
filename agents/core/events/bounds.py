"""How a session begins, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from agents.core.canonical import JsonObject


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """Everything that shapes the session's requests is frozen here."""

    kind: ClassVar[str] = "session_started"
    agent: str
    task: str
    model: str
    limits: JsonObject
    tools: Sequence[JsonObject]  # definitions as the Messages API takes them, sorted by name
    system: Sequence[JsonObject]
    max_auto_risk: str
    max_tokens: int
    window: int  # tokens the model may be shown
    by: str = ""
    definitions: JsonObject = field(default_factory=dict)  # tool name -> definition digest
    thinking: JsonObject | None = None
    settings: JsonObject = field(default_factory=dict)  # thresholds of guards, retries, waits
    outside: Sequence[str] = ()  # tools that deal with the world outside
    fork: JsonObject | None = None  # parent's ``session, seq, digest`` and what was changed


@dataclass(frozen=True, slots=True)
class Stopped:
    kind: ClassVar[str] = "stopped"
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Complete:
    kind: ClassVar[str] = "complete"
    text: str
    reason: str = ""  # where it is no plain end: empty, cut_off, unexpected_stop


@dataclass(frozen=True, slots=True)
class Error:
    kind: ClassVar[str] = "error"
    error_class: str
    message: str
    read_upto: int | None = None  # where a request ended it: the log's head when it was built
    usage: JsonObject | None = None  # of the answer that ended it, where one came
    cost: float | None = None  # dollars; None where the model has no price
