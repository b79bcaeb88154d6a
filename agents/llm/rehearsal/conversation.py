"""What the rehearsal model knows: nothing but the request it was sent."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

Json = Mapping[str, Any]

RUNTIME = "NOTE FROM THE RUNTIME"
EDITED = "Executed instead: "
STEER = re.compile(r"MESSAGE FROM [^:\n]{1,200}: (.+)", re.DOTALL)
REASON = re.compile(r"denied `[^`]*`\. Reason: (.+?)\.? Do not retry this call", re.DOTALL)
TOLD = re.compile(r"What people told you:\n(.*?)\n\n", re.DOTALL)
COMPACTED = re.compile(r"^<(summary|record|recent)>", re.MULTILINE)


class Kind(Enum):
    """What became of a call."""

    DONE = "done"
    EDITED = "edited"
    DENIED = "denied"
    ANSWERED = "answered"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"  # by policy, the loop guard, a budget or a stop
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of this conversation and what became of it."""

    id: str
    tool: str
    proposed: Json
    text: str
    kind: Kind

    @property
    def step(self) -> str:
        """The script's step that made it; the id carries it, so no memory is needed."""
        return self.id.removeprefix("toolu_").partition("-")[0]

    @property
    def arguments(self) -> Json:
        """What ran: the same, or as a person edited it."""
        return _executed(self.text) if self.kind is Kind.EDITED else self.proposed

    @property
    def ran(self) -> bool:
        return self.kind in (Kind.DONE, Kind.EDITED)

    @property
    def reason(self) -> str:
        found = REASON.search(self.text)
        return found[1] if found else ""


class Conversation:
    """A request's body, read."""

    def __init__(self, body: Json) -> None:
        self.body = body
        self.messages: Sequence[Json] = body.get("messages") or ()
        self.tools = frozenset(str(tool.get("name")) for tool in body.get("tools") or ())
        self.silenced = (body.get("tool_choice") or {}).get("type") == "none"

    @cached_property
    def system(self) -> str:
        return text_of(self.body.get("system"))

    @cached_property
    def opening(self) -> str:
        """The first message: the task, and after a compaction what stands in for earlier turns."""
        return text_of(self.messages[0].get("content")) if self.messages else ""

    @cached_property
    def task(self) -> str:
        return next((str(block.get("text", "")) for block in self._blocks("text")), "")

    @cached_property
    def compacted(self) -> str:
        """What was kept in place of earlier turns; empty in the first epoch."""
        return self.opening if COMPACTED.search(self.opening) else ""

    @cached_property
    def turns(self) -> int:
        return sum(message.get("role") == "assistant" for message in self.messages)

    @cached_property
    def calls(self) -> list[Call]:
        """Every call that was answered, in order."""
        results = {block.get("tool_use_id"): block for block in self._blocks("tool_result")}
        return [
            _call(block, results[block.get("id")])
            for block in self._blocks("tool_use")
            if block.get("id") in results
        ]

    @cached_property
    def last(self) -> list[Call]:
        """The calls whose results came since the last turn."""
        fresh = {
            block.get("tool_use_id") for block in self._news if block.get("type") == "tool_result"
        }
        return [call for call in self.calls if call.id in fresh]

    @cached_property
    def heard(self) -> list[str]:
        """What people said since the last turn."""
        return _steers(self._texts(self._news))

    @cached_property
    def steers(self) -> list[str]:
        """What people said in this session."""
        record = TOLD.search(self.compacted)
        before = [line for line in record[1].splitlines() if line != "nothing"] if record else []
        return before + _steers(self._texts(self._blocks()))

    @cached_property
    def notes(self) -> list[str]:
        """What the runtime noted since the last turn."""
        return [text for text in self._texts(self._news) if text.startswith(RUNTIME)]

    @cached_property
    def noted(self) -> list[str]:
        """What the runtime noted in this epoch."""
        return [text for text in self._texts(self._blocks()) if text.startswith(RUNTIME)]

    @cached_property
    def whole(self) -> str:
        """Every text of the conversation, results included."""
        return "\n".join(
            str(block.get("text") or text_of(block.get("content"))) for block in self._blocks()
        )

    @cached_property
    def digest(self) -> str:
        """Names this very request, so that ids made from it are never used twice."""
        text = json.dumps(self.messages, sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

    @property
    def _news(self) -> list[Json]:
        start = max(
            (at + 1 for at, item in enumerate(self.messages) if item.get("role") == "assistant"),
            default=0,
        )
        return [block for item in self.messages[start:] for block in blocks_of(item)]

    def _blocks(self, kind: str = "") -> Iterator[Json]:
        for message in self.messages:
            for block in blocks_of(message):
                if not kind or block.get("type") == kind:
                    yield block

    @staticmethod
    def _texts(blocks: Sequence[Json] | Iterator[Json]) -> list[str]:
        return [str(block.get("text", "")) for block in blocks if block.get("type") == "text"]


def blocks_of(message: Json) -> list[Json]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or () if isinstance(block, Mapping)]


def text_of(content: object) -> str:
    """The text of a message, a system prompt or a tool's result."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(str(block.get("text", "")) for block in blocks if isinstance(block, Mapping))


def _steers(texts: Sequence[str]) -> list[str]:
    found = (STEER.fullmatch(text.strip()) for text in texts)
    return [match[1].strip() for match in found if match]


def _call(block: Json, result: Json) -> Call:
    text = text_of(result.get("content"))
    return Call(
        id=str(block.get("id")),
        tool=str(block.get("name")),
        proposed=block.get("input") or {},
        text=text,
        kind=_kind(text, failed=bool(result.get("is_error"))),
    )


_BEGINNINGS = (
    (RUNTIME, Kind.EDITED),
    ("Answered by a human reviewer", Kind.ANSWERED),
    ("NOT EXECUTED. A human reviewer denied", Kind.DENIED),
    ("NOT EXECUTED: no reviewer answered", Kind.EXPIRED),
    ("NOT EXECUTED", Kind.BLOCKED),
    ("The outcome of", Kind.UNKNOWN),
)


def _kind(text: str, *, failed: bool) -> Kind:
    for beginning, kind in _BEGINNINGS:
        if text.startswith(beginning) and (failed or kind in (Kind.EDITED, Kind.ANSWERED)):
            return Kind.FAILED if kind is Kind.EDITED and failed else kind
    return Kind.FAILED if failed else Kind.DONE


def _executed(text: str) -> Json:
    start = text.find(EDITED)
    if start < 0:
        return {}
    try:
        value, _end = json.JSONDecoder().raw_decode(text, start + len(EDITED))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
