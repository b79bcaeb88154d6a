"""Secrets that are known: found in whatever was said, and taken out of it. Pure.

What a server returns as JSON, or a model writes as JSON, holds a secret as JSON spells it: with a
quote, a backslash or a line break escaped. So every secret counts in each of its spellings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

MARK = "[redacted]"

_NESTED = 2  # JSON within JSON: a key file, say, in a structured output
# Some writers of JSON escape what HTML minds, too, or slashes.
_OTHERS = tuple(map(str.maketrans, ({c: f"\\u{ord(c):04x}" for c in "<>&"}, {"/": "\\/"})))


def redacted(text: str, secrets: Iterable[str]) -> str:
    for spelling in _longest_first(secrets):
        text = text.replace(spelling, MARK)
    return text


def redacted_bytes(data: bytes, secrets: Iterable[str]) -> bytes:
    for spelling in _longest_first(secrets):
        data = data.replace(spelling.encode(errors="replace"), MARK.encode())
    return data


def leaks(value: object, secrets: Iterable[str]) -> bool:
    """Whether any text within ``value`` holds one of the secrets."""
    return any(contains(value, spelling) for spelling in _longest_first(secrets))


def contains(value: object, words: str) -> bool:
    return any(words in text for text in texts(value))


def texts(value: object) -> Iterator[str]:
    """Every text within ``value``, names of fields too."""
    match value:
        case str():
            yield value
        case Mapping():
            for pair in value.items():
                yield from texts(pair)
        case list() | tuple():
            for item in value:
                yield from texts(item)


def _longest_first(secrets: Iterable[str]) -> list[str]:
    """All spellings. One may begin as another does, whose end would be left if it came first."""
    found = {spelling for secret in secrets for spelling in _spellings(secret)}
    return sorted(found, key=lambda spelling: (-len(spelling), spelling))


@lru_cache(maxsize=256)
def _spellings(secret: str) -> frozenset[str]:
    found = {secret}
    for _ in range(_NESTED):
        found |= {written for text in found for written in _written(text)}
    return frozenset(found)


def _written(text: str) -> set[str]:
    """The text as JSON, without the quotes around it."""
    plain = {json.dumps(text, ensure_ascii=only)[1:-1] for only in (False, True)}
    return plain | {spelling.translate(other) for spelling in plain for other in _OTHERS}
