"""How much of a text a model is shown. Pure, and applied once: when the text is recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from agents.core import canonical
from agents.core.outputs import MAX_RESULT

MAX_PARSED = 2_000_000  # a longer JSON array is cut as text
HEAD = 0.6  # of what is kept; the end often holds the error

_SPACE = re.compile(r"[ \t\r\n]*")


def clip(text: str, limit: int = MAX_RESULT, artifact: str = "") -> str:
    """At most ``limit`` characters of ``text``: its head, its tail, and how much is missing.

    A JSON array is cut between items and stays parseable. ``artifact`` names where the full
    output is kept, if it is.
    """
    text = canonical.clean_text(text)
    if len(text) <= limit:
        return text
    return _clip_array(text, limit, artifact) or _clip_text(text, limit, artifact)


def share(lengths: Sequence[int], limit: int) -> int:
    """The largest cap under which the lengths add up to at most ``limit``: who says little is
    not cut, the largest are cut alike."""
    left, rest = limit, sorted(lengths)
    while rest and rest[0] <= left // len(rest):
        left -= rest.pop(0)
    return left // len(rest) if rest else max(lengths, default=0)


def _marker(omitted: int, what: str, artifact: str) -> str:
    saved = (
        f"; full output saved as artifact {artifact}; "
        f"read it with read_artifact({artifact}, offset, limit)"
        if artifact
        else ""
    )
    return f"[... {omitted:,} {what} omitted{saved} ...]"


def _clip_text(text: str, limit: int, artifact: str) -> str:
    room = limit - len(_marker(len(text), "characters", artifact)) - 2
    if room < 2:
        return text[:limit]  # not even the marker fits
    head = int(room * HEAD)
    tail = room - head
    marker = _marker(len(text) - room, "characters", artifact)
    return f"{text[:head]}\n{marker}\n{text[len(text) - tail :]}"


def _clip_array(text: str, limit: int, artifact: str) -> str:
    items = _items(text) if len(text) <= MAX_PARSED else []
    room = limit - len(json.dumps(_marker(len(items), "items", artifact))) - 4
    if not items or room < 0:
        return ""
    head = _count_that_fit(items, int(room * HEAD))
    tail = _count_that_fit(items[:head:-1], room - int(room * HEAD))
    if head == len(items):
        return f"[{', '.join(items)}]"  # all of it, without the space it was set out with
    if head + tail == 0:
        return ""
    marker = json.dumps(_marker(len(items) - head - tail, "items", artifact))
    return f"[{', '.join([*items[:head], marker, *items[len(items) - tail :]])}]"


def _items(text: str) -> list[str]:
    """The items of a JSON array, each as it is written; none if it is anything else."""
    at = _space(text, 0)
    if text[at : at + 1] != "[":
        return []
    found: list[str] = []
    while text[at : at + 1] in ("[", ","):
        start = _space(text, at + 1)
        try:
            end = _DECODER.raw_decode(text, start)[1]
        except (ValueError, RecursionError):
            return []
        found.append(text[start:end])
        at = _space(text, end)
    whole = text[at : at + 1] == "]" and _space(text, at + 1) == len(text)
    return found if whole else []


def _space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _count_that_fit(items: Sequence[str], room: int) -> int:
    for count, item in enumerate(items):
        room -= len(item) + 2
        if room < 0:
            return count
    return len(items)
