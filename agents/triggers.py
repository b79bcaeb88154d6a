"""The database itself refuses to change or remove an event.

Whoever holds the database file can drop these triggers; the hash chain is what shows that. They
keep our own code, the admin and a hasty SQL prompt from rewriting history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "agents_event"
REFUSAL = "events are append-only"
HINT = "Run manage.py migrate."


class NotInstalled(RuntimeError):
    """The database would let the log be rewritten."""


_SQLITE = {
    "events_refuse_update": f"BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    "events_refuse_delete": f"BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    # INSERT OR REPLACE removes the old row without firing the trigger above.
    "events_refuse_replace": (
        f"BEFORE INSERT ON {TABLE} WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)"  # noqa: S608  # nosec B608 - constants
        f" OR EXISTS (SELECT 1 FROM {TABLE} WHERE session_id = NEW.session_id AND seq = NEW.seq)"
        f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    ),
}
_POSTGRESQL = {
    "events_refuse_change": f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW",
    "events_refuse_truncate": f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT",
}
_POSTGRESQL_BODY = (
    f" BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END "
)
_POSTGRESQL_FUNCTION = (
    "CREATE OR REPLACE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$${_POSTGRESQL_BODY}$$"
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers anew. Safe to repeat."""
    remove(connection)
    for statement in _creating(connection):
        _execute(connection, statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers: for undoing a migration and for emptying a test's database."""
    suffix = f" ON {TABLE}" if _is_postgresql(connection) else ""
    for name in _names(connection):
        _execute(connection, f"DROP TRIGGER IF EXISTS {name}{suffix}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that are not there as they should be; empty when all is well."""
    there = _installed(connection)
    if _is_postgresql(connection):
        return [name for name in _POSTGRESQL if there.get(name) != _POSTGRESQL_BODY]
    return [
        name for name, body in _SQLITE.items() if there.get(name) != f"CREATE TRIGGER {name} {body}"
    ]


def verify_installed(using: str = "default") -> None:
    """Raise ``NotInstalled`` unless the database refuses to rewrite events; called at start."""
    absent = missing(connections[using])
    if absent:
        raise NotInstalled(f"The log is unprotected: {', '.join(absent)} missing. {HINT}")


def check(*, databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """The system check, for databases that Django was asked to look into.

    A warning, because ``migrate`` runs it first and an error would keep it from mending this.
    """
    return [
        checks.Warning(
            f"{using}: trigger {name} does not protect the log.", hint=HINT, id="agents.W001"
        )
        for using in databases or ()
        if TABLE in connections[using].introspection.table_names()
        for name in missing(connections[using])
    ]


def reinstall(*, using: str, **_: Any) -> None:
    """After every migrate: SQLite remakes a table to alter it and drops its triggers."""
    connection = connections[using]
    if TABLE in connection.introspection.table_names() and missing(connection):
        install(connection)


def _creating(connection: BaseDatabaseWrapper) -> list[str]:
    if not _is_postgresql(connection):
        return [f"CREATE TRIGGER {name} {body}" for name, body in _SQLITE.items()]
    calls = "EXECUTE FUNCTION events_refuse()"
    triggers = [f"CREATE TRIGGER {name} {body} {calls}" for name, body in _POSTGRESQL.items()]
    return [_POSTGRESQL_FUNCTION, *triggers]


def _installed(connection: BaseDatabaseWrapper) -> dict[str, str]:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s"
    if _is_postgresql(connection):
        # A disabled trigger ('D') is as good as none.
        query = (
            "SELECT tgname, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
            " WHERE tgrelid = to_regclass(%s) AND tgenabled IN ('O', 'A')"
        )
    with connection.cursor() as cursor:
        cursor.execute(query, [TABLE])
        return dict(cursor.fetchall())


def _names(connection: BaseDatabaseWrapper) -> list[str]:
    return list(_POSTGRESQL if _is_postgresql(connection) else _SQLITE)


def _is_postgresql(connection: BaseDatabaseWrapper) -> bool:
    return connection.vendor == "postgresql"


def _execute(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
