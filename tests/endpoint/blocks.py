"""Requests seen as one flat run of blocks: what is hashed, counted, signed and cached."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

IMAGE_CHARS = 6400


@dataclass(frozen=True)
class Spot:
    """One block of a message, and where it stood in the request."""

    role: str
    block: Json
    message: int
    index: int

    @property
    def path(self) -> str:
        return f"messages.{self.message}.content.{self.index}"


def as_blocks(content: Any) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content if isinstance(content, list) else []


def spots(messages: list[Json]) -> Iterator[Spot]:
    for number, message in enumerate(messages):
        for index, block in enumerate(as_blocks(message["content"])):
            yield Spot(message["role"], block, number, index)


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def unmarked(value: Any) -> Any:
    """The value without cache_control, which may move without changing the content."""
    if isinstance(value, dict):
        return {k: unmarked(v) for k, v in value.items() if k != "cache_control"}
    return [unmarked(item) for item in value] if isinstance(value, list) else value


def digest(*parts: str) -> str:
    whole = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        whole.update(len(raw).to_bytes(8, "big") + raw)
    return whole.hexdigest()


def text_of(content: Any) -> str:
    blocks = as_blocks(content)
    return "\n".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text")


def first_user_text(body: Json) -> str:
    for message in body.get("messages", []):
        if message.get("role") == "user":
            return text_of(message.get("content"))
    return ""


def last_results(messages: list[Json]) -> list[Json]:
    """The tool results that came since the model last spoke."""
    found: list[Json] = []
    for message in messages:
        if message["role"] == "assistant":
            found = []
        elif message["role"] == "user":
            blocks = as_blocks(message["content"])
            found += [block for block in blocks if block.get("type") == "tool_result"]
    return found


def result_text(block: Json) -> str:
    return text_of(block.get("content", ""))


def chars(block: Json) -> int:
    """What a block counts for; four characters are a token."""
    kind = block.get("type")
    if kind == "text":
        return len(block["text"])
    if kind in {"image", "document"}:
        return IMAGE_CHARS
    if kind == "tool_use":
        return len(block["name"]) + len(compact(block["input"]))
    if kind == "tool_result":
        return sum(chars(part) for part in as_blocks(block.get("content", "")))
    if kind == "thinking":
        return len(block["thinking"])
    if kind == "compaction":
        return len(block["content"] or "")
    return len(compact(unmarked(block)))


def tool_chars(tool: Json) -> int:
    return len(compact(unmarked(tool)))
