"""The command line."""

from __future__ import annotations

import io
import json
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from agents import roles, signin, triggers
from agents.core import events
from agents.journal import Append, entry, journal
from agents.management import database
from agents.models import Event, Session

pytestmark = pytest.mark.django_db(transaction=True)


def call(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def session() -> Session:
    row = Session.objects.create(agent="assistant", title="t", task="t")
    facts: list[events.Fact] = [
        events.Message("Olu", "go on\x1b[2J"),
        events.Paused("Olu"),
        events.Complete("done"),
    ]
    journal.append(Append(row.pk, [entry(fact, "human:1", 0) for fact in facts]))
    row.refresh_from_db()
    return row


def damage(statement: str) -> None:
    triggers.remove(connection)
    connection.cursor().execute(statement)
    triggers.install(connection)


def test_configure(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[agents.clerk]\ntitle = "Clerk"\n')
    assert call("configure", str(path)) == "agents.clerk: created\n"
    assert call("configure", str(path)) == "Nothing to change.\n"
    path.write_text("[agents.clerk]\nx = 1\n")
    with pytest.raises(CommandError, match=r"c\.toml:2: agents\.clerk\.x: no such key"):
        call("configure", str(path))


def test_what_is_typed_first_makes_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(database, "_is_made", lambda: False)
    monkeypatch.setattr(database, "make_current", lambda: made.append("made"))
    assert "created" in call("user", "olu")
    assert made == ["made"]
    with pytest.raises(CommandError, match="There is no database yet"):
        call("verify")


def test_user_and_token() -> None:
    made = call("user", "olu", "--password", "a good long password", "--role", "operator")
    assert made == "olu: created, password set, role operator added\n"
    assert call("user", "olu", "--role", "operator") == "olu: nothing to change\n"
    olu = User.objects.get()
    assert olu.check_password("a good long password")
    assert roles.can(olu, "start")
    assert signin.user_of_token(call("token", "olu").strip()) == olu


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("user", "olu", "--password", ""), "empty password"),
        (("user", "a b", "--role", "viewer"), "valid username"),
        (("token", "nobody"), "no person named"),
        (("verify", "nonsense"), "no session"),
        (("export", str(uuid.uuid4())), "no session"),
        (("run", "nobody", "task"), "no agent named"),
        (("run", "assistant", "  "), "empty"),
    ],
)
def test_refusals_are_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call(*arguments)
    assert not User.objects.exists()


def test_verify_accepts_what_the_journal_wrote(session: Session) -> None:
    assert "1 log is intact" in call("verify", str(session.uuid))
    Session.objects.create(agent="a", title="empty", task="t")
    assert "2 logs are intact" in call("verify")


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE agents_event SET text = '{}' WHERE seq = 2", "event 2 was changed"),
        ("UPDATE agents_event SET actor = 'x' WHERE seq = 3", "event 3 was changed"),
        ("DELETE FROM agents_event WHERE seq = 2", "event 2 is missing"),
        ("DELETE FROM agents_event WHERE seq = 3", "event 3 is missing"),
        ("DELETE FROM agents_event", "event 1 is missing"),
        ("UPDATE agents_session SET head = 'x'", "event 3 is not the head"),
        ("UPDATE agents_session SET last_seq = 2", "event 2 is not the head"),
    ],
)
def test_verify_says_the_first_event_that_is_wrong(
    session: Session, statement: str, what: str
) -> None:
    damage(statement)
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 of 1"):
        call_command("verify", str(session.uuid), stdout=out)
    assert out.getvalue() == f"{session.uuid}: {what}{out.getvalue().partition(what)[2]}"


def test_export_prints_one_event_a_line(session: Session) -> None:
    lines = [json.loads(line) for line in call("export", str(session.uuid)).splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert lines[2]["data"] == {"text": "done", "reason": ""}
    assert {"seq", "step", "kind", "data", "at", "actor", "digest"} <= lines[0].keys()
    assert [line["digest"] for line in lines] == list(
        Event.objects.order_by("seq").values_list("digest", flat=True)
    )


def test_run_says_when_no_worker_is_there() -> None:
    err = io.StringIO()
    printed = call("run", "assistant", "hello", stderr=err).strip()
    assert Session.objects.get(uuid=printed).task == "hello"
    assert "No worker is alive" in err.getvalue()


def test_run_follows_to_the_end_and_fails_with_the_session() -> None:
    def end() -> None:
        while not (row := Session.objects.first()):
            pass
        journal.append(Append(row.pk, [entry(events.Message("x", "hi\x1b[2J"), "runtime")]))
        fact = events.Error("model", "The endpoint is down.")
        journal.append(Append(row.pk, [entry(fact, "runtime")]))
        connection.close()

    thread = threading.Thread(target=end)
    thread.start()
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match=r"failed: The endpoint is down\."):
        call_command("run", "assistant", "hello", "--follow", stdout=out, stderr=err)
    thread.join()
    assert "message" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_weak_password_is_set_and_said_to_be_weak() -> None:
    complaint = io.StringIO()
    call_command("user", "olu", password="123", stdout=io.StringIO(), stderr=complaint)
    assert "too short" in complaint.getvalue()
    assert User.objects.get(username="olu").check_password("123")
