"""What is on its way into the log: facts with their text, and under which guards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import OperationalError

from agents.core import events
from agents.core.events import Fact, Record
from agents.models import Session
from agents.projections import Writes


class ClaimRefused(Exception):
    """The log has moved on in a way that forbids the claim."""


class Refused(Exception):
    """A guard says no: the base of what ``inbox`` raises. Refuses one append, not its batch."""


class FateUnknown(OperationalError):
    """The append may or may not be on record: read the log before trying again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact on its way into the log, with its event text."""

    fact: Fact
    actor: str
    text: str
    step: int | None = None  # None: the session's own step


@dataclass(eq=False, slots=True)
class Append:
    """One append: all of its entries or none, under its guards.

    ``guard`` runs inside the transaction, under the row's lock, in a savepoint of its own; it may
    refuse by raising and may add entries.
    """

    session: int
    entries: Sequence[Entry] = ()
    term: int | None = None  # the lease term that must still hold
    seen: int | None = None  # the head must still be here
    claim: int | None = None  # no fact that forbids a claim may have come after this seq
    catalogue: int | None = None  # the catalogue must have this version
    guard: Callable[[Session], Iterable[Entry]] | None = None
    future: Future[list[Record]] | asyncio.Future[list[Record]] = field(default_factory=Future)


@dataclass(slots=True)
class Batch:
    """One transaction: the locked rows, and what is to be written."""

    rows: dict[int, Session] = field(default_factory=dict)
    catalogue: int | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    writes: Writes = field(default_factory=Writes)
    records: list[tuple[Session, Record, str]] = field(default_factory=list)
    outcomes: list[tuple[Append, list[Record] | Exception]] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)


def entry(fact: Fact, actor: str, step: int | None = None) -> Entry:
    """Encode a fact. Raises ``ValueError`` (``TooLarge``) before anybody else's batch sees it."""
    return Entry(fact, actor, events.bounded(fact), step)
