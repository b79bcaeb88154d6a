"""The database refuses to rewrite the log."""

from __future__ import annotations

import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from agents import triggers
from agents.management import database
from agents.models import Event, Session

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def event() -> Event:
    session = Session.objects.create(uuid=uuid.uuid4(), agent="a", title="t", task="t")
    row = Event(session=session, seq=1, step=0, kind="complete", text="{}", at=timezone.now())
    row.actor, row.term, row.digest = "runtime", 1, "d"
    return Event.objects.bulk_create([row])[0]


def refused(statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)
    assert Event.objects.values_list("seq", "text").get() == (1, "{}")


def test_update_and_delete_are_refused(event: Event) -> None:
    refused("UPDATE agents_event SET text = 'x'")
    refused("DELETE FROM agents_event")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.all().update(text="x")


def test_insert_or_replace_and_truncate_are_refused(event: Event) -> None:
    if connection.vendor == "postgresql":
        refused("TRUNCATE agents_event CASCADE")
        return
    columns = "session_id, seq, step, kind, text, version, at, actor, term, digest"
    same = f"SELECT {columns} FROM agents_event"
    refused(f"INSERT OR REPLACE INTO agents_event ({columns}) {same}")
    moved = same.replace("seq,", "9,", 1)
    refused(f"REPLACE INTO agents_event (id, {columns}) {moved.replace('SELECT', 'SELECT id,', 1)}")


def test_the_next_event_is_accepted(event: Event) -> None:
    event.pk, event.seq = None, 2
    Event.objects.bulk_create([event])
    assert Event.objects.count() == 2


def test_lost_triggers_are_noticed_and_come_back_with_migrate() -> None:
    triggers.verify_installed()
    triggers.remove(connection)
    try:
        assert triggers.check(databases=["default"])
        with pytest.raises(triggers.NotInstalled, match="migrate"):
            triggers.verify_installed()
    finally:
        call_command("migrate", verbosity=0)
    triggers.verify_installed()
    assert triggers.check(databases=["default"]) == []
    assert triggers.check(databases=None) == []


def test_a_weakened_trigger_is_noticed() -> None:
    name, table = next(iter(triggers._names(connection))), triggers.TABLE
    if connection.vendor == "postgresql":
        weaken = [f"ALTER TABLE {table} DISABLE TRIGGER {name}"]
    else:
        never = f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} WHEN 0 BEGIN SELECT 1; END"
        weaken = [f"DROP TRIGGER {name}", never]
    for statement in weaken:
        connection.cursor().execute(statement)
    assert triggers.missing(connection) == [name]
    triggers.reinstall(using="default")
    triggers.verify_installed()


def test_triggers_whose_function_lets_everything_pass_are_noticed() -> None:
    if connection.vendor == "sqlite":  # there a trigger's words are its own
        return
    hollow = "BEGIN RETURN COALESCE(NEW, OLD); END"
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql"
            f" AS $$ {hollow} $$"
        )
    assert triggers.missing(connection) == triggers._names(connection)
    triggers.reinstall(using="default")
    triggers.verify_installed()


def test_nothing_is_served_while_the_log_is_unprotected() -> None:
    triggers.remove(connection)
    try:
        with pytest.raises(CommandError, match="unprotected"):
            database.require_current()
    finally:
        triggers.install(connection)
