"""Thinking is bound to all that came before it."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from tests.endpoint.asking import (
    BOUND,
    LOOKS,
    THINK,
    TOOL,
    answered,
    marked,
    plain,
    stream,
    text,
    user,
)
from tests.endpoint.client import Endpoint


async def thought_over(endpoint: Endpoint, client: AsyncAnthropic) -> list[dict[str, Any]]:
    """A history of three turns that each begin with thinking."""
    endpoint.script([{"thinking": f"Thought {n}", "tools": LOOKS[:2]} for n in range(3)] + ["End."])
    messages = [user("go")]
    for _ in range(3):
        messages += answered(await stream(client, messages, **BOUND))
    return messages


def change_task(messages: list[Any]) -> None:
    messages[0] = user("another task")


def change_result(messages: list[Any]) -> None:
    messages[2]["content"][0]["content"] = "[cleared]"


def change_input(messages: list[Any]) -> None:
    messages[1]["content"][1]["input"] = {"place": "edited"}


def change_thinking(messages: list[Any]) -> None:
    messages[5]["content"][0]["thinking"] += "!"


def change_signature(messages: list[Any]) -> None:
    messages[5]["content"][0]["signature"] = "bm90aGluZw=="


def drop_turns(messages: list[Any]) -> None:
    del messages[1:3]


def drop_middle_thinking(messages: list[Any]) -> None:
    del messages[3]["content"][0]


def drop_last_thinking(messages: list[Any]) -> None:
    del messages[5]["content"][0]


@pytest.mark.parametrize(
    "change",
    [
        change_task,
        change_result,
        change_input,
        change_thinking,
        change_signature,
        drop_turns,
        drop_middle_thinking,
        drop_last_thinking,
    ],
)
async def test_thinking_is_bound_to_all_before_it(
    endpoint: Endpoint, client: AsyncAnthropic, change: Any
) -> None:
    messages = await thought_over(endpoint, client)
    change(messages)
    with pytest.raises(anthropic.BadRequestError, match="bound to a different conversation"):
        await stream(client, messages, **BOUND)


@pytest.mark.parametrize("key", ["system", "tools"])
async def test_thinking_is_bound_to_system_and_tools(
    endpoint: Endpoint, client: AsyncAnthropic, key: str
) -> None:
    messages = await thought_over(endpoint, client)
    changed = {"system": "Be quick.", "tools": [{**TOOL, "description": "New."}]}
    with pytest.raises(anthropic.BadRequestError, match="bound to a different conversation"):
        await stream(client, messages, **{**BOUND, key: changed[key]})


async def test_what_is_no_edit_passes(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    messages = await thought_over(endpoint, client)
    for turn in (1, 3):
        del messages[turn]["content"][0]
        messages[turn + 1]["content"][1]["cache_control"] = {"type": "ephemeral"}
    messages.append({"role": "system", "content": "A note."})
    system = [marked("Be careful.")]
    more = {**BOUND, "system": system, "output_config": {"effort": "low"}}
    assert text(await stream(client, messages, **more)) == "End."


async def test_a_request_may_ask_to_drop_what_does_not_belong(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    messages = await thought_over(endpoint, client)
    change_result(messages)
    thinking = {**THINK, "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    allowed = {"extra_headers": {"anthropic-beta": "thinking-binding-controls-2026-08-01"}}
    message = await plain(client, messages, **{**BOUND, **allowed, "thinking": thinking})
    dropped = message.to_dict()["input_transformations"]
    assert [drop["path"] for drop in dropped] == ["messages.3.content.0", "messages.5.content.0"]  # type: ignore[attr-defined]  # the SDK types it loosely
