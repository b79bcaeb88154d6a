"""A model that follows a script."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.core.model import ModelFailure, OnDelta, Request, Turn


@dataclass
class ScriptedModel:
    """Answers by how often it has spoken in the conversation, so that a resumed session is told
    the same. ``troubles`` come first, each once."""

    turns: Sequence[Turn]
    troubles: dict[int, list[Turn | ModelFailure]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event | None = None  # hold every answer until it is set

    async def turn(self, request: Request, on_delta: OnDelta) -> Turn:
        self.requests.append(request)
        self.entered.set()
        if self.go:
            await self.go.wait()
        spoken = sum(message["role"] == "assistant" for message in request.messages)
        if waiting := self.troubles.get(spoken):
            trouble: Turn | ModelFailure = waiting.pop(0)
            if isinstance(trouble, ModelFailure):
                raise trouble
            return trouble
        last: Turn = self.turns[min(spoken, len(self.turns) - 1)]
        return last

    async def window(self, model: str) -> int | None:
        return None


def says(text: str, stop_reason: str = "end_turn") -> Turn:
    """A turn of words alone."""
    return _turn([{"type": "text", "text": text}] if text else [], stop_reason)


def calls(*wanted: tuple[str, str, Mapping[str, Any]], stop_reason: str = "tool_use") -> Turn:
    """A turn that calls tools: (call id, tool, arguments) each."""
    blocks = [
        {"type": "tool_use", "id": call_id, "name": tool, "input": dict(arguments)}
        for call_id, tool, arguments in wanted
    ]
    return _turn(blocks, stop_reason)


def _turn(content: Sequence[Mapping[str, Any]], stop_reason: str) -> Turn:
    usage = {"input_tokens": 10, "output_tokens": 5}
    return Turn(content, stop_reason, usage, "claude-sonnet-5-5")
