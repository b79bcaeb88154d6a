"""The canonical forms of JSON that this project hashes, and the strict way in.

Three forms, never mixed: the *event text* keeps insertion order and is hashed as stored; the
*approval digest* is over sorted keys with nothing normalised; the *loop signature* lives in
``stuck`` because it normalises and so must never decide what runs.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]

MAX_DEPTH = 64
# Beyond 2**53 a reader in another language sees another number than the one we hashed.
MAX_INTEGER = 2**53


class BadJson(ValueError):
    """Text that is not the strict JSON we accept; the message says what is wrong."""


# ``json.dumps`` would make a new encoder for each text.
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_sorted = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
).encode


def event_text(data: object) -> str:
    """Compact JSON in insertion order: what the log stores and hashes. Raises ``ValueError``."""
    return _compact(data)


def sorted_text(data: object) -> str:
    """Compact JSON with sorted keys, nothing normalised. Raises ``ValueError``."""
    return _sorted(data)


def digest(data: object) -> str:
    """SHA-256, in hex, over ``sorted_text``."""
    return sha256(sorted_text(data))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def parse(text: str) -> object:
    """Parse strict JSON: no duplicate keys, NaN, infinities, lone surrogates, NUL, huge integers
    or deep nesting. Raises ``BadJson``: what a lenient reader would quietly repair, nobody
    approved (Python keeps the last of two equal keys and reads 1e400 as infinity).
    """
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_exact,
        )
    except RecursionError:
        raise BadJson("nested too deeply") from None
    except BadJson:
        raise
    except ValueError as error:
        raise BadJson(f"not valid JSON: {error}") from None
    check(value)
    return value


def parse_object(text: str) -> dict[str, object]:
    """Like ``parse``, for text that must be a JSON object."""
    value = parse(text)
    if not isinstance(value, dict):
        raise BadJson("a JSON object is needed")
    return value


def check(value: object, depth: int = 0) -> None:
    """Raise ``BadJson`` unless ``value`` is plain, finite JSON that every reader reads alike."""
    if depth > MAX_DEPTH:
        raise BadJson(f"nested deeper than {MAX_DEPTH} levels")
    match value:
        case str():
            _check_text(value)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise BadJson("object keys must be strings")
                _check_text(key)
                check(item, depth + 1)
        case list() | tuple():
            for item in value:
                check(item, depth + 1)
        case bool() | None:
            pass
        case int() if abs(value) > MAX_INTEGER:
            raise BadJson("integer too large to be exact in JSON")
        case int():
            pass
        case float() if not math.isfinite(value):
            raise BadJson("number is not finite")
        case float():
            pass
        case _:
            raise BadJson(f"{type(value).__name__} is not JSON")


def clean_text(text: str) -> str:
    """Text that every store and model accepts: no NUL, lone surrogates become U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise BadJson("text contains NUL")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadJson("text contains a lone surrogate")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadJson("duplicate key in object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise BadJson(f"number {text[:20]} is out of range")
    return number


def _exact(text: str) -> int:
    if len(text) > 17 or abs(number := int(text)) > MAX_INTEGER:
        raise BadJson("integer too large to be exact in JSON")
    return number
