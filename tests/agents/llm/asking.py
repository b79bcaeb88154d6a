"""How these tests ask a model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agents.core.model import Model, ModelFailure, Request, Turn
from agents.llm.anthropic import AnthropicModel

KEY = "sk-test-0123456789abcdef"
TOOLS = [
    {
        "name": "write_file",
        "description": "Write a file.",
        "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
    }
]
SYSTEM = [{"type": "text", "text": "You are a careful clerk."}]


@asynccontextmanager
async def model_at(url: str, **options: Any) -> AsyncIterator[AnthropicModel]:
    model = AnthropicModel(options.pop("api_key", KEY), url, **options)
    try:
        yield model
    finally:
        await model.aclose()


def user(*content: str | Mapping[str, Any]) -> dict[str, Any]:
    blocks = [{"type": "text", "text": c} if isinstance(c, str) else c for c in content]
    return {"role": "user", "content": blocks}


def request(*messages: Mapping[str, Any], **changes: Any) -> Request:
    fields: dict[str, Any] = {
        "model": "claude-opus-5-5",
        "max_tokens": 4096,
        "system": SYSTEM,
        "tools": TOOLS,
        "messages": messages or (user("Do the work."),),
    }
    return Request(**{**fields, **changes})


async def ask(
    model: Model, *messages: Mapping[str, Any], deltas: list[Any] | None = None, **changes: Any
) -> Turn:
    told = deltas if deltas is not None else []
    return await model.turn(request(*messages, **changes), lambda *delta: told.append(delta))


async def failing(model: Model, *messages: Mapping[str, Any], **changes: Any) -> ModelFailure:
    with pytest.raises(ModelFailure) as caught:
        await ask(model, *messages, **changes)
    return caught.value


def results(turn: Turn, text: str = "ok") -> dict[str, Any]:
    """A user message that answers every call of a turn."""
    calls: Sequence[Mapping[str, Any]] = [b for b in turn.content if b["type"] == "tool_use"]
    blocks = [{"type": "tool_result", "tool_use_id": c["id"], "content": text} for c in calls]
    return user(*blocks)


def said(turn: Turn) -> dict[str, Any]:
    return {"role": "assistant", "content": list(turn.content)}
