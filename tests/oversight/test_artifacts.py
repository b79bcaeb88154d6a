"""A person or a program downloads what a tool returned, and only who may see the session."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from agents import signin
from agents.core import events
from agents.core.artifacts import MAX_KEPT, OCTETS, kept
from agents.models import Artifact, Session
from tests.oversight import stories

pytestmark = pytest.mark.django_db

BACKEND = "django.contrib.auth.backends.ModelBackend"


def store(
    session: Session, data: bytes, mime: str = "text/plain", name: str = "out.txt"
) -> Artifact:
    one = kept(data, mime, name)
    fields = {"name": one.name, "mime": one.mime, "size": one.size, "sha256": one.sha256}
    return Artifact.objects.create(
        session=session, key=one.id, call_id="c1", step=1, content=one.data, **fields
    )


def result(*found: Artifact) -> events.ToolResult:
    named = [
        {"id": a.key, "name": a.name, "mime": a.mime, "bytes": a.size, "sha256": a.sha256}
        for a in found
    ]
    return events.ToolResult(
        "c1", "read_file", True, "cut ...", source="read_file", artifacts=named
    )


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture
def session(olu: User) -> Session:
    return stories.tell([(0, 0, stories.started())], olu)


def test_the_row_leads_to_a_download(session: Session, bob: User) -> None:
    artifact = store(session, b"all of it", name="report.txt")
    stories.add(session, [(3, 1, result(artifact))])
    client = client_of(bob)
    page = client.get(f"/sessions/{session.uuid}/").content.decode()
    address = f"/sessions/{session.uuid}/artifacts/{artifact.key}/"
    assert f'href="{address}"' in page
    assert "report.txt" in page
    answer = client.get(address)
    assert answer.content == b"all of it"
    assert answer["Content-Disposition"] == 'attachment; filename="report.txt"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "mime", ["text/html", "image/svg+xml", "application/pdf", "text/javascript", "x", "a/b\r\nX: 1"]
)
def test_what_a_browser_might_run_is_sent_as_bytes(session: Session, bob: User, mime: str) -> None:
    artifact = store(session, b"<script>alert(1)</script>", mime, "x.html")
    Artifact.objects.filter(pk=artifact.pk).update(mime=mime)
    answer = client_of(bob).get(f"/sessions/{session.uuid}/artifacts/{artifact.key}/")
    assert answer["Content-Type"] == OCTETS
    assert answer["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "name",
    [
        "a\r\nSet-Cookie: x=1",
        'a"; filename=evil.exe',
        "../../etc/passwd",
        "\u202egpj.exe",
        "",
        "é.txt",
    ],
)
def test_a_hostile_name_breaks_no_header_and_leaves_no_folder(
    session: Session, bob: User, name: str
) -> None:
    artifact = store(session, b"x")
    Artifact.objects.filter(pk=artifact.pk).update(name=name)
    answer = client_of(bob).get(f"/sessions/{session.uuid}/artifacts/{artifact.key}/")
    disposition = answer["Content-Disposition"]
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer
    assert not set(disposition) & set("\r\n/\\\u202e")
    assert disposition.count('"') in (0, 2)


def test_only_who_sees_the_session_sees_its_artifacts(
    session: Session, eve: User, bob: User
) -> None:
    artifact = store(session, b"x")
    address = f"/sessions/{session.uuid}/artifacts/{artifact.key}/"
    assert Client().get(address).status_code == 302
    assert client_of(eve).get(address).status_code == 403
    other = stories.tell([(0, 0, stories.started())])
    for wrong in (
        f"/sessions/{other.uuid}/artifacts/{artifact.key}/",
        f"/sessions/{session.uuid}/artifacts/art_0/",
        f"/sessions/{uuid.uuid4()}/artifacts/{artifact.key}/",
    ):
        assert client_of(bob).get(wrong).status_code == 404
    assert client_of(bob).post(address).status_code == 405


def test_a_fork_leads_to_what_its_parent_kept(session: Session, bob: User) -> None:
    artifact = store(session, b"the parent's")
    fork = Session.objects.create(
        agent="assistant", title="t", task="t", model="m", parent=session, parent_seq=1
    )
    address = f"/sessions/{fork.uuid}/artifacts/{artifact.key}/"
    assert client_of(bob).get(address).content == b"the parent's"


def asked(user: User | None, path: str) -> Any:
    headers = {"Authorization": f"Bearer {signin.issue_token(user)}"} if user else {}
    return Client().get(f"/api/v1/{path}", headers=headers)


def test_the_api_lists_and_gives_them(session: Session, bob: User, eve: User) -> None:
    data = b"x" * (MAX_KEPT + 5)
    artifact = store(session, data)
    listed = asked(bob, f"sessions/{session.uuid}/artifacts")
    (one,) = listed.json()
    assert one["id"] == artifact.key
    assert (one["bytes"], one["kept"]) == (len(data), MAX_KEPT)
    assert one["sha256"] == hashlib.sha256(data).hexdigest()
    answer = asked(bob, f"sessions/{session.uuid}/artifacts/{artifact.key}")
    assert answer.content == data[:MAX_KEPT]
    assert answer["Content-Disposition"].startswith("attachment")
    assert asked(bob, f"sessions/{session.uuid}/artifacts/art_0").status_code == 404
    for path in (f"sessions/{session.uuid}/artifacts", f"sessions/{session.uuid}/artifacts/x"):
        assert asked(eve, path).status_code == 403
        assert asked(None, path).status_code == 401


def test_a_log_with_artifacts_verifies_and_exports(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = store(session, b"x")
    stories.add(session, [(3, 1, result(artifact))])
    call_command("export", str(session.uuid))
    assert artifact.key in capsys.readouterr().out
