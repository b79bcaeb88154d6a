"""What is watched, and what is found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from agents.core.risk import Risk

Level: TypeAlias = Literal["notice", "alert"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool that is settled. ``at`` is seconds since the epoch."""

    session: str
    seq: int
    step: int
    at: float
    tool: str
    risk: Risk
    ok: bool
    executed: bool
    duration_ms: int
    size: int
    denied: bool = False
    host: str = ""
    outside: bool = False  # what it returns was written by others


@dataclass(frozen=True, slots=True)
class Turn:
    session: str
    seq: int
    step: int
    at: float
    model: str
    duration_ms: int
    output: int
    prompt: int  # tokens that the model read
    cached: int  # of those, read from the cache
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that is told whatever is usual: a loop, a refusal, an open breaker."""

    session: str
    seq: int
    step: int
    at: float
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What people said of a call."""

    session: str
    seq: int
    step: int
    at: float
    denied: bool


@dataclass(frozen=True, slots=True)
class End:
    session: str
    seq: int
    step: int
    at: float


Seen: TypeAlias = Call | Turn | Happening | Decision | End


@dataclass(frozen=True, slots=True)
class Finding:
    """Something unusual. ``parts`` is what a sentence about it needs."""

    kind: str
    level: Level
    subject: str  # a tool, a host, a rule; empty where it concerns the agent
    at: float
    session: str
    seq: int
    step: int
    key: str  # the same finding has the same key
    parts: dict[str, Any] = field(default_factory=dict)


def finding(seen: Seen, kind: str, level: Level, subject: str, /, **parts: Any) -> Finding:
    key = f"{kind} {level} {seen.session} {subject}"
    return Finding(kind, level, subject, seen.at, seen.session, seen.seq, seen.step, key, parts)
