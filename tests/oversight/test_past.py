"""Looking back: a moment, two sessions side by side, and a fork."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from agents import signin
from agents.core import events
from agents.core.events import Fact
from agents.forking import whole
from agents.models import AgentDefinition, Approval, RoleAssignment, Session, Tool
from oversight.comparison import compare
from tests.oversight import stories
from tests.oversight.test_deciding import come, text

pytestmark = pytest.mark.django_db(transaction=True)


def paid(amount: int = 10, *, ok: bool = True, said: str = "I pay.", **fields: Any) -> list[Any]:
    request = stories.asked("process_payment", "high", amount=amount)
    told: list[tuple[float, int, Fact]] = [
        (0, 0, stories.started()),
        (1, 1, stories.turn("First I read.")),
        (1, 1, stories.call("read_file", path="a.txt")),
        (2, 1, stories.result("read_file", "A line.")),
        (3, 2, stories.turn(said, read_upto=4)),
        (3, 2, stories.call("process_payment", "high", "ask", amount=amount)),
        (3, 2, request),
        (9, 2, stories.decided(request)),
        (9, 2, _begun("process_payment", {"amount": amount})),
        (10, 2, stories.result("process_payment", "Paid." if ok else "Refused.", ok=ok)),
    ]
    return told


def _begun(tool: str, arguments: dict[str, Any]) -> Fact:
    return events.ToolStarted(f"call-{tool}", tool, arguments, "", "key", 1)


def session(olu: User, **fields: Any) -> Session:
    return stories.tell(paid(**fields), olu)


def differences(one: Session, other: Session) -> dict[int, str]:
    return {p.number: p.differs for p in compare(whole(one), whole(other)) if p.differs}


@pytest.mark.parametrize(
    ("fields", "differs"),
    [
        ({}, {}),
        ({"amount": 11}, {2: "other calls"}),
        ({"ok": False}, {2: "another result"}),
        ({"said": "I would rather pay."}, {2: "other words"}),
    ],
)
def test_the_steps_that_differ_are_named(
    olu: User, fields: dict[str, Any], differs: dict[int, str]
) -> None:
    assert differences(session(olu), session(olu, **fields)) == differs


def test_only_the_first_difference_is_marked_as_such(olu: User) -> None:
    one = session(olu)
    other = stories.tell(paid(amount=12)[:6], olu)
    pairs = compare(whole(one), whole(other))
    assert [pair.number for pair in pairs if pair.first] == [2]
    assert compare(whole(one), [])[0].first


def test_two_sessions_stand_side_by_side(olu: User, bob: User) -> None:
    one, other = session(olu), session(olu, amount=11)
    page = text(come(bob).get(f"/sessions/{one.uuid}/compare/{other.uuid}/"))
    assert "The first difference is in" in page
    assert "other calls" in page
    assert "Fork before it" not in page  # Bob only looks
    chosen = text(come(bob).get(f"/sessions/{one.uuid}/compare/"))
    assert f"/sessions/{one.uuid}/compare/{other.uuid}/" in chosen


def test_a_session_of_another_group_is_not_compared(olu: User) -> None:
    mine, other = Group.objects.create(name="mine"), Group.objects.create(name="other")
    RoleAssignment.objects.filter(user=olu).update(group=mine)
    own = stories.tell(paid(), olu, group=mine)
    theirs = stories.tell(paid(), None, group=other)
    client = come(olu)
    assert client.get(f"/sessions/{own.uuid}/compare/{theirs.uuid}/").status_code == 404
    assert str(theirs.uuid) not in text(client.get(f"/sessions/{own.uuid}/compare/"))
    assert client.get(f"/sessions/{theirs.uuid}/moment/?seq=1").status_code == 404


def test_a_moment_shows_what_was_known_and_nothing_later(olu: User, bob: User) -> None:
    past = session(olu)
    asked = text(come(bob).get(f"/sessions/{past.uuid}/moment/?seq=7"))
    assert "The approval as its approver saw it" in asked
    assert "A line." in asked  # the model had been shown it
    assert "Nothing waited" not in asked
    assert "of 50" in asked  # steps, of their limit
    before = text(come(bob).get(f"/sessions/{past.uuid}/moment/?seq=2"))
    assert "Nothing waited" in before
    assert "A line." not in before


def test_the_request_of_a_moment_can_be_downloaded(olu: User, bob: User) -> None:
    past = session(olu)
    answer = come(bob).get(f"/sessions/{past.uuid}/moment/?seq=9&as=json")
    assert answer["Content-Disposition"] == 'attachment; filename="request-9.json"'
    body = json.loads(answer.content)
    assert body["messages"][0]["content"][0]["text"] == stories.TASK
    assert body["stream"] is True  # as it went over the wire
    bearer = {"Authorization": f"Bearer {signin.issue_token(bob)}"}
    path = f"/api/v1/sessions/{past.uuid}/events"
    assert Client().get(f"{path}/9/request", headers=bearer).content == answer.content
    for seq in (1, 11):  # nothing was sent yet; there is no such event
        assert Client().get(f"{path}/{seq}/request", headers=bearer).status_code == 404


@pytest.mark.parametrize("seq", ["0", "11", "x", "", "99999999999"])
def test_a_moment_outside_of_the_log_does_not_exist(olu: User, bob: User, seq: str) -> None:
    address = f"/sessions/{session(olu).uuid}/moment/?seq={seq}"
    assert come(bob).get(address).status_code == 404


@pytest.fixture
def assistant() -> AgentDefinition:
    return AgentDefinition.objects.get(name="assistant")


def post(client: Client, past: Session, **fields: str) -> Any:
    return client.post(f"/sessions/{past.uuid}/fork/", {"step": "2", **fields})


def test_a_fork_is_made_from_its_form(olu: User, assistant: AgentDefinition) -> None:
    past = session(olu)
    page = text(come(olu).get(f"/sessions/{past.uuid}/fork/?step=2"))
    assert "What is not undone" in page
    assert "may make them a second time" in page
    answer = post(come(olu), past, tools="live", message="Pay less.", title="Another try")
    assert answer.status_code == 303
    made = Session.objects.get(parent=past)
    assert answer["Location"] == f"/sessions/{made.uuid}/"
    assert (made.title, made.parent_seq, made.fork["tools"]) == ("Another try", 4, "live")


def test_the_arguments_of_a_fork_are_edited_in_their_fields(
    olu: User, assistant: AgentDefinition
) -> None:
    past = session(olu)
    page = text(come(olu).get(f"/sessions/{past.uuid}/fork/?step=2"))
    assert 'name="call:0:argument:0"' in page
    edited = {"change": "arguments", "call:0:argument:0": "7"}
    assert post(come(olu), past, tools="live", **edited).status_code == 303
    made = Session.objects.get(parent=past)
    assert made.fork["arguments"]["call-process_payment"]["arguments"] == {"amount": 7}
    wrong = post(come(olu), past, **{**edited, "call:0:argument:0": "seven"})
    assert wrong.status_code == 400
    assert "amount" in text(wrong)


def test_a_fork_that_is_refused_gives_back_what_was_written_and_chosen(
    olu: User, assistant: AgentDefinition
) -> None:
    story = paid()
    told = (2, 1, events.Message("olu", "Be quick."))
    story[4:5] = [told, (3, 2, stories.turn("I pay.", read_upto=5))]
    past = stories.tell(story, olu)
    edited = {"change": "arguments", "call:0:argument:0": "seven", "replaces": "5"}
    refused = post(come(olu), past, **edited)
    assert refused.status_code == 400
    page = text(refused)
    assert 'name="call:0:argument:0" value="seven"' in page
    assert 'name="replaces" value="5" checked' in page
    assert 'name="replaces" value="" checked' not in page
    form = text(come(olu).get(f"/sessions/{past.uuid}/fork/?step=2"))
    assert 'name="call:0:argument:0" value="10"' in form
    assert 'name="replaces" value="" checked' in form


def test_who_only_looks_forks_nothing(
    olu: User, bob: User, eve: User, assistant: AgentDefinition
) -> None:
    past = session(olu)
    assert post(come(bob), past).status_code == 403
    assert post(come(eve), past).status_code == 403
    assert not Session.objects.filter(parent=past).exists()


def test_a_fork_asks_for_a_token_of_the_page(olu: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(olu, backend="django.contrib.auth.backends.ModelBackend")
    assert post(client, session(olu)).status_code == 403


def test_a_log_is_exported_as_json_lines_with_what_a_fork_reads_through(
    olu: User, bob: User, assistant: AgentDefinition
) -> None:
    past = session(olu)
    post(come(olu), past, tools="live")
    fork = Session.objects.get(parent=past)
    answer = come(bob).get(f"/sessions/{fork.uuid}/export/")
    assert answer["Content-Disposition"].startswith("attachment")
    told = [json.loads(line) for line in answer.getvalue().splitlines()]
    assert [line["seq"] for line in told] == [1, 2, 3, 4]
    assert told[0]["kind"] == "session_started"


def test_the_card_of_a_moment_is_what_its_approver_had_before_them(
    olu: User, ann: User, ada: User, bob: User
) -> None:
    approval = stories.waiting(olu, "high", required=2)
    for user in (ann, ada):
        now = Approval.objects.get(pk=approval.pk)
        form = {"digest": now.digest, "confirmed": "yes"}
        assert come(user).post(f"/approvals/{now.uuid}/approve/", form).status_code == 303
    # What the catalogue says by now is not what they were shown.
    Tool.objects.filter(name=approval.tool).update(effect="read")
    Approval.objects.filter(pk=approval.pk).update(required=3, risk="low")
    cards = {kind: _card(bob, approval, kind) for kind in ("vote_cast", "approval_decided")}
    assert "Can’t be undone automatically" in cards["vote_cast"]
    assert "Changes nothing" not in cards["vote_cast"]
    assert [card.count("Nobody yet") for card in cards.values()] == [2, 1]
    assert ["<strong>ann</strong> approved" in card for card in cards.values()] == [False, True]
    assert all('class="risk high"' in card for card in cards.values())


def _card(user: User, approval: Approval, kind: str) -> str:
    """The card at the moment of the approval's event of this kind."""
    seq = approval.session.events.get(kind=kind).seq
    page = text(come(user).get(f"/sessions/{approval.session.uuid}/moment/?seq={seq}"))
    return page.split("The approval as its approver saw it")[1].split("<h3>Budgets")[0]
