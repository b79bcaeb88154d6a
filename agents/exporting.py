"""What of a session can be taken elsewhere: its log as JSON Lines, and each request as it went."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from asgiref.sync import async_to_sync

from agents.core import canonical, events, moment
from agents.forking import whole
from agents.lineage import log_of
from agents.models import Event, Session


def lines(session: Session) -> Iterator[str]:
    """The whole log, a fork's prefix included, each line with its end."""
    for event in log_of(session).iterator(chunk_size=200):
        yield canonical.event_text(line(event)) + "\n"


def line(event: Event) -> dict[str, Any]:
    """One event as it is exported; with the session's id it can be checked elsewhere."""
    return {
        "seq": event.seq,
        "step": event.step,
        "kind": event.kind,
        "data": json.loads(event.text),
        "at": events.timestamp(event.at),
        "actor": event.actor,
        "term": event.term,
        "version": event.version,
        "digest": event.digest,
    }


def request_body(session: Session, seq: int) -> bytes | None:
    """The last request that the model had been sent at event ``seq``, byte for byte as it went over
    the wire; None before the first, and where there is no such event.
    """
    # The SDK takes long to import, and other pages do without it.
    from agents.llm.anthropic import encoded  # noqa: PLC0415 - see above

    log = whole(session)
    found = moment.at(log, seq).request if 1 <= seq <= len(log) else None
    return async_to_sync(encoded)(found) if found else None
