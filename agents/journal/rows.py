"""A batch's rows: locked, inserted, updated.

Raw statements with many parameter rows: the ORM's own cost per event is ten times theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import DateTimeField, DecimalField, JSONField, Q
from django.db.models.functions import Now

from agents.core import events
from agents.core.events import Record
from agents.models import Event, Session

_EVENT_FIELDS = [field_.attname for field_ in Event._meta.concrete_fields if not field_.primary_key]
_FIXED = frozenset(
    """id uuid agent title task started_by_id group_id request_key request_digest
    created_at parent_id parent_seq fork""".split()
)
# Often long and seldom touched: read when a fact needs them.
_SELDOM = frozenset({"model", "limits", "result", "error_class", "error"})
_UNCHANGED = object()
_ADAPTED = (DateTimeField, DecimalField, JSONField)


def _columns(wanted: Callable[[str], bool]) -> list[Any]:
    return [field_ for field_ in Session._meta.concrete_fields if wanted(field_.attname)]


_SAVED = _columns(lambda name: name not in _FIXED)
_UNREAD = [one.name for one in _columns(lambda name: name in (_FIXED | _SELDOM) - {"id", "uuid"})]


def lock(sessions: set[int]) -> dict[int, Session]:
    """The rows under lock, in one order for all; a database without row locks has one writer."""
    locking = _locking(connection.vendor, len(sessions))
    with connection.cursor() as cursor:
        cursor.execute(locking.statement, sorted(sessions))
        found = cursor.fetchall()
    rows: dict[int, Session] = {}
    for *values, held in locking.converted(found):
        row = rows[values[0]] = Session.from_db(DEFAULT_DB_ALIAS, locking.names, values)
        row.lease_held = held  # type: ignore[attr-defined]  # admission asks
        row.locked = dict(row.__dict__)  # type: ignore[attr-defined]  # what it was: ``save`` asks
    return rows


@dataclass(frozen=True, slots=True)
class _Locking:
    """A statement that locks so many rows, as the ORM would write and read it: its parameters are
    the rows' keys, its columns those of ``names`` and whether the lease is held."""

    statement: str
    names: list[str]
    converted: Callable[[Iterable[Any]], Iterable[list[Any]]]


@cache
def _locking(vendor: str, count: int) -> _Locking:
    """Compiled once: every batch asks, and compiling takes longer than the rows."""
    rows = Session.objects.filter(pk__in=range(count)).defer(*_UNREAD).order_by("pk")
    rows = rows.select_for_update().annotate(lease_held=Q(lease_until__gt=Now()))
    compiler = rows.query.get_compiler(DEFAULT_DB_ALIAS)
    statement, _ = compiler.as_sql()
    columns = [column for column, _, _ in compiler.select or ()]
    converters = compiler.get_converters(columns)
    names = [column.target.attname for column in columns[:-1]]
    return _Locking(statement, names, lambda found: compiler.apply_converters(found, converters))


def insert(records: list[tuple[Session, Record, str]]) -> None:
    if not records:
        return
    columns = ", ".join(f'"{name}"' for name in _EVENT_FIELDS)
    marks = ", ".join(["%s"] * len(_EVENT_FIELDS))
    statement = f'INSERT INTO "{Event._meta.db_table}" ({columns}) VALUES ({marks})'  # noqa: S608  # nosec B608 - our own names
    at = connection.ops.adapt_datetimefield_value
    rows = [
        (
            row.pk,
            record.seq,
            record.step,
            record.kind,
            text,
            events.VERSION,
            at(record.at),
            record.actor,
            record.term,
            record.digest,
        )
        for row, record, text in records
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def save(rows: list[Session]) -> None:
    """Write what has changed since ``lock``. A column counts as changed when it was assigned: a
    list or a table that is only mutated does not."""
    alike: dict[tuple[Any, ...], list[Session]] = {}
    for row in rows:
        alike.setdefault(_changed(row), []).append(row)
    for columns, group in alike.items():
        if columns:
            _update(group, columns)


def _changed(row: Session) -> tuple[Any, ...]:
    now, before = row.__dict__, row.locked  # type: ignore[attr-defined]  # set by lock
    return tuple(
        one
        for one in _SAVED
        if now.get(one.attname, _UNCHANGED) is not before.get(one.attname, _UNCHANGED)
    )


def _update(rows: list[Session], columns: tuple[Any, ...]) -> None:
    assignments = ", ".join(f'"{one.column}" = %s' for one in columns)
    statement = f'UPDATE "{Session._meta.db_table}" SET {assignments} WHERE id = %s'  # noqa: S608  # nosec B608 - our own names
    values = [(*(_value(row, one) for one in columns), row.pk) for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _value(row: Session, column: Any) -> Any:
    value = row.__dict__[column.attname]
    if value is None or not isinstance(column, _ADAPTED):
        return value
    return column.get_db_prep_save(value, connection)
