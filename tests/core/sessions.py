"""Logs written by hand: the shortest way to a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.core import events
from agents.core.fold import evolve
from agents.core.model import Turn
from agents.core.state import State

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TASK = "Find out why the nightly export is late."


class Session:
    """A session's log, written fact by fact."""

    def __init__(self, **started: Any) -> None:
        self.state = State()
        self._calls = 0
        self.usage: Mapping[str, int] = {"input_tokens": 100, "output_tokens": 10}
        fields: dict[str, Any] = {
            "agent": "clerk",
            "task": TASK,
            "model": "claude-sonnet-5-5",
            "limits": {},
            "tools": [tool("look"), tool("write")],
            "system": [{"type": "text", "text": "You are a clerk."}],
            "max_auto_risk": "medium",
            "max_tokens": 8_000,
            "window": 200_000,
        }
        self.say(events.SessionStarted(**{**fields, **started}))

    def say(self, fact: events.Fact) -> State:
        step = self.state.step + isinstance(fact, events.Thinking)
        record = events.Record(
            session="s",
            seq=self.state.seq + 1,
            step=step,
            fact=fact,
            at=START + timedelta(seconds=self.state.seq),
            actor="runtime",
            term=1,
            digest="",
        )
        self.state = evolve(self.state, record)
        return self.state

    def think(
        self,
        *blocks: Mapping[str, Any],
        stop_reason: str = "end_turn",
        usage: Mapping[str, int] | None = None,
        cost: float | None = None,
    ) -> State:
        text = " ".join(block["text"] for block in blocks if block["type"] == "text")
        return self.say(
            events.Thinking(
                content=list(blocks),
                text=text,
                usage=usage or self.usage,
                stop_reason=stop_reason,
                model="claude-sonnet-5-5",
                duration_ms=1_000,
                read_upto=self.state.seq,
                cost=cost,
            )
        )

    def propose(
        self, *calls: tuple[str, Mapping[str, Any]], before: Sequence[Any] = ()
    ) -> list[str]:
        """One turn with these calls; their ids."""
        ids = [self._next_id() for _ in calls]
        blocks = [
            {"type": "tool_use", "id": call_id, "name": name, "input": arguments}
            for call_id, (name, arguments) in zip(ids, calls, strict=True)
        ]
        self.think(*before, *blocks, stop_reason="tool_use")
        for call_id, (name, arguments) in zip(ids, calls, strict=True):
            self.say(
                events.ToolCall(
                    call_id=call_id,
                    tool=name,
                    arguments=arguments,
                    risk="safe",
                    verdict="allow",
                    rule="test",
                    effect="read",
                )
            )
        return ids

    def answer(self, call_id: str, content: Any, **fields: Any) -> State:
        call = self.state.call(call_id)
        fields = {"ok": True, **fields}
        return self.say(
            events.ToolResult(call_id=call_id, tool=call.tool, content=content, **fields)
        )

    def call(self, name: str, arguments: Mapping[str, Any], content: Any, **fields: Any) -> State:
        """One turn with one call and its result."""
        (call_id,) = self.propose((name, arguments))
        return self.answer(call_id, content, **fields)

    def fail(self, name: str, arguments: Mapping[str, Any], **fields: Any) -> State:
        fields = {"ok": False, "error_class": "not_found", **fields}
        return self.call(name, arguments, fields.pop("content", "no such thing"), **fields)

    def _next_id(self) -> str:
        self._calls += 1
        return f"toolu_{self._calls:04}"


def tool(name: str) -> dict[str, Any]:
    return {"name": name, "description": name, "input_schema": {"type": "object"}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def summary(words: str = "Looked at the export.", stop_reason: str = "end_turn") -> Turn:
    usage = {"input_tokens": 900, "output_tokens": 80}
    return Turn([text(words)], stop_reason, usage, "claude-haiku-5-5")
