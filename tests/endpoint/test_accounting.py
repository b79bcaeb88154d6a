"""What a cache is billed for."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from tests.endpoint.asking import (
    MODEL,
    TOOL,
    marked,
    plain,
    said,
    stream,
    user,
)
from tests.endpoint.billing import Cache
from tests.endpoint.server import MODELS


def usage(message: anthropic.types.Message) -> tuple[int, int, int]:
    used = message.usage
    read, written = used.cache_read_input_tokens, used.cache_creation_input_tokens
    return used.input_tokens, written or 0, read or 0


@pytest.mark.parametrize("send", [stream, plain])
async def test_a_moving_top_level_breakpoint_reads_what_the_last_turn_wrote(
    client: AsyncAnthropic, send: Any
) -> None:
    top = {"cache_control": {"type": "ephemeral"}}
    turns = [user("x" * 400)]
    assert usage(await send(client, turns, **top)) == (0, 100, 0)
    turns += [said("y" * 40), user("z" * 80)]
    assert usage(await send(client, turns, **top)) == (0, 30, 100)
    turns += [said("y" * 40), user("z" * 80)]
    assert usage(await send(client, turns)) == (160, 0, 0)


async def test_prefixes_hit_only_where_a_breakpoint_was(client: AsyncAnthropic) -> None:
    system = [marked("s" * 400)]
    assert usage(await stream(client, [user("a" * 40)], system=system)) == (10, 100, 0)
    assert usage(await stream(client, [user("b" * 40)], system=system)) == (10, 0, 100)
    both = [user([marked("b" * 40), {"type": "text", "text": "c" * 40}])]
    assert usage(await stream(client, both, system=system)) == (10, 10, 100)
    changed = [marked("t" * 400)]
    assert usage(await stream(client, both, system=changed)) == (10, 110, 0)


async def test_tools_invalidate_all_and_tool_choice_only_the_messages(
    client: AsyncAnthropic,
) -> None:
    turns = [user([marked("a" * 400)])]
    base: dict[str, Any] = {"system": [marked("s" * 400)], "tools": [TOOL]}
    _, written, read = usage(await stream(client, turns, **base))
    assert (written > 200, read) == (True, 0)
    assert usage(await stream(client, turns, **base)) == (0, 0, written)
    choice = {"type": "none"}
    assert usage(await stream(client, turns, **base, tool_choice=choice)) == (
        0,
        100,
        written - 100,
    )
    other = {**TOOL, "name": "peek"}
    assert usage(await stream(client, turns, **{**base, "tools": [other]})) == (0, written, 0)


async def test_long_and_short_ttls_are_billed_apart(client: AsyncAnthropic) -> None:
    system = [marked("s" * 400, ttl="1h")]
    message = await stream(client, [user([marked("a" * 40)])], system=system)
    created = message.usage.cache_creation
    assert created is not None
    assert created.ephemeral_1h_input_tokens == 100
    assert created.ephemeral_5m_input_tokens == 10


def test_entries_expire_and_a_read_refreshes_them() -> None:
    now = [0.0]
    cache = Cache(clock=lambda: now[0])
    body = {"model": MODEL, "messages": [user([marked("a" * 40)])]}
    assert cache.bill(body).written["5m"] == 10
    for now[0] in (250.0, 500.0):
        assert cache.bill(body).read == 10
    now[0] = 801.0
    assert cache.bill(body).read == 0


def test_short_prefixes_are_silently_not_cached() -> None:
    body = {"model": MODEL, "messages": [user([marked("a" * 40)])]}
    assert Cache(minimum=11).bill(body).usage(1)["cache_creation_input_tokens"] == 0


async def test_counting_tokens(client: AsyncAnthropic) -> None:
    count = await client.messages.count_tokens(
        model=MODEL, messages=[{"role": "user", "content": "x" * 400}], system="y" * 40
    )
    assert count.input_tokens == 110


async def test_models(client: AsyncAnthropic) -> None:
    info = await client.models.retrieve(MODEL)
    assert (info.max_input_tokens, info.lifecycle) == (200_000, "active")
    assert [model.id async for model in client.models.list()] == list(MODELS)
    with pytest.raises(anthropic.NotFoundError):
        await client.models.retrieve("gpt-1")
