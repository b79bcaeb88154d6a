"""From a scripted reply to a message, and from a message to its stream of events."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.endpoint import compaction
from tests.endpoint.billing import Bill
from tests.endpoint.blocks import Json, as_blocks, chars
from tests.endpoint.history import THOUGHT
from tests.endpoint.script import Choice
from tests.endpoint.signing import prefix_of, signed

Event = tuple[str, Json]

CUT_TEXT = "This answer is long enough to be broken off somewhere in the middle of its sentence."
CUT_TOOL: Json = {"name": "write_file", "input": {"path": "a.txt", "text": "hello world"}}
BROKEN = '{"path": "a.txt", "text": nope'
# What each fault says when the script leaves that open.
DEFAULTS: dict[str, Json] = {
    "cut": {"text": CUT_TEXT},
    "quiet_end": {"text": CUT_TEXT},
    "error_event": {"text": CUT_TEXT},
    "broken_event": {"text": CUT_TEXT},
    "hang": {"text": "Done."},
    "bad_json": {"tools": [CUT_TOOL]},
    "truncate": {"tools": [CUT_TOOL]},
    "pause_turn": {"text": "Searching."},
    "model_context_window_exceeded": {"text": CUT_TEXT},
}
STOPS = {
    "truncate": "max_tokens",
    "refusal": "refusal",
    "pause_turn": "pause_turn",
    "model_context_window_exceeded": "model_context_window_exceeded",
    "empty": "end_turn",
}
TEXT_KEYS = {"text": "text", "thinking": "thinking"}


@dataclass(frozen=True)
class Answer:
    """A whole message; `raw` is the JSON text streamed for a tool's input, by block index."""

    message: Json
    raw: dict[int, str]
    chunk: int
    delay: float

    def events(self) -> Iterator[Event]:
        yield "message_start", {"type": "message_start", "message": self._opening()}
        for index, block in enumerate(self.message["content"]):
            yield "content_block_start", self._at("content_block_start", index, _empty(block))
            if index == 0:
                yield "ping", {"type": "ping"}
            for delta in self._deltas(index, block):
                yield "content_block_delta", _indexed("content_block_delta", index, delta=delta)
            yield "content_block_stop", _indexed("content_block_stop", index)
        yield "message_delta", self._closing()
        yield "message_stop", {"type": "message_stop"}

    def _at(self, kind: str, index: int, block: Json) -> Json:
        return _indexed(kind, index, content_block=block)

    def _opening(self) -> Json:
        usage = {**self.message["usage"], "output_tokens": 1}
        usage.pop("output_tokens_details", None)
        fresh: Json = {"content": [], "stop_reason": None, "stop_details": None, "usage": usage}
        return {**self.message, **fresh}

    def _closing(self) -> Json:
        keys = ("stop_reason", "stop_sequence", "stop_details")
        usage = {
            key: value
            for key, value in self.message["usage"].items()
            if key not in {"cache_creation", "service_tier"}
        }
        delta = {key: self.message[key] for key in keys}
        return {"type": "message_delta", "delta": delta, "usage": usage}

    def _deltas(self, index: int, block: Json) -> Iterator[Json]:
        kind = block["type"]
        if kind in TEXT_KEYS:
            for part in _parts(block[kind], self.chunk):
                yield {"type": f"{kind}_delta", kind: part}
        if kind == "thinking":
            yield {"type": "signature_delta", "signature": block["signature"]}
        if kind in {"tool_use", "server_tool_use"}:
            text = self.raw.get(index, json.dumps(block["input"], ensure_ascii=False))
            for part in ["", *_parts(text, self.chunk)]:
                yield {"type": "input_json_delta", "partial_json": part}


def _indexed(kind: str, index: int, **rest: Any) -> Json:
    return {"type": kind, "index": index, **rest}


def _empty(block: Json) -> Json:
    kind = block["type"]
    if kind == "thinking":
        return {**block, "thinking": "", "signature": ""}
    if kind == "text":
        return {**block, "text": ""}
    return {**block, "input": {}} if kind in {"tool_use", "server_tool_use"} else block


