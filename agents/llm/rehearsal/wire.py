"""A reply as the Messages API streams it: server-sent events, usage, ids."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.llm.rehearsal.conversation import Conversation
from agents.llm.rehearsal.player import Reply

CHUNK = 30  # characters per delta
CHARS_PER_TOKEN = 4

Block = dict[str, Any]
Event = tuple[str, dict[str, Any]]


def blocks(talk: Conversation, reply: Reply) -> list[Block]:
    """The content of the turn. Ids follow from the request, so the same question gets the same."""
    content: list[Block] = []
    if reply.thinking and thinks(talk.body):
        signature = hashlib.sha256(f"{talk.digest} {reply.thinking}".encode()).digest()
        signed = base64.b64encode(signature * 4).decode()
        content.append({"type": "thinking", "thinking": reply.thinking, "signature": signed})
    if reply.text:
        content.append({"type": "text", "text": reply.text})
    for number, ask in enumerate(reply.calls, start=1):
        name = f"toolu_{reply.step}-{number}-{talk.digest[:12]}"
        arguments = dict(ask.arguments)
        content.append({"type": "tool_use", "id": name, "name": ask.tool, "input": arguments})
    return content


def thinks(body: Mapping[str, Any]) -> bool:
    return (body.get("thinking") or {}).get("type") != "disabled"


def events(talk: Conversation, reply: Reply) -> Iterator[Event]:
    """The whole answer, event by event."""
    content = blocks(talk, reply)
    yield "message_start", {"message": _message(talk)}
    for index, block in enumerate(content):
        yield from _block(index, block)
    usage = {"output_tokens": output_tokens(content)}
    yield "message_delta", {"delta": _delta(reply), "usage": usage}
    yield "message_stop", {}


def cut(whole: Sequence[Event]) -> list[Event]:
    """An answer that breaks off in the middle."""
    return list(whole[: max(2, len(whole) * 3 // 5)])


def truncated(whole: Sequence[Event]) -> list[Event]:
    """An answer that ran out of tokens within its last block."""
    part = list(whole[: len(whole) - 4])
    index = max(data["index"] for _name, data in part if "index" in data)
    delta = {"stop_reason": "max_tokens", "stop_sequence": None}
    end = {"delta": delta, "usage": {"output_tokens": len(part) * CHUNK // CHARS_PER_TOKEN}}
    return [*part, ("content_block_stop", {"index": index}), ("message_delta", end), whole[-1]]


def encode(event: Event) -> bytes:
    name, data = event
    text = json.dumps({"type": name, **data}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()


def error(kind: str, message: str) -> dict[str, Any]:
    """The body of an error, and the data of an error event."""
    return {"type": "error", "error": {"type": kind, "message": message}}


def usage(body: Mapping[str, Any]) -> dict[str, int]:
    """Input tokens as the API counts them; four characters are a token.

    With a cache breakpoint in the request, what the request before it held was read from the cache.
    """
    head = _tokens([body.get("tools"), body.get("system")])
    messages = list(body.get("messages") or ())
    total = head + sum(_tokens(message) for message in messages)
    if "cache_control" not in json.dumps(body, default=str):
        return _counts(total, 0, 0)
    said = [at for at, message in enumerate(messages) if message.get("role") == "assistant"]
    read = head + sum(_tokens(message) for message in messages[: said[-1]]) if said else 0
    fresh = min(total - read, 3)
    return _counts(fresh, total - read - fresh, read)


def output_tokens(content: Sequence[Block]) -> int:
    return sum(_tokens(_said(block)) for block in content) or 1


def _counts(fresh: int, written: int, read: int) -> dict[str, int]:
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": 1,
    }


def _tokens(value: object) -> int:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return -(-len(text) // CHARS_PER_TOKEN) if value else 0


def _said(block: Block) -> object:
    return block.get("text") or block.get("thinking") or [block.get("name"), block.get("input")]


def _message(talk: Conversation) -> dict[str, Any]:
    return {
        "id": f"msg_{talk.digest[:24]}",
        "type": "message",
        "role": "assistant",
        "model": str(talk.body.get("model", "rehearsal")),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage(talk.body),
    }


def _delta(reply: Reply) -> dict[str, Any]:
    delta: dict[str, Any] = {"stop_reason": reply.stop_reason, "stop_sequence": None}
    if reply.refusal:
        details = {"type": "refusal", "category": "cyber", "explanation": reply.refusal}
        delta["stop_details"] = details
    return delta


def _block(index: int, block: Block) -> Iterator[Event]:
    kind = block["type"]
    started, deltas = _parts(block)
    yield "content_block_start", {"index": index, "content_block": started}
    for delta in deltas:
        yield "content_block_delta", {"index": index, "delta": delta}
    if kind == "thinking":
        signed = {"type": "signature_delta", "signature": block["signature"]}
        yield "content_block_delta", {"index": index, "delta": signed}
    yield "content_block_stop", {"index": index}


def _parts(block: Block) -> tuple[Block, list[Block]]:
    """The block as it starts, and the deltas that fill it."""
    match block["type"]:
        case "thinking":
            pieces = _chunks(block["thinking"])
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
            return {**block, "thinking": "", "signature": ""}, deltas
        case "text":
            pieces = _chunks(block["text"])
            return {**block, "text": ""}, [{"type": "text_delta", "text": p} for p in pieces]
        case _:
            pieces = _chunks(json.dumps(block["input"], ensure_ascii=False))
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            return {**block, "input": {}}, deltas


def _chunks(text: str) -> list[str]:
    return [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
