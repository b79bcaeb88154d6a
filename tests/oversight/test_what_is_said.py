"""What a person is told after a press: what came of it, no more and no less, and not to others."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from agents.models import AgentDefinition, Approval, GateRule, RoleAssignment, Session
from agents.starting import MAX_TASK
from oversight import cases, tiles
from tests.cast import person
from tests.oversight import stories
from tests.oversight.test_deciding import come, form, fresh, text

pytestmark = pytest.mark.django_db(transaction=True)

IN_THE_BACKGROUND = {"HX-Request": "true"}


def approve(client: Client, approval: Approval, **fields: str) -> None:
    sent = {"digest": approval.digest, "confirmed": "yes", **fields}
    assert client.post(f"/approvals/{approval.uuid}/approve/", sent).status_code == 303


def test_the_first_of_two_hears_that_nothing_runs_yet(ann: User, ada: User, olu: User) -> None:
    approval = stories.waiting(olu, "high", required=2)
    first, second = come(ann), come(ada)
    approve(first, approval)
    said = text(first.get("/approvals/"))
    assert "Your approval counts: 1 of 2. Nothing runs yet." in said
    assert "Approved." not in said
    approve(second, approval)
    assert "Approved." in text(second.get("/approvals/"))


def test_an_edit_that_needs_two_people_is_not_called_approved(ann: User, olu: User) -> None:
    approval = stories.waiting(olu, "medium", amount=10)
    large = [{"field": "amount", "op": ">", "value": 1000}]
    GateRule.objects.create(
        name="large sums", tool="process_payment", verdict="ask", conditions=large, approvals=2
    )
    client, action = come(ann), f"/approvals/{approval.uuid}/approve/"
    page = client.get(f"/approvals/{approval.uuid}/confirm/?do=edit").content.decode()
    sent = {**form(page, action), "mode": "fields", "argument:0": "5000"}
    assert client.post(action, sent).status_code == 303
    said = text(client.get("/approvals/"))
    assert "Your approval counts: 1 of 2. Nothing runs yet." in said
    assert "Approved with your changes." not in said


def test_of_many_only_those_are_counted_that_are_approved(
    ann: User, olu: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = stories.waiting(olu, "low"), stories.waiting(olu, "low", required=2)
    # A second person was asked for between the look and the press.
    monkeypatch.setattr(tiles, "bulk", lambda approval: True)
    client = come(ann)
    chosen = [f"{approval.uuid}:{approval.digest}" for approval in (one, two)]
    client.post("/approvals/bulk/", {"do": "approve", "chosen": chosen})
    said = text(client.get("/approvals/"))
    assert "1 approved." in said
    assert "Your approval counts: 1 of 2. Nothing runs yet." in said
    assert (fresh(one).state, fresh(two).state) == ("approved", "pending")


def test_what_is_fetched_in_the_background_leaves_the_messages_to_the_page(
    ann: User, olu: User
) -> None:
    approval = stories.waiting(olu, "high", required=2)
    client = come(ann)
    approve(client, approval)
    dock = client.get(f"/sessions/{approval.session.uuid}/pending/", headers=IN_THE_BACKGROUND)
    assert "Your approval counts" not in text(dock)
    assert "Your approval counts" in text(client.get("/approvals/"))


def test_a_forecast_in_the_admin_leaves_the_messages_to_the_page(ada: User, olu: User) -> None:
    approval = stories.waiting(olu, "high", required=2)
    client = come(ada)
    approve(client, approval)
    forecast = client.post("/admin/agents/tool/", {}, headers=IN_THE_BACKGROUND)
    assert "Your approval counts" not in text(forecast)
    assert "Your approval counts" in text(client.get("/approvals/"))


def approver(name: str, **within: Any) -> None:
    RoleAssignment.objects.create(user=person(name), role="approver", **within)


def asked_instead(approval: Approval, user: User) -> str:
    found = re.search(r" Ask (\w+)\.", cases.refusal(approval, user))
    return found[1] if found else ""


def test_who_may_not_decide_is_told_of_somebody_who_may(olu: User, bob: User) -> None:
    low, high = stories.waiting(olu, "low"), stories.waiting(olu, "high")
    theirs = Group.objects.create(name="theirs")
    approver("abe", group=theirs)
    approver("bea", highest_risk="medium")
    approver("cal")
    assert (asked_instead(low, bob), asked_instead(high, bob)) == ("bea", "cal")
    User.objects.filter(username="cal").update(is_active=False)
    assert asked_instead(high, bob) == ""
    # A superuser holds no role and may decide all the same.
    User.objects.create_superuser("root", password=None)
    assert asked_instead(high, bob) == "root"


def test_neither_the_starter_nor_who_has_voted_is_named(ada: User, ann: User, bob: User) -> None:
    approval = stories.waiting(ada, "high", required=2)
    assert asked_instead(approval, ada) == "ann"
    approve(come(ann), approval)
    assert asked_instead(fresh(approval), bob) == ""
    person("zoe", "admin")
    assert asked_instead(fresh(approval), bob) == "zoe"


def test_whom_to_ask_costs_as_much_however_many_may_not(
    olu: User, bob: User, django_assert_max_num_queries: Any
) -> None:
    approval = stories.waiting(olu, "high")
    for number in range(20):
        approver(f"p{number}", highest_risk="low")
    with django_assert_max_num_queries(4):
        assert asked_instead(approval, bob) == ""


def test_who_stops_everything_is_told_how_many_of_those_within_reach(eve: User, olu: User) -> None:
    ours = Group.objects.create(name="ours")
    RoleAssignment.objects.create(user=eve, role="operator", group=ours)
    one = stories.tell([(0, 0, stories.started())], olu, status="running", group=ours)
    stories.tell([(0, 0, stories.started())], olu, status="running")
    client = come(eve)
    asked = text(client.get("/sessions/stop-all/confirm/"))
    assert "Every session that runs or waits is stopped, whatever its agent" in asked
    for said in ("1 session is stopping", "There was no session to stop that you may steer."):
        client.post("/sessions/stop-all/")
        assert said in text(client.get("/sessions/"))
    assert list(Session.objects.filter(stopping=True)) == [one]
    for _ in range(2):
        stories.tell([(0, 0, stories.started())], olu, status="running", group=ours)
    client.post("/sessions/stop-all/")
    assert "2 sessions are stopping" in text(client.get("/sessions/"))


def test_a_task_is_as_long_as_its_field_lets_it_be_and_no_longer(olu: User) -> None:
    AgentDefinition.objects.get_or_create(name="clerk", defaults={"tools": ["*"]})
    client = come(olu)
    assert f'maxlength="{MAX_TASK}"' in text(client.get("/sessions/new/"))
    # A browser counts a line end once and sends it as two characters.
    task = ("x" * 99 + "\r\n") * (MAX_TASK // 100 - 1) + "x" * 100
    sent = {"agent": "clerk", "task": task, "key": "k"}
    assert client.post("/sessions/new/", sent).status_code == 303
    assert len(Session.objects.get().task) == MAX_TASK
    assert client.post("/sessions/new/", {**sent, "task": f"{task}y"}).status_code == 400
    fork = f"/sessions/{stories.finished(olu).uuid}/fork/?step=1"
    assert f'maxlength="{MAX_TASK}"' in text(client.get(fork))


def test_whom_to_ask_is_said_wherever_somebody_may_not(bob: User, olu: User, ada: User) -> None:
    session = stories.tell([(0, 0, stories.started()), (1, 1, stories.unknown())], olu)
    User.objects.filter(pk=olu.pk).update(first_name="Olu", last_name="Bello")
    client, address = come(bob), f"/sessions/{session.uuid}/"
    for page in ("/sessions/", "/sessions/new/", address, f"{address}fork/"):
        assert re.search(r"[Oo]nly operators can [\w ]+\. Ask Olu Bello\.", text(client.get(page)))
    outcome = session.outcomes.get()
    told = text(client.get(f"/approvals/outcomes/{outcome.uuid}/"))
    assert "Only adjudicators can settle what became of a call. Ask ada." in told
    User.objects.exclude(pk=bob.pk).update(is_active=False)
    assert "Only operators can start a session.  You" in text(client.get("/sessions/new/"))
