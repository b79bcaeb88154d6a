"""What is carried from a history into an event that tells it anew: no more than one can hold. Pure.

Tokens say nothing of bytes: a picture takes as many as a page of text, and a thousand times its
room. First the oldest pictures and documents become words (before each stands a line that names
its artifact), then the turns become text, then that is clipped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import accumulate, repeat
from typing import Any

from agents.core import canonical, epoch
from agents.core.model import Block
from agents.core.state import Param

# In characters of JSON. An event has room for the task, the summary and the record beside MOST.
MOST = 3_000_000  # of the turns that a new epoch begins with
MOST_SUMMARY = 200_000  # it stands in its event twice

_WHOLE = sys.maxsize
_LIMITS = (_WHOLE, *epoch.CLIPS)
_ONE = 7  # characters of JSON that one character may take, fenced
_SEEN = ("image", "document")


def size(value: Any) -> int:
    return len(canonical.event_text(value))


def fits(messages: Sequence[Param]) -> bool:
    return size(messages) <= MOST


def turns(kept: Sequence[Param], before: str = "") -> tuple[list[Param], str]:
    """The turns that stay, and the text that tells of them where they cannot; ``before`` is the
    text that comes before them."""
    room = MOST - size(before)
    lighter = _lighter(kept, room)
    if size(lighter) <= room:
        return lighter, before
    return [], text(kept, before)


def text(messages: Sequence[Param], before: str = "") -> str:
    """``messages`` as text behind ``before``: whole, or clipped as little as must be."""
    told = before
    for limit in _LIMITS:
        told = "\n\n".join(filter(None, (before, epoch.rendered(messages, limit))))
        if size(epoch.fenced("recent", told)) <= MOST:
            return told
    return epoch.clip(told, MOST // _ONE)


def in_words(message: Param) -> Param:
    """The message with its pictures and documents no longer shown."""
    return _told(message, repeat(True))


def _lighter(messages: Sequence[Param], room: int) -> list[Param]:
    """The messages with as many pictures in words as must be, the oldest first."""
    over = size(messages) - room
    freed = (size(block) - size(_words(block)) for m in messages for block in _shown(m["content"]))
    gone = iter([before < over for before in accumulate(freed, initial=0)])
    return [_told(message, gone) for message in messages]


def _shown(blocks: Any) -> Iterator[Block]:
    for block in () if isinstance(blocks, str) else blocks:
        if block.get("type") in _SEEN:
            yield block
        elif block.get("type") == "tool_result":
            yield from _shown(block.get("content") or ())


def _told(holder: Block, gone: Iterator[bool]) -> Block:
    """A message or a result; of its pictures those in words that are ``gone``."""
    if isinstance(holder.get("content") or "", str):
        return holder
    return {**holder, "content": [_block(block, gone) for block in holder["content"]]}


def _block(block: Block, gone: Iterator[bool]) -> Block:
    if block.get("type") in _SEEN:
        return _words(block) if next(gone) else block
    return _told(block, gone) if block.get("type") == "tool_result" else block


def _words(block: Block) -> Block:
    return {"type": "text", "text": f"[{block['type']}, no longer shown]"}
