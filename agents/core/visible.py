"""Text as people are shown it: whatever is not seen is written out."""

from __future__ import annotations

import re

# Control, format, filler, private-use and tag characters: whatever is not seen, or turns the
# direction of what is, would let a text look like another.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\uf8ff\ufe00-\ufe0e"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)


def visible(text: object) -> str:
    """The text with every character that is not seen written out, as in ``⟦U+202E⟧``."""
    return UNSEEN.sub(lambda match: f"⟦U+{ord(match[0]):04X}⟧", str(text))


def one_line(text: object, width: int = 120) -> str:
    """The text on one line, cut at ``width`` characters. Never for what somebody approves."""
    flat = visible(" ".join(str(text)[: width * 4].split()))
    return flat if len(flat) <= width else flat[: width - 1].rstrip() + "…"
