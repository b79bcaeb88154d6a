"""Whether an append may be written, and each entry's place: number, chain, projection."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from agents.core import events
from agents.core.events import Record
from agents.core.loop import Fenced, Moved
from agents.journal.entries import Append, Batch, ClaimRefused, Entry, Refused
from agents.models import Catalogue, Session
from agents.projections import forbids, project

_VERSION = f'SELECT "version" FROM "{Catalogue._meta.db_table}" WHERE "id" = 1'  # noqa: S608  # nosec B608 - our own names
REFUSALS = (Fenced, Moved, ClaimRefused, Refused)


def chain_header(
    session: str, seq: int, step: int, kind: str, at: datetime, actor: str, term: int, version: int
) -> list[object]:
    """What the chain binds beside the event's text."""
    return [session, seq, step, kind, events.timestamp(at), actor, term, version]


def catalogue_version(appends: list[Append]) -> int | None:
    """The version that some of them must see; None if none asks."""
    if all(append.catalogue is None for append in appends):
        return None
    with connection.cursor() as cursor:
        cursor.execute(_VERSION)
        return int(cursor.fetchone()[0])


def admit(batch: Batch, append: Append) -> list[Record]:
    """Check the guards and number the entries. Raises one of ``REFUSALS``."""
    row = batch.rows.get(append.session)
    if row is None:
        raise Refused("the session does not exist")
    _check(batch, row, append)
    if append.guard is None:
        return [_place(batch, row, one) for one in append.entries]
    # A guard reads rows: what this batch has decided already must stand in them.
    batch.writes.save()
    with transaction.atomic():
        # A guard may change the row (a kill raises the term), so it is saved whatever it returns.
        batch.touched.add(row.pk)
        entries = [*append.guard(row), *append.entries]
    return [_place(batch, row, one) for one in entries]


def _check(batch: Batch, row: Session, append: Append) -> None:
    if append.term is not None and (row.term != append.term or not row.lease_owner):
        raise Fenced(f"the lease of term {append.term} is lost")
    if append.seen is not None and row.last_seq != append.seen:
        raise Moved(f"the log is at {row.last_seq}, not {append.seen}")
    if append.catalogue is not None and append.catalogue != batch.catalogue:
        raise Moved(f"the catalogue is at version {batch.catalogue}")
    if append.claim is not None:
        _check_claim(row, append.claim)


def _check_claim(row: Session, seen: int) -> None:
    if not row.lease_held:  # type: ignore[attr-defined]  # annotated by lock
        raise Fenced("the lease has run out")
    if row.stopping or row.pausing or row.control_seq > seen:
        raise ClaimRefused("a stop, a pause or a decision came first")


def _place(batch: Batch, row: Session, one: Entry) -> Record:
    """Give an entry its place: number, chain, projection."""
    seq = row.last_seq + 1
    step = row.steps if one.step is None else one.step
    header = chain_header(
        str(row.uuid), seq, step, one.fact.kind, batch.at, one.actor, row.term, events.VERSION
    )
    digest = events.link(row.head, header, one.text)
    record = Record(str(row.uuid), seq, step, one.fact, batch.at, one.actor, row.term, digest)
    row.last_seq, row.head = seq, digest
    if forbids(one.fact):
        row.control_seq = seq
    project(row, record, batch.writes)
    batch.records.append((row, record, one.text))
    batch.touched.add(row.pk)
    return record
