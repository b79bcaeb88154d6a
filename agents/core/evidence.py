"""What the loop detectors see of a call. Pure.

A call is known by its *signature*, which normalises and therefore must never decide what runs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from agents.core import canonical, events
from agents.core.tools import File

WINDOW = 30  # settled calls

_VOLATILE = frozenset({"request_id", "trace_id", "correlation_id", "idempotency_key", "nonce"})
_TRANSIENT = frozenset({"timeout", "rate_limited", "unavailable", "temporarily_unavailable"})
OVER_BUDGET = "budget_exhausted"  # the error class of a call for which there was no room
# What people or a budget decide about a call says nothing about whether the model repeats itself.
_NOT_ITS_OWN = frozenset(
    {
        "denied",
        "answered",
        "expired",
        "invalidated",
        "revoked",
        "stopped",
        "outcome_unknown",
        OVER_BUDGET,
    }
)
_RESULT_LIMIT = 65_536  # characters
_SHOWN = 200  # characters of a call's arguments
KNOWN_RESULTS = 100  # of the latest, against which a result is new
# What differs even when nothing has changed: UUIDs, prefixed ids, addresses, Unix times, timestamps
# and durations. One expression each, as ``re`` is several times faster where the start is fixed.
_CHANGING = tuple(
    re.compile(pattern, re.VERBOSE)
    for pattern in (
        r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
        r"_(?=[A-Za-z]*\d)[A-Za-z0-9]{10,}",
        r"0x[0-9a-fA-F]{4,}",
        r"1[6-9]\d{8}(?:\d{3})?(?!\d)",
        r"""\d(?:
              \d{3}-\d\d-\d\d
              (?:[T\ ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:\ ?(?:Z|UTC|[+-]\d\d:?\d\d))?)?
            | \d?:\d\d:\d\d(?:[.,]\d+)?
            | \d{0,15}(?:\.\d{1,15})?\ ?(?:[nµum]?s|secs?|seconds?|min|mins|minutes?|hours?)\b
        )""",
    )
)


@dataclass(frozen=True, slots=True)
class Settled:
    """One call that has its result, as the detectors see it."""

    seq: int
    step: int
    tool: str
    signature: str
    result: str  # digest, with what always changes masked
    ok: bool
    error_class: str | None
    error: str = ""  # the start of what the model was told
    excused: bool = False  # a read that failed for the moment: the breaker's business
    arguments: str = ""  # their start, for people


def settle(
    window: tuple[Settled, ...],
    tool: str,
    arguments: Mapping[str, Any],
    fact: events.ToolResult,
    step: int,
    seq: int,
    read: bool = False,
) -> tuple[Settled, ...]:
    """The last 30 settled calls once ``fact`` has come. Identical calls of a step count once."""
    if fact.error_class in _NOT_ITS_OWN:
        return window
    settled = Settled(
        seq=seq,
        step=step,
        tool=tool,
        signature=signature(tool, arguments),
        result=_result_digest(fact),
        ok=fact.ok,
        error_class=fact.error_class,
        error="" if fact.ok else _excerpt(fact.content),
        excused=read and fact.error_class in _TRANSIENT,
        arguments=canonical.event_text(arguments)[:_SHOWN],
    )
    others = (s for s in window if s.step != step or s.signature != settled.signature)
    return (*others, settled)[-WINDOW:]


def with_result(known: tuple[str, ...], digest: str) -> tuple[str, ...]:
    """The latest results, this one among them; the same object where it is not new."""
    short = digest[:16]
    return known if short in known else (*known, short)[-KNOWN_RESULTS:]


def signature(tool: str, arguments: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of a call with spelling differences and volatile keys taken out."""
    kept = {key: value for key, value in arguments.items() if key not in _VOLATILE}
    return canonical.digest([tool, _normal(kept)])


def tool_signature(tool: str) -> str:
    """Stands for every call of ``tool``."""
    return f"tool:{tool}"


def _normal(value: Any) -> Any:
    match value:
        case str():
            return unicodedata.normalize("NFC", value).replace("\r\n", "\n").strip()
        case bool() | None:
            return value
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            return {_normal(key): _normal(item) for key, item in value.items()}
        case list() | tuple():
            return [_normal(item) for item in value]
        case _:
            return value


def whole(content: str | Sequence[Mapping[str, Any] | File]) -> str:
    """Digest of an output that is shown in part: what differs beyond the part differs."""
    parts = [content] if isinstance(content, str) else map(_part_text, content)
    return canonical.sha256("\n".join(map(_masked, map(canonical.clean_text, parts))))


def _part_text(part: Mapping[str, Any] | File) -> str:
    return sha256(part.data).hexdigest() if isinstance(part, File) else _block_text(part)


def _result_digest(fact: events.ToolResult) -> str:
    if fact.whole:
        return canonical.sha256(f"{fact.ok}\n{fact.whole}")
    parts = [fact.content] if isinstance(fact.content, str) else map(_block_text, fact.content)
    return canonical.sha256("\n".join([str(fact.ok), *map(_masked, parts)]))


def _block_text(block: Mapping[str, Any]) -> str:
    # An image counts by its bytes, all of them: two screenshots may start alike.
    return block["text"] if "text" in block else canonical.digest(block)


def _masked(text: str) -> str:
    text = text[:_RESULT_LIMIT]
    for changing in _CHANGING:
        text = changing.sub("~", text)
    return " ".join(text.split())


def _excerpt(content: str | Sequence[Mapping[str, Any]]) -> str:
    text = content if isinstance(content, str) else ""
    return " ".join(text[:400].split())[:200]
