"""How the admin's lists, forms and record read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agents import signin
from agents.admin.kinds import MOVED, RETYPE
from agents.admin.people import TWICE
from agents.admin.record import laid_out
from agents.core import events
from agents.journal import Append, entry, journal
from agents.models import (
    AgentDefinition,
    AlertRule,
    AlertTarget,
    ApiToken,
    Approval,
    Event,
    Outcome,
    RoleAssignment,
)
from tests.agents import mapping
from tests.agents.desk import Desk
from tests.agents.test_roles import approval

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(ada: User, client: Client) -> Client:
    client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    return client


def text(page: Client, address: str) -> str:
    answer = page.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_cell_says_its_column_where_a_phone_shows_rows_as_cards(page: Client) -> None:
    AlertTarget.objects.create(name="<b>", kind="email", address="a@shop.example")
    listed = text(page, "/admin/agents/alerttarget/")
    assert '<td data-label="Address" class="field-address">a@shop.example</td>' in listed
    assert '<th data-label="Name" class="field-name"><a' in listed
    assert "<b></a>" not in listed


def test_the_boxes_of_a_list_that_is_edited_keep_their_place(page: Client) -> None:
    listed = text(page, "/admin/agents/alertrule/")
    assert listed.count('data-label="Enabled"') == AlertRule.objects.count()
    assert 'value="Save"' in listed


def test_a_filter_says_what_it_is_set_to_and_is_left_with_one_link(page: Client) -> None:
    AlertTarget.objects.create(name="m", kind="email", address="a@shop.example")
    every = text(page, "/admin/agents/alerttarget/")
    assert "Kind: <span>All</span>" in every
    assert "Show everything" not in every
    some = text(page, "/admin/agents/alerttarget/?kind__exact=email&q=m")
    assert "Kind: <span>E-mail</span>" in some
    assert '<a href="?">Show everything</a>' in some
    assert '<input type="hidden" name="kind__exact" value="email">' in some, "a search keeps it"


def test_the_column_that_sorts_says_so_and_turns_round(page: Client) -> None:
    AlertTarget.objects.create(name="m", kind="email", address="a@shop.example")
    assert 'aria-sort="ascending"' in text(page, "/admin/agents/alerttarget/")
    assert 'aria-sort="descending"' in text(page, "/admin/agents/alerttarget/?o=-1")


def test_an_event_names_the_person_and_lays_out_what_it_says(page: Client, ada: User) -> None:
    desk = Desk()
    journal.append(Append(desk.row.pk, [entry(events.Message("m", "Go on."), f"human:{ada.pk}")]))
    row = Event.objects.get(kind="message")
    assert '<td data-label="By" class="field-by">ada</td>' in text(page, "/admin/agents/event/")
    shown = text(page, f"/admin/agents/event/{row.pk}/change/")
    assert "&quot;text&quot;: &quot;Go on.&quot;" in shown
    assert row.digest in shown


def test_what_is_not_seen_is_written_out_in_the_record() -> None:
    class Row:
        arguments = json.dumps({"to": "a\u202eb é"}, ensure_ascii=False)

    shown = laid_out("arguments", "Arguments")(None, Row())
    assert "a⟦U+202E⟧b é" in shown
    Row.arguments = "{no JSON"
    assert laid_out("arguments", "Arguments")(None, Row()) == "<pre>{no JSON</pre>"


def test_the_newest_decision_stands_first(page: Client) -> None:
    desk, now = Desk(), timezone.now()
    for days, tool in ((9, "older"), (1, "newer")):
        row = approval(desk.row)
        asked = {"tool": tool, "requested_at": now - timedelta(days=days)}
        Approval.objects.filter(pk=row.pk).update(**asked)
        Outcome.objects.create(
            session=desk.row,
            uuid=uuid.uuid4(),
            step=1,
            call_id=tool,
            tool=tool,
            arguments="{}",
            idempotency_key="k",
            started_at=now - timedelta(days=days),
            state="not_happened",
        )
    for kind in ("approval", "outcome"):
        listed = text(page, f"/admin/agents/{kind}/")
        rows = listed[listed.index('id="result_list"') :]
        assert rows.index(">newer<") < rows.index(">older<")
    listed = text(page, "/admin/agents/outcome/")
    assert "Not happened" in listed
    assert "Not Happened" not in listed


def test_a_form_leaves_nothing_to_scripts_and_a_deletion_can_be_declined(page: Client) -> None:
    row = AlertTarget.objects.create(name="m", kind="email", address="a@shop.example")
    own = f"/admin/agents/alerttarget/{row.pk}/change/"
    asked = text(page, f"/admin/agents/alerttarget/{row.pk}/delete/")
    assert f'<a class="button" href="{own}">Keep it</a>' in asked
    assert "cancel-link" not in asked
    assert "Delete…" in text(page, own)
    page.post(f"/admin/agents/alerttarget/{row.pk}/delete/", {"post": "yes"})
    assert not AlertTarget.objects.exists()


def test_what_goes_with_a_person_is_said_before_they_are_deleted(page: Client, olu: User) -> None:
    asked = text(page, f"/admin/auth/user/{olu.pk}/delete/")
    assert "With it goes: Roles, 1." in asked


def test_a_person_who_has_a_token_can_be_deleted_and_it_goes_with_them(
    page: Client, olu: User
) -> None:
    signin.issue_token(olu)
    address = f"/admin/auth/user/{olu.pk}/delete/"
    assert "With it goes: API tokens, 1." in text(page, address)
    assert page.post(address, {"post": "yes"}).status_code == 302
    assert not ApiToken.objects.exists()
    assert not User.objects.filter(pk=olu.pk).exists()


def test_a_role_without_a_group_is_for_every_agent_and_says_so(page: Client, olu: User) -> None:
    assert '<option value="" selected>Every agent</option>' in text(
        page, f"/admin/auth/user/{olu.pk}/change/"
    )
    assert RoleAssignment.objects.filter(user=olu, group=None).exists()
    without_scripts = f"/admin/agents/roleassignment/add/?user={olu.pk}"
    assert without_scripts in text(page, f"/admin/auth/user/{olu.pk}/change/")
    assert f'<option value="{olu.pk}" selected>olu</option>' in text(page, without_scripts)
    assert "every agent" in text(page, "/admin/agents/roleassignment/")


def test_an_edit_is_in_the_history_of_its_page(page: Client) -> None:
    row = AlertTarget.objects.create(name="m", kind="email", address="a@shop.example")
    address = f"/admin/agents/alerttarget/{row.pk}"
    assert "Nobody has edited it here." in text(page, f"{address}/history/")
    form = {"name": "m", "kind": "email", "address": "b@shop.example", "enabled": "on"}
    assert page.post(f"{address}/change/", form).status_code == 302
    assert "Changed Address" in text(page, f"{address}/history/")


def test_what_is_wrong_is_said_in_the_words_of_the_page(page: Client) -> None:
    form = {"name": "a b", "kind": "email", "address": "a@shop.example"}
    assert "Only letters, digits, - and _." in _refused(page, "agents/alerttarget", form)
    AlertTarget.objects.create(name="m", kind="email", address="a@shop.example")
    form["name"] = "m"
    assert "Another alert target has this name." in _refused(page, "agents/alerttarget", form)
    server = {"name": "m", "timeout": "60"}
    assert "Say either a command or a url" in _refused(page, "agents/mcpserver", server)


def test_nobody_overwrites_unawares_what_somebody_else_has_saved(page: Client) -> None:
    agent = AgentDefinition.objects.create(name="a", model="m", max_auto_risk="high")
    address = f"/admin/agents/agentdefinition/{agent.pk}/change/"
    mine = mapping.Mapping(page).look(address).fields
    assert page.post(address, mine | {"max_auto_risk": "safe"}).status_code == 302
    late = page.post(address, mine | {"title": "Clerk"})
    assert MOVED in late.content.decode()
    agent.refresh_from_db()
    assert (agent.max_auto_risk, agent.title) == ("safe", "")
    again = mapping.Shown(200, late.content.decode()).fields
    assert (again["max_auto_risk"], again["title"]) == ("high", "Clerk"), "it stays as typed"
    assert page.post(address, again).status_code == 302
    agent.refresh_from_db()
    assert (agent.max_auto_risk, agent.title) == ("high", "Clerk"), "who was told may"
    history = text(page, address.replace("change", "history"))
    assert "Seen" not in history


def test_a_secret_that_was_typed_meanwhile_is_to_be_typed_again(page: Client) -> None:
    target = AlertTarget.objects.create(name="m", kind="email", address="a@shop.example")
    address = f"/admin/agents/alerttarget/{target.pk}/change/"
    mine = mapping.Mapping(page).look(address).fields
    AlertTarget.objects.update(sealed="another's")
    typed = {"kind": "apprise", "secret": "json://example.com/new"}
    assert MOVED + RETYPE in page.post(address, mine | typed).content.decode()
    assert MOVED + RETYPE not in page.post(address, mine | {"name": "n"}).content.decode()


def test_a_role_is_not_given_twice(page: Client, olu: User) -> None:
    role = {"user": olu.pk, "role": "operator", "highest_risk": "high"}
    refused = _refused(page, "agents/roleassignment", role)
    assert TWICE in refused
    assert "onstraint" not in refused, "said once, in words, at its field"
    assert 'aria-describedby="id_role_error"' in refused
    rows = {"roles-TOTAL_FORMS": 2, "roles-INITIAL_FORMS": 0, "username": "nia"}
    rows |= {"password1": "long enough words", "password2": "long enough words"}
    for row in (0, 1):
        rows |= {f"roles-{row}-role": "approver", f"roles-{row}-highest_risk": "high"}
    assert TWICE in _refused(page, "auth/user", rows)
    rows |= {"roles-1-role": "operator"}
    assert page.post("/admin/auth/user/add/", rows).status_code == 302
    assert RoleAssignment.objects.filter(user__username="nia").count() == 2


def _refused(page: Client, kind: str, form: Mapping[str, object]) -> str:
    answer = page.post(f"/admin/{kind}/add/", form)
    assert answer.status_code == 200
    return answer.content.decode()
