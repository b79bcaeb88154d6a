"""How things are said: visible text, previews, names of tools, spans of time, money."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.core.visible import UNSEEN
from agents.core.visible import one_line as one_line  # noqa: PLC0414 - imported from here
from agents.core.visible import visible as visible  # noqa: PLC0414 - imported from here

INLINE_LINES = 8
INLINE_CHARACTERS = 1024
PROSE_WIDTH = 95  # characters in a line of the timeline, about


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a text, and how much is left."""

    text: str
    more_lines: int = 0
    more_characters: int = 0

    @property
    def complete(self) -> bool:
        return not (self.more_lines or self.more_characters)


def preview(text: str) -> Preview:
    """The first lines of a payload; the rest is fetched when somebody asks for it."""
    text = text.replace("\r\n", "\n").rstrip("\n")
    lines = text.split("\n", INLINE_LINES)
    head = "\n".join(lines[:INLINE_LINES])
    if len(head) > INLINE_CHARACTERS:
        return Preview(head[:INLINE_CHARACTERS], 0, len(text) - INLINE_CHARACTERS)
    return Preview(head, lines[INLINE_LINES].count("\n") + 1 if len(lines) > INLINE_LINES else 0)


def lines(text: str) -> int:
    """How many lines a text takes where long ones are broken, about."""
    return sum(max(1, -(-len(line) // PROSE_WIDTH)) for line in text.splitlines())


def plain(content: str | Sequence[Mapping[str, Any]]) -> str:
    """A tool's output as text: blocks joined, what is no text named."""
    if isinstance(content, str):
        return content
    return "\n".join(_block(block) for block in content)


def _block(block: Mapping[str, Any]) -> str:
    if block.get("type") == "text":
        return str(block.get("text", ""))
    source = block.get("source")
    data = source.get("data", "") if isinstance(source, Mapping) else ""
    if isinstance(data, str) and data:
        return f"[{str(block.get('type')).capitalize()}, {size(len(data) * 3 // 4)}]"
    return json.dumps(dict(block), ensure_ascii=False, default=str)


def spelled_out(value: object) -> str:
    """JSON to be edited: what is not seen is written as the escape that means it."""
    return UNSEEN.sub(lambda match: json.dumps(match[0])[1:-1], pretty(value))


def pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def value_text(value: object) -> str:
    """An argument as a person reads it; strings as they are, the rest as JSON."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return value if isinstance(value, str) else pretty(value)


_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_ICONS = (
    ("search find grep lookup", "search"),
    ("email mail", "mail"),
    ("tweet post publish announce", "megaphone"),
    ("delete remove drop", "trash-2"),
    ("compare diff", "git-compare"),
    ("pay payment charge money refund transfer", "credit-card"),
    ("sql record database db table query", "database"),
    ("write edit create update save", "pencil"),
    ("read file list directory folder document", "file-text"),
    ("fetch http url web page browse browser", "globe"),
    ("shell bash run exec execute command", "terminal"),
    ("time date clock sleep wait", "clock"),
    ("message notify send slack", "send"),
    ("git github gitlab commit branch", "git-fork"),
)


def tool_icon(tool: str) -> str:
    """By what the tool's own name says it does, then by its server's; else a wrench."""
    server, _, name = tool.rpartition("__")
    for words in (_words(name), _words(server)):
        for known, icon in _ICONS:
            if words & set(known.split()):
                return icon
    return "wrench"


def _words(name: str) -> set[str]:
    """The words of a name in any spelling, without the s of the plural."""
    found = _WORD.findall(name)
    return {word.lower().removesuffix("s") for word in found} | {word.lower() for word in found}


def key_arguments(arguments: Mapping[str, Any]) -> str:
    """The gist of a call's arguments on one line; the whole stands below it."""
    shown = [one_line(value_text(value), 90) for value in list(arguments.values())[:4]]
    return one_line(" · ".join(text for text in shown if text), 180)


def duration(milliseconds: float) -> str:
    """``44.6 s``, ``7:38``, ``1:04:07``."""
    seconds = max(milliseconds, 0) / 1000
    if not seconds:
        return "0 s"
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return clock(seconds)


def clock(seconds: float) -> str:
    """``0:07``, ``9:19``, ``1:04:07``."""
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def spoken(seconds: float) -> str:
    """``22 s``, ``6 min 08 s``, ``3 h 05 min``."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def ago(at: datetime, now: datetime) -> str:
    """``12 s ago``, ``6 min ago``, ``3 h ago``, then the date."""
    seconds = (now - at).total_seconds()
    if seconds < 60:
        return f"{max(int(seconds), 0)} s ago"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 24 * 3600:
        return f"{int(seconds // 3600)} h ago"
    return f"{at.day} {at:%b %Y}"


def money(amount: object) -> str:
    """``$0.05``, ``$18.42``, ``$0.0004`` where cents would say nothing."""
    value = float(str(amount))
    return f"${value:.4f}" if 0 < value < 0.01 else f"${value:,.2f}"


def short(number: float) -> str:
    """``840``, ``38.2 k``, ``1.2 M``."""
    if number < 1000:
        return f"{number:g}"
    if number < 1_000_000:
        return f"{number / 1000:.1f}".removesuffix(".0") + " k"
    return f"{number / 1_000_000:.1f}".removesuffix(".0") + " M"


def size(count: int) -> str:
    if count < 1024:
        return f"{count} bytes"
    if count < 1024 * 1024:
        return f"{count / 1024:.0f} KB"
    return f"{count / (1024 * 1024):.1f} MB"


def who(by: str) -> str:
    """A name as it stands in an event; the machine's own actors in words."""
    kind, _, rest = by.partition(":")
    if kind == "policy":
        return f"policy {one_line(rest, 60)}"
    if kind == "human" and rest:
        return f"person {one_line(rest, 60)}"
    return {"runtime": "Oversight", "": "Oversight"}.get(by, one_line(by, 80))


def initials(name: str) -> str:
    parts = visible(name).replace(".", " ").replace("_", " ").split()
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else parts[0][1:2])) if parts else "?"
