"""A tool's words, fenced: the model is told that what stands between the tags is data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from agents.core import events

Content: TypeAlias = str | Sequence[Mapping[str, Any]]

OPENING = '<tool_output source="'
_AROUND = len('<tool_output source="">\n\n</tool_output>')
# Replaced by one character, so that no text outgrows the room it was given.
_TAG = re.compile(r"<(?=[\s/]*tool_output)", re.IGNORECASE)
_UNFIT = re.compile(r"[^\w.-]")


def around(source: str) -> int:
    """Characters that the fence itself takes."""
    return _AROUND + len(source)


def length(result: events.ToolResult) -> int:
    """Characters that the model is shown of a result."""
    said = sum(map(len, _texts(result.content)))
    return said + around(result.source) if result.source else said


def _texts(content: Content) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [str(block["text"]) for block in content if block.get("type") == "text"]


def fenced(result: events.ToolResult) -> Content:
    """The content as the model is shown it. Results of older logs name no source and stay bare:
    what was sent once must stay as it was."""
    if not result.source:
        return result.content
    opening = f'<tool_output source="{_UNFIT.sub("_", result.source)}">'
    content, own = result.content, result.own or 0
    if isinstance(content, str):
        ours, theirs = content[:own], _disarmed(content[own:])
        return f"{ours}{opening}\n{theirs}\n</tool_output>"
    note = content[: min(own, 1)]
    blocks = map(_disarmed_block, content[len(note) :])
    return [*note, _text(opening), *blocks, _text("</tool_output>")]


def _disarmed(text: str) -> str:
    return _TAG.sub("‹", text)


def _disarmed_block(block: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**block, "text": _disarmed(block["text"])} if block.get("type") == "text" else block


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
