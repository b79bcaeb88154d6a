"""Thinking blocks bound to the conversation before them.

A signature covers the block's text, system, tools and every other block before it, and names the
thinking block that preceded it: a leading run of thinking may be left out, nothing else may.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from tests.endpoint import compaction
from tests.endpoint.blocks import Json, Spot, as_blocks, compact, digest, spots, unmarked

_SECRET = b"tests.endpoint"
_NONE = "-" * 16


class Prefix:
    """The running hash over all that stands before the next thinking block."""

    def __init__(self, body: Json) -> None:
        system = unmarked(as_blocks(body.get("system") or []))
        self._state = digest(compact(system), compact(unmarked(body.get("tools") or [])))
        self.last = _NONE

    def adopt(self, block: Json, fixed: str) -> None:
        """Go on behind a summary that was signed here as if behind what it summarises."""
        seen = compaction.opened(block)
        same = seen["fixed"] == fixed
        self._state = seen["state"] if same else digest(seen["state"], "other system or tools")
        self.last = seen["last"]

    def seal(self, content: str, fixed: str) -> Json:
        return compaction.block(content, self._state, self.last, fixed)

    def add(self, role: str, block: Json) -> None:
        self._state = digest(self._state, role, compact(unmarked(block)))

    def sign(self, text: str) -> str:
        return self._sign(text, self.last)

    def accept(self, block: Json) -> bool:
        """Whether a replayed block is the one that was signed here; it becomes the last one."""
        signature = str(block.get("signature", ""))
        before = _before(signature)
        chained = self.last in {_NONE, before}
        genuine = before is not None and hmac.compare_digest(
            signature.encode(), self._sign(str(block["thinking"]), before).encode()
        )
        self.last = _tag(signature)
        return chained and genuine

    def _sign(self, text: str, before: str) -> str:
        mac = hmac.new(_SECRET, digest(self._state, text, before).encode(), hashlib.sha256)
        return base64.b64encode(before.encode() + mac.digest()).decode()


def _tag(signature: str) -> str:
    return digest(signature)[: len(_NONE)]


def _before(signature: str) -> str | None:
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw[: len(_NONE)].decode("latin-1") if len(raw) == len(_NONE) + 32 else None


def prefix_of(body: Json) -> tuple[Prefix, list[Spot]]:
    """The prefix after all messages, and the thinking blocks that do not belong to it."""
    prefix, broken = Prefix(body), []
    for spot in spots(body["messages"]):
        if spot.block.get("type") == compaction.KIND:
            prefix.adopt(spot.block, compaction.fixed_of(body))
        elif spot.block.get("type") != "thinking":
            prefix.add(spot.role, spot.block)
        elif not prefix.accept(spot.block):
            broken.append(spot)
    return prefix, broken


def signed(body: Json, content: list[Json], shown: bool) -> list[Json]:
    """The content with its thinking signed, and hidden unless the request asked to see it."""
    prefix, _broken = prefix_of(body)
    for block in content:
        if block["type"] != "thinking":
            prefix.add("assistant", block)
            continue
        block["thinking"] = block["thinking"] if shown else ""
        block["signature"] = prefix.sign(block["thinking"])
        prefix.last = _tag(block["signature"])
    return content
