"""The API's own compaction: what it refuses, and the signed block it answers with."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from tests.endpoint.billing import Bill
from tests.endpoint.blocks import Json, as_blocks, compact, digest, spots, unmarked
from tests.endpoint.refuse import RefusedError

BETA = "compact-2026-09-04"
KIND = "compaction"
LONGEST_INSTRUCTIONS = 16_384
_SECRET = b"tests.endpoint.compaction"
# Models without it (the documentation's list has no Haiku).
WITHOUT = ("claude-haiku",)


def check_param(body: Json, betas: str) -> None:
    """What is refused about a request that asks for a summary."""
    wanted = body.get(KIND)
    if wanted is None:
        return
    if BETA not in betas:
        raise RefusedError(f"compaction: requires anthropic-beta: {BETA}")
    if not isinstance(wanted, dict) or wanted.get("type") != "summarize":
        raise RefusedError("compaction.type: Input should be 'summarize'")
    if len(wanted.get("instructions") or "") > LONGEST_INSTRUCTIONS:
        raise RefusedError(f"compaction.instructions: at most {LONGEST_INSTRUCTIONS} characters")
    if body["model"].startswith(WITHOUT):
        raise RefusedError(f"compaction: {body['model']} does not support compaction")
    forced = (body.get("tool_choice") or {}).get("type") in {"any", "tool"}
    shaping = {
        "context_management": body.get("context_management") is not None,
        "stop_sequences": bool(body.get("stop_sequences")),
        "tool_choice": forced,
        "output_config.format": bool((body.get("output_config") or {}).get("format")),
    }
    for name, given in shaping.items():
        if given:
            raise RefusedError(f"{name}: cannot be combined with compaction")


def check_blocks(messages: list[Json], betas: str) -> None:
    """A signed block goes first, once, as it came, and with the beta header."""
    found = [spot for spot in spots(messages) if spot.block.get("type") == KIND]
    for spot in found:
        if BETA not in betas:
            raise RefusedError(
                f"{spot.path}: Input tag 'compaction' does not match any of the expected tags"
            )
        if (spot.message, spot.index) != (0, 0):
            raise RefusedError(
                "compaction_block_misplaced: the `compaction` block must be sent first, in place"
                " of the messages it summarizes"
            )
        opened(spot.block)


def block(content: str, state: str, last: str, fixed: str) -> Json:
    """The block as it is sent, carrying what stood before the messages that are kept."""
    seen = {"state": state, "last": last, "fixed": fixed}
    signature = {**seen, "mac": _mac(content, seen)}
    text = base64.b64encode(json.dumps(signature).encode()).decode()
    return {"type": KIND, "content": content, "signature": text}


def opened(sent: Json) -> Json:
    """What the signature carries, if the block is as it was sent."""
    try:
        seen: Json = json.loads(base64.b64decode(str(sent.get("signature")), validate=True))
        mac = seen.pop("mac")
    except (binascii.Error, ValueError, KeyError, AttributeError):
        raise RefusedError("compaction_signature_invalid") from None
    if not hmac.compare_digest(mac, _mac(str(sent.get("content")), seen)):
        raise RefusedError("compaction_content_mismatch")
    return seen


def fixed_of(body: Json) -> str:
    """What may not change while thinking is kept: system and tools."""
    system = unmarked(as_blocks(body.get("system") or []))
    return digest(compact(system), compact(unmarked(body.get("tools") or [])))


def usage(bill: Bill, output_tokens: int) -> Json:
    """The sums are of the reply, and there is none: what it took stands among the iterations."""
    spent = bill.usage(output_tokens)
    spent.pop("service_tier")
    nothing: dict[str, Any] = dict.fromkeys(spent, 0)
    return {
        **nothing,
        "cache_creation": None,
        "service_tier": "standard",
        "iterations": [{"type": KIND, **spent}],
    }


def _mac(content: str, seen: Json) -> str:
    text = digest(content, compact(seen))
    return hmac.new(_SECRET, text.encode(), hashlib.sha256).hexdigest()
