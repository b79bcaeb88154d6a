"""How facts are written and read: the event text, and the chain over it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from agents.core import canonical
from agents.core.canonical import JsonObject
from agents.core.events.vocabulary import KINDS, Fact

VERSION = 1
MAX_TEXT = 4 * 1024 * 1024  # characters of one event's text


class UnknownKind(ValueError):
    """The log holds a kind that this release does not know."""


class TooLarge(ValueError):
    """An event's text is longer than ``MAX_TEXT``."""


_FIELDS = {kind: tuple(f.name for f in fields(fact)) for kind, fact in KINDS.items()}


def encode(fact: Fact) -> str:
    """The event text: what is stored and hashed. Raises ``ValueError`` for what JSON cannot say."""
    return canonical.event_text(data(fact))


def bounded(fact: Fact) -> str:
    """The event text, if an event can hold it. Raises ``ValueError``, ``TooLarge`` among them."""
    text = encode(fact)
    if len(text) > MAX_TEXT:
        raise TooLarge(f"a {fact.kind} event of {len(text)} characters does not fit")
    return text


def data(fact: Fact) -> dict[str, Any]:
    return {
        name: value for name in _FIELDS[fact.kind] if (value := getattr(fact, name)) is not None
    }


def parse_text(text: str) -> JsonObject:
    """The data in an event text that we wrote."""
    value: JsonObject = json.loads(text)
    return value


def decode(kind: str, data: JsonObject, version: int = VERSION) -> Fact:
    """The fact that was stored. Fields of a newer neighbour release are ignored.

    Raises ``UnknownKind``.
    """
    if kind not in KINDS:
        raise UnknownKind(f"event kind {kind!r} is not known to this release")
    known = _FIELDS[kind]
    fact: Fact = KINDS[kind](**{name: data[name] for name in known if name in data})
    return fact


def link(previous: str, header: Sequence[object], text: str) -> str:
    """The chain: SHA-256, in hex, over the digest before, the header and the stored text."""
    chained = f"{previous}\n{canonical.event_text(list(header))}\n{text}"
    return hashlib.sha256(chained.encode()).hexdigest()


def timestamp(at: datetime) -> str:
    """ISO 8601 in UTC with microseconds, the one form that is hashed."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