def _parts(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def compose(choice: Choice, body: Json, bill: Bill) -> Answer:
    reply = choice.reply
    fault = str(reply.get("fault", ""))
    pieces = _pieces(reply, fault, body)
    thought = any(piece["type"] == "thinking" for piece in pieces)
    content = _answered_search(body)
    raw: dict[int, str] = {}
    for index, piece in enumerate(pieces, len(content)):
        text = _raw(piece, piece.pop("raw_input", None), fault)
        called = piece["type"] == "tool_use"
        name = _call_id(choice, index, thought)
        content.append(_call(piece, name, text) if called else piece)
        if text is not None:
            raw[index] = text
    usage = _usage(content, bill)
    # Forged thinking is bound to another conversation than the one that it will be replayed in.
    bound = {**body, "system": "Another conversation."} if reply.get("forged") else body
    message = _message(choice, body, signed(bound, content, _shown(body)), usage)
    return Answer(message, raw, int(reply.get("chunk", 32)), reply.get("delay_ms", 0) / 1000)


def sealed(reply: Json, body: Json, bill: Bill) -> Json:
    """The answer to a compaction request: one signed block, or none where the summary failed."""
    stop = str(reply.get("stop_reason", compaction.KIND))
    text = str(reply.get("text", "A summary of the conversation so far."))
    prefix, _broken = prefix_of(body)
    content = [prefix.seal(text, compaction.fixed_of(body))] if stop == compaction.KIND else []
    return {
        "id": f"msg_{os.urandom(12).hex()}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "stop_details": None,
        "usage": compaction.usage(bill, len(text) // 4),
    }


def _pieces(reply: Json, fault: str, body: Json) -> list[Json]:
    if not any(key in reply for key in ("text", "thinking", "tools", "content")):
        reply = {**DEFAULTS.get(fault, {}), **reply}
    pieces: list[Json] = []
    if reply.get("thinking") is not None:
        pieces.append({"type": "thinking", "thinking": reply["thinking"]})
    if reply.get("text"):
        pieces.append({"type": "text", "text": reply["text"]})
    pieces += [{"type": "tool_use", **tool} for tool in reply.get("tools", [])]
    pieces += [dict(piece) for piece in reply.get("content", [])]
    if (body.get("thinking") or {}).get("type") == "disabled":
        pieces = [piece for piece in pieces if piece["type"] != "thinking"]
    if "pause_turn" in {fault, reply.get("stop_reason")}:
        pieces.append(_search())
    return pieces


def _search() -> Json:
    name = f"srvtoolu_{os.urandom(9).hex()}"
    query = {"query": "more"}
    return {"type": "server_tool_use", "id": name, "name": "web_search", "input": query}


def _answered_search(body: Json) -> list[Json]:
    """A continued pause begins with the result of the search that it stopped at."""
    last = body["messages"][-1]
    if last["role"] != "assistant":
        return []
    search = as_blocks(last["content"])[-1]
    return [{"type": "web_search_tool_result", "tool_use_id": search["id"], "content": []}]


def _raw(piece: Json, text: str | None, fault: str) -> str | None:
    if text is not None or piece["type"] != "tool_use":
        return text
    if fault == "bad_json":
        return BROKEN
    if fault == "truncate":
        whole = json.dumps(piece.get("input", {}))
        return whole[: max(1, len(whole) * 3 // 4)]
    return None


def _call(piece: Json, name: str, raw: str | None) -> Json:
    plain = {"id": name, "input": {}, "caller": {"type": "direct"}}
    given = {} if raw is None else {"input": _parsed(raw)}
    return {"type": "tool_use", **plain, **piece, **given}


def _parsed(raw: str) -> Json:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _call_id(choice: Choice, index: int, thought: bool) -> str:
    kind = THOUGHT if thought else "toolu_p"
    return f"{kind}{choice.conversation.id}x{choice.index}x{os.urandom(4).hex()}{index}"


def _shown(body: Json) -> bool:
    """Thinking text comes empty unless the request asks for it."""
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        return bool(thinking.get("display") != "omitted")
    return thinking.get("display") in {"summarized", "updates"}


def _usage(content: list[Json], bill: Bill) -> Json:
    """Thinking is billed whether or not it is shown."""
    usage = bill.usage(max(1, sum(map(chars, content)) // 4) if content else 0)
    thought = sum(chars(block) for block in content if block["type"] == "thinking") // 4
    if thought:
        usage["output_tokens_details"] = {"thinking_tokens": thought}
    return usage


def _message(choice: Choice, body: Json, content: list[Json], usage: Json) -> Json:
    reply = choice.reply
    return {
        "id": f"msg_{os.urandom(12).hex()}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": _stop_reason(reply, content),
        "stop_sequence": reply.get("stop_sequence"),
        "stop_details": _stop_details(reply),
        "usage": {**usage, **reply.get("usage", {})},
    }


def _stop_reason(reply: Json, content: list[Json]) -> str:
    if "stop_reason" in reply:
        return str(reply["stop_reason"])
    if reply.get("fault") in STOPS:
        return STOPS[reply["fault"]]
    return "tool_use" if any(block["type"] == "tool_use" for block in content) else "end_turn"


def _stop_details(reply: Json) -> Json | None:
    if "refusal" not in {reply.get("fault"), reply.get("stop_reason")}:
        return None
    return {
        "type": "refusal",
        "category": reply.get("category", "general_harms"),
        "explanation": reply.get("explanation", "The request was refused."),
    }


def sse(event: Event) -> bytes:
    name, data = event
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()
