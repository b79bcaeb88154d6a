"""Asking the endpoint with the real SDK."""

from __future__ import annotations

from typing import Any

import anthropic
from anthropic import AsyncAnthropic

from tests.endpoint.client import Endpoint

MODEL = "claude-sonnet-5-5"
TOOL: dict[str, Any] = {
    "name": "look",
    "description": "Look at a place.",
    "input_schema": {
        "type": "object",
        "properties": {"place": {"type": "string"}},
        "required": ["place"],
    },
}
THINK = {"type": "adaptive", "display": "summarized"}
LOOKS = [{"name": "look", "input": {"place": place}} for place in ("hall", "attic", "cellar")]


def sdk(endpoint: Endpoint, **options: Any) -> AsyncAnthropic:
    return AsyncAnthropic(api_key="test-key", base_url=endpoint.url, max_retries=0, **options)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def call(name: str = "toolu_1", **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "look", "input": {}, **more}


def result(name: str = "toolu_1", content: Any = "ok", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": name, "content": content, **more}


def answered(message: anthropic.types.Message, **more: Any) -> list[dict[str, Any]]:
    """The turn exactly as received, and a result for each of its calls."""
    calls = [block.id for block in message.content if block.type == "tool_use"]
    turn = said([block.to_dict() for block in message.content])
    return [turn, user([result(name, f"result of {at}", **more) for at, name in enumerate(calls)])]


async def stream(client: AsyncAnthropic, messages: Any, **more: Any) -> anthropic.types.Message:
    options: dict[str, Any] = {"model": MODEL, "max_tokens": 1000, **more}
    async with client.messages.stream(messages=messages, **options) as events:
        return await events.get_final_message()


async def plain(client: AsyncAnthropic, messages: Any, **more: Any) -> anthropic.types.Message:
    options: dict[str, Any] = {"model": MODEL, "max_tokens": 1000, **more}
    made: anthropic.types.Message = await client.messages.create(messages=messages, **options)
    return made


def text(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def marked(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, "cache_control": {"type": "ephemeral", **more}}


GO = user("go")
BOUND: dict[str, Any] = {"tools": [TOOL], "thinking": THINK, "system": "Be careful."}
