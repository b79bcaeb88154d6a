"""Reading a log back."""

from __future__ import annotations

from datetime import datetime

from agents.core import events
from agents.core.events import Record
from agents.lineage import rows_of, stretches


def read(session: int, after: int, limit: int = 1000) -> list[Record]:
    """The records after ``after``, in order. Raises ``UnknownKind``."""
    found = stretches(session)
    rows = rows_of(found).filter(seq__gt=after).select_related(None)
    uuids = {stretch.session: str(stretch.uuid) for stretch in found}
    names = ("seq", "step", "kind", "text", "version", "at", "actor", "term", "digest")
    return [
        _record(uuids[owner], *row)
        for owner, *row in rows.values_list("session_id", *names)[:limit]
    ]


def _record(
    uuid: str,
    seq: int,
    step: int,
    kind: str,
    text: str,
    version: int,
    at: datetime,
    actor: str,
    term: int,
    digest: str,
) -> Record:
    fact = events.decode(kind, events.parse_text(text), version)
    return Record(uuid, seq, step, fact, at, actor, term, digest)
