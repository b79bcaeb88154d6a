"""What comes back from an MCP tool: texts and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agents.core.outputs import Room
from agents.core.tools import File, ToolContext
from agents.toolbox.mcp import ServerConfig, Servers
from agents.toolbox.showing import show

Serve = Callable[..., Servers]
Config = Callable[..., ServerConfig]


async def answer(kind: str, servers: Servers, context: ToolContext) -> Any:
    return await servers.call("unruly__media", {"kind": kind}, context)


async def test_an_image_becomes_a_block(serve: Serve, unruly: Config, context: ToolContext) -> None:
    output = await answer("image", serve(unruly()), context)
    assert output.content[0] == {"type": "text", "text": "here"}
    assert isinstance(output.content[1], File)
    shown: Any = show(output, "media", Room()).content
    line, image = shown
    assert line["text"].startswith("here\n[image: ")
    assert image["type"] == "image"
    assert image["source"]["media_type"] == "image/png"


@pytest.mark.parametrize(
    ("kind", "mime"),
    [
        ("false image", "application/octet-stream"),
        ("audio", "audio/wav"),
        ("blob", "application/zip"),
    ],
)
async def test_other_binaries_are_never_inline(
    serve: Serve, unruly: Config, context: ToolContext, kind: str, mime: str
) -> None:
    output = await answer(kind, serve(unruly()), context)
    shown = show(output, "media", Room())
    assert isinstance(shown.content, str)
    assert shown.content.startswith(f"[binary: {mime}, 100 bytes, sha256 ")
    assert shown.content.endswith(f", artifact {shown.kept[0].id}]")
    assert shown.kept[0].data == b"\x00\x01" * 50


async def test_nothing_and_dirty_text_are_made_fit_to_read(
    serve: Serve, unruly: Config, context: ToolContext
) -> None:
    servers = serve(unruly())
    assert (await answer("nothing", servers, context)).content == "(no output)"
    assert (await answer("dirty", servers, context)).content == "ab"
