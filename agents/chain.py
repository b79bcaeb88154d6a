"""Checking a session's chain: every event's digest again, from the first to the head.

A fork's chain goes on from the event of its parent that it was forked at, so a fork's log is
checked from its eldest ancestor on.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.core import events
from agents.journal import chain_header
from agents.lineage import Stretch, stretches
from agents.models import Event, Session


@dataclass(frozen=True, slots=True)
class Broken:
    """The first event that is not what was written, and what is wrong with it."""

    seq: int
    what: str


def verify(session: Session) -> Broken | None:
    """None if the log is what was written, whole and in order."""
    # Read first: a running session's log grows behind a head that was read before.
    session.refresh_from_db(fields=["head", "last_seq"])
    previous, expected = "", 1
    for stretch in reversed(stretches(session.pk)):
        upto = session.last_seq if stretch.upto is None else stretch.upto
        rows = Event.objects.filter(stretch.rows, seq__lte=upto).order_by("seq")
        for event in rows.iterator(chunk_size=500):
            if event.seq != expected:
                return Broken(expected, "is missing")
            if event.digest != _digest(stretch, event, previous):
                return Broken(event.seq, "was changed")
            previous, expected = event.digest, expected + 1
    return _end(session, previous, expected)


def _end(session: Session, last: str, expected: int) -> Broken | None:
    if expected != session.last_seq + 1:
        return Broken(expected, "is missing")
    if last != session.head:
        return Broken(session.last_seq, "is not the head that the session recorded")
    return _stray(session)


def _stray(session: Session) -> Broken | None:
    # The newest event first, then the head: an append in between moves only the head.
    newest = Event.objects.filter(session=session).order_by("-seq").first()
    session.refresh_from_db(fields=["last_seq"])
    if newest is None or newest.seq <= session.last_seq:
        return None
    return Broken(newest.seq, "was never appended by the journal")


def _digest(stretch: Stretch, event: Event, previous: str) -> str:
    header = chain_header(
        str(stretch.uuid),
        event.seq,
        event.step,
        event.kind,
        event.at,
        event.actor,
        event.term,
        event.version,
    )
    return events.link(previous, header, event.text)
