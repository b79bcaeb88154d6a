"""The JSON API, as a program meets it."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from agents import signin
from agents.core import events
from agents.journal import Append, FateUnknown, entry, journal
from agents.models import ApiToken, Approval, Catalogue, Outcome, Session, Tool
from tests.cast import person

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Api:
    token: str

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", **headers}
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        answer = Client().generic(
            method, f"/api/v1/{path}", sent or b"", "application/json", headers=headers
        )
        return answer.status_code, json.loads(answer.content)


def api(user: User) -> Api:
    return Api(signin.issue_token(user))


def write(session: Session, *facts: events.Fact) -> None:
    journal.append(Append(session.pk, [entry(fact, "runtime", 1) for fact in facts]))


@pytest.fixture
def session() -> Session:
    row = Session.objects.create(agent="assistant", title="t", task="t")
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    write(
        row,
        events.SessionStarted(
            agent="assistant",
            task="t",
            model="m",
            limits={},
            tools=[{"name": "pay", "description": "", "input_schema": schema}],
            system=[],
            max_auto_risk="low",
            max_tokens=100,
            window=1000,
        ),
    )
    return row


@pytest.fixture
def approval(session: Session) -> Approval:
    row = uuid.uuid4()
    write(
        session,
        events.ApprovalRequested(
            approval_id=str(row),
            call_id="c1",
            tool="pay",
            arguments={"n": 1},
            digest="d" * 64,
            decide_by=events.timestamp(datetime.now(UTC) + timedelta(hours=1)),
            required=1,
            risk="high",
            rule="pay is HIGH",
            reason="It is due.",
        ),
    )
    return Approval.objects.get(uuid=row)


@pytest.fixture
def outcome(session: Session) -> Outcome:
    row = uuid.uuid4()
    now = events.timestamp(datetime.now(UTC))
    write(session, events.OutcomeUnknown(str(row), "c2", "pay", {"n": 2}, "key", now, "cut off"))
    return Outcome.objects.get(uuid=row)


# Who calls


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer \xff"])
def test_without_a_good_token_nothing_is_said(value: str, session: Session) -> None:
    for path in ("sessions", f"sessions/{session.uuid}/events", "tools", "approvals"):
        answer = Client().get(f"/api/v1/{path}", headers={"Authorization": value})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "unauthenticated"


def test_a_cookie_is_no_token(ada: User) -> None:
    client = Client()
    client.force_login(ada)
    assert client.get("/api/v1/sessions").status_code == 401


def test_revoking_counts_at_once(olu: User) -> None:
    call = api(olu)
    assert call("GET", "sessions")[0] == 200
    ApiToken.objects.update(revoked=True)
    assert call("GET", "sessions")[0] == 401


def test_rights_are_the_persons(session: Session, approval: Approval, outcome: Outcome) -> None:
    one, vote = f"sessions/{session.uuid}", {"decision": "deny", "digest": approval.digest}
    calls: list[tuple[str, str, Any, str]] = [
        ("GET", "sessions", None, "view"),
        ("GET", one, None, "view"),
        ("GET", f"{one}/events", None, "view"),
        ("GET", "approvals", None, "view"),
        ("GET", "outcomes", None, "view"),
        ("POST", "sessions", {"agent": "assistant", "task": "x"}, "start"),
        ("POST", f"{one}/message", {"text": "x"}, "steer"),
        ("POST", f"{one}/pause", None, "steer"),
        ("POST", f"{one}/resume", None, "steer"),
        ("POST", f"approvals/{approval.uuid}/decision", vote, "decide"),
        ("POST", f"outcomes/{outcome.uuid}/settle", {"decision": "happened"}, "settle"),
        ("POST", f"{one}/stop", None, "steer"),
        ("POST", "stop-all", None, "steer"),
        ("GET", "tools", None, "administer"),
        ("PATCH", "tools/send_email", {"risk": "high"}, "administer"),
    ]
    may = {"viewer": {"view"}, "auditor": {"view"}, "admin": {verb for *_, verb in calls}}
    for role, verbs in may.items():
        call = api(person(role, role))
        for method, path, body, verb in calls:
            status, said = call(method, path, body)
            assert (status in (200, 201)) == (verb in verbs), (role, method, path, said)
            assert status in (200, 201, 403), said


def test_a_stranger_sees_nothing(eve: User, session: Session) -> None:
    call = api(eve)
    assert call("GET", "sessions")[0] == 403
    assert call("GET", f"sessions/{session.uuid}")[0] == 403
    assert call("POST", f"sessions/{session.uuid}/stop")[0] == 404


# Sessions


def test_start_is_idempotent_by_key(olu: User) -> None:
    call, body = api(olu), {"agent": "assistant", "task": "Say hello."}
    key = {"Idempotency-Key": "k-1"}
    status, first = call("POST", "sessions", body, **key)
    assert (status, first["status"], first["started_by"]) == (201, "queued", "olu")
    assert call("POST", "sessions", body, **key) == (201, first)
    assert call("POST", "sessions", {**body, "task": "Other."}, **key)[0] == 409
    assert call("POST", "sessions", body)[1]["id"] != first["id"]
    assert call("GET", "sessions?status=queued&limit=1")[1][0]["id"] != first["id"]
    assert call("GET", f"sessions/{first['id']}") == (200, first)
    assert first["error"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"agent": "nobody", "task": "x"}, 404),
        ({"agent": "assistant", "task": "   "}, 400),
        ({"agent": "assistant", "task": ""}, 422),
        ({"agent": "assistant"}, 422),
        ({"agent": 3, "task": "x"}, 422),
        ({"agent": "assistant", "task": "x", "colour": 1}, 422),
        ({"agent": "assistant", "task": "x", "limits": {"steps": -1}}, 400),
        ({"agent": "a\x00", "task": "x"}, 400),
        ([], 400),
        (b"{", 400),
        (b'{"agent": "assistant", "agent": "x", "task": "y"}', 400),
        (b"\xff", 400),
        (b"", 422),
        (b"[" * 9999, 400),
    ],
)
def test_bad_bodies_are_refused_with_a_sentence(olu: User, body: Any, status: int) -> None:
    got, said = api(olu)("POST", "sessions", body)
    assert got == status, said
    assert said["error"]["code"]
    assert said["error"]["message"]
    assert "Traceback" not in str(said)
    assert not Session.objects.exists()


def test_a_huge_body_is_refused(olu: User) -> None:
    big = json.dumps({"agent": "a", "task": "x" * 2_000_000}).encode()
    assert api(olu)("POST", "sessions", big)[0] == 413


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nonsense", 404),
        ("sessions/not-a-uuid", 404),
        (f"sessions/{uuid.uuid4()}", 404),
        (f"sessions/{uuid.uuid4()}/events", 404),
        ("sessions?status=strange", 422),
        ("sessions?limit=0", 422),
        ("approvals?session=x", 422),
        ("approvals?status=%00", 400),
        ("tools/%00", 400),
        ("outcomes?status=closed", 422),
    ],
)
def test_bad_addresses_and_questions(bob: User, path: str, status: int) -> None:
    got, said = api(bob)("GET", path)
    assert (got, set(said)) == (status, {"error"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "sessions", "GET, POST"), ("PUT", "stop-all", "POST")],
)
def test_a_method_that_an_address_does_not_know_is_refused_in_the_same_shape(
    bob: User, method: str, path: str, allowed: str
) -> None:
    token = {"Authorization": f"Bearer {signin.issue_token(bob)}"}
    answer = Client().generic(method, f"/api/v1/{path}", headers=token)
    said = answer.json()
    assert (answer.status_code, set(said)) == (405, {"error"})
    assert said["error"]["code"] == "method_not_allowed"
    assert answer.headers["Allow"] == allowed


def test_an_unknown_address_answers_a_post_too() -> None:
    answer = Client(enforce_csrf_checks=True).post("/api/v1/sessions/x/stop")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_failure_shows_no_traceback(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(row: Session) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("oversight.api.shapes.session", broken)
    Session.objects.create(agent="a", title="t", task="t")
    got, said = api(bob)("GET", "sessions")
    assert (got, said["error"]["code"]) == (500, "internal")
    assert "secret" not in str(said)


def test_the_log_is_read_by_cursor(bob: User, session: Session) -> None:
    write(session, events.Paused("Olu"), events.Resumed("Olu"))
    call, path = api(bob), f"sessions/{session.uuid}/events"
    status, found = call("GET", path)
    assert (status, [event["seq"] for event in found]) == (200, [1, 2, 3])
    assert set(found[1]) == {"seq", "step", "kind", "data", "at", "actor", "digest"}
    assert call("GET", f"{path}?after=1&limit=1")[1] == found[1:2]
    assert call("GET", f"{path}?after=3&wait=0.2") == (200, [])
    for bad in ("after=-1", "limit=0", "wait=61", "wait=nan", "after=99999999999999"):
        assert call("GET", f"{path}?{bad}")[0] == 422


async def test_wait_answers_as_soon_as_there_is_news(bob: User, session: Session) -> None:
    token = await sync_to_async(signin.issue_token)(bob)
    loop, headers = asyncio.get_running_loop(), {"Authorization": f"Bearer {token}"}
    path = f"/api/v1/sessions/{session.uuid}/events?after=1&wait=30"
    waiting = asyncio.create_task(AsyncClient().get(path, headers=headers))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    begun = loop.time()
    await sync_to_async(write)(session, events.Paused("Olu"))
    answer = await waiting
    assert loop.time() - begun < 2
    assert [event["kind"] for event in json.loads(answer.content)] == ["paused"]


def test_steering(olu: User, session: Session) -> None:
    call, one = api(olu), f"sessions/{session.uuid}"
    assert call("POST", f"{one}/message", {"text": "Be brief."})[0] == 200
    assert call("POST", f"{one}/message", {"text": ""})[0] == 422
    assert call("POST", f"{one}/pause", {"reason": "Lunch."})[1]["status"] == "paused"
    assert call("POST", f"{one}/resume")[1]["status"] == "queued"
    assert call("POST", f"{one}/limits", {"limits": {"steps": 9}})[0] == 200
    assert call("POST", f"{one}/limits", {"limits": {"step": 9}})[0] == 400
    assert call("POST", f"{one}/stop", {"kill": True})[0] == 200
    assert call("POST", f"{one}/message", {"text": "Still there?"})[0] == 409


def test_why_a_session_is_paused_and_resumed_is_on_its_record(olu: User, session: Session) -> None:
    call, one = api(olu), f"sessions/{session.uuid}"
    assert call("POST", f"{one}/pause", {"reason": "Lunch."})[0] == 200
    assert call("POST", f"{one}/resume", {"reason": "Back."})[0] == 200
    said = {event["kind"]: event["data"].get("reason") for event in call("GET", f"{one}/events")[1]}
    assert (said["paused"], said["resumed"]) == ("Lunch.", "Back.")


def test_stop_all(olu: User, session: Session) -> None:
    Session.objects.create(agent="a", title="t", task="t")
    assert api(olu)("POST", "stop-all") == (200, {"stopped": 2})


# Approvals and outcomes


def test_approving_what_was_shown(ann: User, approval: Approval) -> None:
    call = api(ann)
    (row,) = call("GET", f"approvals?status=pending&session={approval.session.uuid}")[1]
    assert (row["arguments"], row["required"], row["votes"]) == ({"n": 1}, 1, [])
    path = f"approvals/{row['id']}/decision"
    assert call("POST", path, {"decision": "approve", "digest": "other"})[0] == 409
    body = {"decision": "approve", "digest": row["digest"], "reason": "Fine."}
    status, decided = call("POST", path, body)
    assert (status, decided["status"], decided["decided_by"]) == (200, "approved", "ann")
    assert [vote["by"] for vote in decided["votes"]] == ["ann"]
    assert call("GET", "approvals?status=pending")[1] == []


def test_who_is_late_is_told_who_won(ann: User, approval: Approval) -> None:
    body, path = {"digest": approval.digest}, f"approvals/{approval.uuid}/decision"
    assert api(ann)("POST", path, {**body, "decision": "deny", "reason": "No."})[0] == 200
    late = api(person("late", "approver"))
    status, said = late("POST", path, {**body, "decision": "approve"})
    assert (status, said["error"]["code"]) == (409, "conflict")
    assert "denied by ann" in said["error"]["message"]
    assert (said["approval"]["status"], said["approval"]["decided_by"]) == ("denied", "ann")


def test_edited_arguments_are_checked(ann: User, approval: Approval) -> None:
    call, path = api(ann), f"approvals/{approval.uuid}/decision"
    body = {"decision": "approve", "digest": approval.digest}
    assert call("POST", path, {**body, "arguments": {"n": "many"}})[0] == 400
    assert call("POST", path, {**body, "decision": "deny", "arguments": {"n": 2}})[0] == 400
    status, said = call("POST", path, {**body, "arguments": {"n": 2}})
    assert (status, said["arguments"]) == (200, {"n": 2})
    assert said["digest"] != approval.digest


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT"])
def test_only_a_post_decides(ann: User, approval: Approval, method: str) -> None:
    token = signin.issue_token(ann)
    answer = Client().generic(
        method,
        f"/api/v1/approvals/{approval.uuid}/decision",
        json.dumps({"decision": "approve", "digest": approval.digest}),
        "application/json",
        headers={"Authorization": f"Bearer {token}", "X-HTTP-Method-Override": "POST"},
    )
    assert answer.status_code == 405
    approval.refresh_from_db()
    assert approval.state == "pending"


def test_settling(outcome: Outcome) -> None:
    call, path = api(person("judge", "adjudicator")), f"outcomes/{outcome.uuid}/settle"
    assert call("GET", "outcomes?status=open")[1][0]["evidence"] == "cut off"
    assert call("POST", path, {"decision": "perhaps"})[0] == 422
    body = {"decision": "happened", "result": "Paid."}
    status, said = call("POST", path, body)
    assert (status, said["status"], said["settled_by"]) == (200, "happened", "judge")
    assert call("POST", path, body)[0] == 409


# The risk map, health, and the description


def test_a_tool_is_changed_with_checks_and_history(ada: User) -> None:
    call, before = api(ada), Catalogue.objects.get().version
    status, said = call("PATCH", "tools/send_email", {"risk": "high", "approvals": 2})
    assert (status, said["risk"], said["approvals"], said["effect"]) == (200, "high", 2, "keyed")
    assert Catalogue.objects.get().version > before
    assert LogEntry.objects.get().user == ada
    for body, wanted in [({"risk": "huge"}, 422), ({"approvals": 0}, 400), ({"timeout": 0}, 400)]:
        assert call("PATCH", "tools/send_email", body)[0] == wanted
    assert call("PATCH", "tools/nothing", {"risk": "low"})[0] == 404
    assert call("PATCH", "tools/a%00b", {"risk": "low"})[0] == 400
    assert {tool["name"] for tool in call("GET", "tools")[1]} == set(
        Tool.objects.values_list("name", flat=True)
    )


def test_a_tool_is_given_the_title_of_its_calls(ada: User) -> None:
    call, schema = api(ada), {"type": "object", "properties": {"to": {}}}
    Tool.objects.filter(name="send_email").update(input_schema=schema)
    status, said = call("PATCH", "tools/send_email", {"title": "Mail {to}"})
    assert (status, said["title"]) == (200, "Mail {to}")
    listed = {one["name"]: one["title"] for one in call("GET", "tools")[1]}
    assert listed["send_email"] == "Mail {to}"
    for title in ("Mail {too}", "Mail {to", "Mail {to!r}", "x" * 121, "a\x01", "\u202e"):
        status, said = call("PATCH", "tools/send_email", {"title": title})
        assert (status, "title: " in said["error"]["message"]) == (400, True)
    assert call("PATCH", "tools/send_email", {"risk": "high"})[1]["title"] == "Mail {to}"
    assert call("PATCH", "tools/send_email", {"title": ""})[1]["title"] == ""


def test_health_needs_no_token_and_tells_no_names(settings: Any) -> None:
    answer = Client().get("/api/v1/health")
    said = answer.json()
    assert (answer.status_code, said["status"]) == (200, "degraded")  # no worker
    assert said["database"]["ok"]
    assert said["layer"]["ok"]
    assert (said["worker"]["alive"], said["lease"]["held"]) == (0, 0)


def test_health_is_ok_with_a_worker_and_old_leases_show() -> None:
    from django.db.models.functions import Now

    from agents.models import Worker

    Worker.objects.create(name="w", seen_at=Now())
    assert Client().get("/api/v1/health").json()["status"] == "ok"
    late = Now() - timedelta(minutes=10)
    Session.objects.create(agent="a", title="t", task="t", lease_owner="w", lease_until=late)
    said = Client().get("/api/v1/health").json()
    assert said["status"] == "degraded"
    assert said["lease"]["age"] >= 600


def test_every_call_is_described() -> None:
    answer = Client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    assert "/api/v1/sessions/{session_id}/events" in paths
    assert "/api/v1/approvals/{approval_id}/decision" in paths


def test_an_act_that_may_have_been_done_asks_to_look_first(
    olu: User, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def losing(append: Append) -> None:
        raise FateUnknown("server closed the connection")

    monkeypatch.setattr(journal, "append", losing)
    body = {"text": "Faster, please."}
    status, answer = api(olu)("POST", f"sessions/{session.uuid}/message", body)
    assert (status, answer["error"]["code"]) == (503, "unavailable")
    assert "look" in answer["error"]["message"]
