"""What people press: forms without JavaScript, through the engine's own doors."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseBase
from django.test import Client

from agents.models import AgentDefinition, Approval, Event, Outcome, Session
from tests.oversight import stories

pytestmark = pytest.mark.django_db(transaction=True)


def come(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def form(page: str, action: str) -> dict[str, str]:
    """The fields of the form with this action, as a browser without JavaScript would send them."""
    found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert found, action
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[0]))
    texts = re.findall(
        r'<textarea[^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', found[0], re.DOTALL
    )
    inputs = re.findall(r'<input id="[^"]+" name="([^"]+)" value="([^"]*)"', found[0])
    selects = re.findall(r'name="([^"]+)"><option value="true"( selected)?', found[0])
    chosen = {name: "true" if on else "false" for name, on in selects}
    read = {name: unescape(value) for name, value in [*fields.items(), *texts, *inputs]}
    return {**read, **chosen}


def text(answer: HttpResponseBase) -> str:
    assert isinstance(answer, HttpResponse)
    return unescape(answer.content.decode())


def fresh(approval: Approval) -> Approval:
    return Approval.objects.get(pk=approval.pk)


def test_one_press_approves_what_is_not_high(ann: User, olu: User) -> None:
    approval = stories.waiting(olu, "medium")
    client, action = come(ann), f"/approvals/{approval.uuid}/approve/"
    fields = form(client.get(f"/approvals/{approval.uuid}/").content.decode(), action)
    answer = client.post(action, fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/approvals/?next=")
    assert fresh(approval).state == "approved"
    assert "Approved." in text(client.get("/approvals/"))


def test_high_is_asked_again_on_a_page_of_its_own(ann: User, olu: User) -> None:
    approval = stories.waiting(olu, "high")
    client, action = come(ann), f"/approvals/{approval.uuid}/approve/"
    hasty = client.post(action, {"digest": approval.digest})
    assert hasty.status_code == 400
    assert fresh(approval).state == "pending"
    assert "There is no undo once it starts" in text(hasty)
    assert client.post(action, form(hasty.content.decode(), action)).status_code == 303
    assert fresh(approval).state == "approved"


def test_a_denial_carries_its_reason(ann: User, olu: User) -> None:
    approval = stories.waiting(olu)
    client, action = come(ann), f"/approvals/{approval.uuid}/deny/"
    page = client.get(f"/approvals/{approval.uuid}/confirm/?do=deny").content.decode()
    client.post(action, {**form(page, action), "reason": "Wait for the freeze to end."})
    assert fresh(approval).state == "denied"
    event = Event.objects.get(kind="approval_decided")
    assert json.loads(event.text)["reason"] == "Wait for the freeze to end."
    assert "Wait for the freeze to end." in text(client.get(f"/approvals/{approval.uuid}/"))


def test_an_answer_runs_nothing(ann: User, olu: User) -> None:
    approval = stories.waiting(olu)
    client, action = come(ann), f"/approvals/{approval.uuid}/answer/"
    page = client.get(f"/approvals/{approval.uuid}/confirm/?do=answer").content.decode()
    client.post(action, {**form(page, action), "text": "I paid it by hand."})
    assert fresh(approval).state == "answered"


def test_edited_arguments_keep_their_types(ann: User, olu: User) -> None:
    approval = stories.waiting(olu, tags=["a", "b"], to="a\u202eb")
    client, action = come(ann), f"/approvals/{approval.uuid}/approve/"
    page = client.get(f"/approvals/{approval.uuid}/confirm/?do=edit").content.decode()
    fields = form(page, action)
    names = list(json.loads(approval.arguments))
    amount, urgent, note = (f"argument:{names.index(n)}" for n in ("amount", "urgent", "note"))
    edited = {**fields, amount: "620", urgent: "true", "mode": "fields"}
    # A browser sends every line end as CRLF.
    edited[note] = edited[note].replace("\n", "\r\n")
    assert client.post(action, edited).status_code == 303
    before, after = json.loads(approval.original), json.loads(fresh(approval).arguments)
    assert after == {**before, "amount": 620, "urgent": True}


def test_edited_json_is_read_strictly(ann: User, olu: User) -> None:
    approval = stories.waiting(olu)
    client, action = come(ann), f"/approvals/{approval.uuid}/approve/"
    for bad in ('{"a":1,"a":2}', "[1]", "{", '{"a": NaN}'):
        sent = {"digest": approval.digest, "mode": "json", "raw": bad}
        answer = client.post(action, sent)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.content.decode()
        assert bad in text(answer)
    assert fresh(approval).state == "pending"


def test_the_second_of_two_hears_who_was_first(ann: User, ada: User, olu: User) -> None:
    approval = stories.waiting(olu)
    sent = {"digest": approval.digest, "reason": "no"}
    come(ann).post(f"/approvals/{approval.uuid}/deny/", sent)
    late = come(ada).post(f"/approvals/{approval.uuid}/approve/", sent)
    assert late.status_code == 409
    assert "Already denied by ann" in text(late)
    assert fresh(approval).state == "denied"


def test_what_changed_since_is_not_approved(ann: User, olu: User) -> None:
    approval = stories.waiting(olu)
    answer = come(ann).post(f"/approvals/{approval.uuid}/approve/", {"digest": "of another"})
    assert answer.status_code == 409
    assert "changed since you looked" in text(answer)


def test_one_of_two_people_can_take_it_back(ann: User, ada: User, olu: User) -> None:
    approval = stories.waiting(olu, "high", required=2)
    client, page = come(ann), f"/approvals/{approval.uuid}/"
    client.post(f"{page}approve/", {"digest": approval.digest, "confirmed": "yes"})
    assert fresh(approval).votes == 1
    assert "You approved" in text(client.get(page))
    client.post(f"{page}withdraw/", {})
    assert fresh(approval).votes == 0
    for user in (ann, ada):
        come(user).post(f"{page}approve/", {"digest": approval.digest, "confirmed": "yes"})
    assert fresh(approval).state == "approved"


def test_a_press_in_the_dock_answers_with_the_dock(ann: User, olu: User) -> None:
    approval = stories.waiting(olu)
    sent = {"digest": approval.digest}
    client = come(ann)
    answer = client.post(
        f"/approvals/{approval.uuid}/approve/", sent, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    assert "Approved." in text(answer)


def test_an_adjudicator_settles_what_nobody_knows(ada: User, ann: User, olu: User) -> None:
    approval = stories.waiting(olu)
    stories.add(approval.session, [(11, 2, stories.unknown())])
    outcome = Outcome.objects.get()
    page = f"/approvals/outcomes/{outcome.uuid}/"
    assert "Only adjudicators" in text(come(ann).get(page))
    client = come(ada)
    sent = {"decision": "happened", "result": "Receipt 7", "reason": "Seen at the bank."}
    assert client.post(f"{page}settle/", {"decision": "perhaps"}).status_code == 400
    assert client.post(f"{page}settle/", sent).status_code == 303
    assert client.post(f"{page}settle/", sent).status_code == 409
    assert Outcome.objects.get().state == "happened"


def test_an_operator_steers(olu: User) -> None:
    session = stories.tell([(0, 0, stories.started())], olu, status="paused")
    client, page = come(olu), f"/sessions/{session.uuid}/"
    client.post(f"{page}pause/", {})
    client.post(f"{page}message/", {"text": "Look at <b>staging</b> first"})
    client.post(f"{page}limits/", {"steps": "80"})
    client.post(f"{page}resume/", {})
    client.post(f"{page}stop/", {})
    kinds = list(Event.objects.order_by("seq").values_list("kind", flat=True))
    assert kinds == [
        "session_started",
        "paused",
        "message",
        "limits_changed",
        "resumed",
        "stop_requested",
    ]
    assert "Look at <b>staging</b> first" in text(client.get(page))
    assert "<b>staging</b>" not in client.get(page).content.decode()


@pytest.mark.parametrize(
    ("verb", "sent"),
    [("message", {"text": " "}), ("limits", {"steps": "many"}), ("limits", {"usd": "-1"})],
)
def test_what_makes_no_sense_is_said_so(olu: User, verb: str, sent: dict[str, str]) -> None:
    session = stories.tell([(0, 0, stories.started())], olu, status="running")
    answer = come(olu).post(f"/sessions/{session.uuid}/{verb}/", sent)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()


def test_stopping_what_has_ended_is_a_conflict(olu: User) -> None:
    session = stories.finished(olu)
    answer = come(olu).post(f"/sessions/{session.uuid}/stop/", {})
    assert answer.status_code == 409
    assert "already ended" in text(answer)


def test_stop_everything(olu: User) -> None:
    for _ in range(3):
        stories.tell([(0, 0, stories.started())], olu, status="running")
    assert "Stop everything?" in text(come(olu).get("/sessions/stop-all/confirm/"))
    assert come(olu).post("/sessions/stop-all/", {}).status_code == 303
    assert Session.objects.filter(stopping=True).count() == 3


def new(**fields: Any) -> dict[str, Any]:
    return {"agent": "clerk", "task": "Count the files.", "key": "k1", **fields}


def test_a_session_is_started_once_however_often_it_is_sent(olu: User) -> None:
    AgentDefinition.objects.get_or_create(name="clerk", defaults={"tools": ["*"]})
    client = come(olu)
    first = client.post("/sessions/new/", new(**{"limit:steps": "12"}))
    again = client.post("/sessions/new/", new(**{"limit:steps": "12"}))
    assert first.status_code == 303
    assert first.headers["Location"] == again.headers["Location"]
    assert Session.objects.get().limits["steps"] == 12


@pytest.mark.parametrize(
    "fields",
    [{"task": " "}, {"limit:steps": "many"}, {"limit:usd": "nan"}],
)
def test_a_form_that_makes_no_sense_comes_back_with_its_words(
    olu: User, fields: dict[str, str]
) -> None:
    AgentDefinition.objects.get_or_create(name="clerk", defaults={"tools": ["*"]})
    sent = new(**{"task": "Count the files.", **fields})
    answer = come(olu).post("/sessions/new/", sent)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert sent["task"] in text(answer)
    assert not Session.objects.exists()


def test_only_operators_start(bob: User) -> None:
    AgentDefinition.objects.get_or_create(name="clerk", defaults={"tools": ["*"]})
    assert "Only operators can start" in text(come(bob).get("/sessions/new/"))
    assert come(bob).post("/sessions/new/", new()).status_code == 403
