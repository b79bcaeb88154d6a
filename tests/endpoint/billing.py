"""Usage as the API bills it: prefixes are cached only where a request put a breakpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from tests.endpoint.blocks import (
    Json,
    as_blocks,
    chars,
    compact,
    digest,
    spots,
    tool_chars,
    unmarked,
)

SECONDS = {"5m": 300.0, "1h": 3600.0}
LOOKBACK = 20


@dataclass(frozen=True)
class Mark:
    """A place a prefix may end: how much lies before it, and the breakpoint, if any."""

    digest: str
    chars: int
    ttl: str | None

    @property
    def tokens(self) -> int:
        return self.chars // 4


@dataclass(frozen=True)
class Bill:
    input_tokens: int
    read: int
    written: dict[str, int]

    def usage(self, output_tokens: int) -> Json:
        return {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": sum(self.written.values()),
            "cache_read_input_tokens": self.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written["5m"],
                "ephemeral_1h_input_tokens": self.written["1h"],
            },
            "output_tokens": output_tokens,
            "service_tier": "standard",
        }


@dataclass
class Cache:
    minimum: int = 0
    clock: Callable[[], float] = time.monotonic
    _until: dict[str, float] = field(default_factory=dict)

    def bill(self, body: Json) -> Bill:
        marks = trail(body)
        breaks = [at for at, mark in enumerate(marks) if mark.ttl and mark.tokens >= self.minimum]
        hit = self._longest_hit(marks, breaks)
        read = marks[hit].tokens if hit >= 0 else 0
        written = {"5m": 0, "1h": 0}
        done = [hit, *(at for at in breaks if at > hit)]
        for before, at in pairwise(done):
            start = marks[before].tokens if before >= 0 else 0
            written[marks[at].ttl or "5m"] += marks[at].tokens - start
        self._keep(marks, breaks, hit)
        total = marks[-1].tokens if marks else 0
        return Bill(total - read - sum(written.values()), read, written)

    def _longest_hit(self, marks: list[Mark], breaks: list[int]) -> int:
        now = self.clock()
        for at in reversed(breaks):
            for back in range(at, max(-1, at - LOOKBACK), -1):
                if self._until.get(marks[back].digest, 0.0) > now:
                    return back
        return -1

    def _keep(self, marks: list[Mark], breaks: list[int], hit: int) -> None:
        now = self.clock()
        for at in breaks:
            mark = marks[at]
            self._until[mark.digest] = now + SECONDS[mark.ttl or "5m"]
        if hit >= 0:
            mark = marks[hit]
            fresh = now + SECONDS[mark.ttl or "5m"]
            self._until[mark.digest] = max(fresh, self._until[mark.digest])


def trail(body: Json) -> list[Mark]:
    """Every place a prefix may end, in rendering order: tools, system, messages."""
    parts = [(compact(unmarked(t)), tool_chars(t), _ttl(t)) for t in body.get("tools") or []]
    parts += [_part("system", block) for block in as_blocks(body.get("system") or [])]
    head = len(parts)
    parts += [_part(spot.role, spot.block) for spot in spots(body["messages"])]
    marks: list[Mark] = []
    state, size = digest(body["model"]), 0
    for at, (text, length, ttl) in enumerate(parts):
        # A changed tool_choice or thinking mode loses the messages, not tools and system.
        extra = _mode(body) if at == head else ""
        state, size = digest(state, text, extra), size + length
        marks.append(Mark(state, size, ttl))
    return _automatic(body, marks)


def tokens(body: Json) -> int:
    marks = trail(body)
    return marks[-1].tokens if marks else 0


def _part(role: str, block: Json) -> tuple[str, int, str | None]:
    return f"{role} {compact(unmarked(block))}", chars(block), _ttl(block)


def _ttl(block: Json) -> str | None:
    control = block.get("cache_control")
    return str(control.get("ttl") or "5m") if control else None


def _mode(body: Json) -> str:
    thinking = body.get("thinking") or {}
    return compact([body.get("tool_choice") or {"type": "auto"}, thinking.get("type", "")])


def _automatic(body: Json, marks: list[Mark]) -> list[Mark]:
    """The top-level cache_control marks the last block by itself."""
    ttl = _ttl(body)
    if ttl and marks and marks[-1].ttl is None:
        marks[-1] = Mark(marks[-1].digest, marks[-1].chars, ttl)
    return marks
