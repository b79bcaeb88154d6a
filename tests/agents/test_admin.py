"""The stock admin: what may be edited there, and what may only be read."""

from __future__ import annotations

import json

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from agents import roles, signin
from agents.admin_site import SECTIONS
from agents.models import (
    AgentDefinition,
    ApiToken,
    Approval,
    Cap,
    Event,
    McpServer,
    Outcome,
    RoleAssignment,
    Session,
)
from tests.agents.mapping import Mapping

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(ada: User, client: Client) -> Client:
    client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    return client


def test_every_page_opens_for_an_admin(desk: Client) -> None:
    assert desk.get("/admin/").status_code == 200
    for model in admin.site._registry:
        page = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert desk.get(page).status_code == 200, page


def test_nobody_else_gets_in(olu: User, client: Client) -> None:
    page = "/admin/agents/tool/"
    asked = client.get(page)
    assert (asked.status_code, asked["Location"]) == (302, f"/admin/login/?next={page}")
    assert client.get(asked["Location"])["Location"] == f"/signin/?next={page}"
    client.force_login(olu, "django.contrib.auth.backends.ModelBackend")
    for staff in (False, True):
        User.objects.filter(pk=olu.pk).update(is_staff=staff)
        for address in (page, "/admin/", "/admin/login/", "/admin/auth/user/"):
            refused = client.get(address)
            assert refused.status_code == 403
            assert b"Only administrators" in refused.content


def test_whoever_loses_the_role_loses_the_admin(desk: Client) -> None:
    RoleAssignment.objects.all().delete()
    assert desk.get("/admin/agents/tool/").status_code == 403


@pytest.mark.parametrize("model", [Session, Event, Approval, Outcome])
def test_the_record_is_read_only_even_for_superusers(
    desk: Client, ada: User, model: type[Session]
) -> None:
    User.objects.filter(pk=ada.pk).update(is_superuser=True)
    Session.objects.create(agent="a", title="t", task="t")
    page = f"/admin/agents/{model._meta.model_name}/"
    assert desk.get(f"{page}add/").status_code == 403
    assert desk.post(f"{page}1/delete/", {"post": "yes"}).status_code in (302, 403)
    listing = desk.post(page, {"action": "delete_selected", "_selected_action": "1"})
    assert listing.status_code in (200, 302)
    assert Session.objects.count() == 1


def test_json_is_checked(desk: Client) -> None:
    form = {
        "name": "x",
        "model": "m",
        "tools": "[]",
        "max_auto_risk": "low",
        "compaction": "summary",
        "limit_steps": "3.5",
        "limit_usd": "2.5",
        "ceiling_usd": "20",
        "loop_cycle": "0",
        "loop_answer_seconds": "60",
        "unattended": "on",
        "max_tokens": 100,
        "window": 10000,
        "approval_seconds": 60,
        "thinking": "null",
        "settings": '{"keep_turns": 2}',
    }
    page = "/admin/agents/agentdefinition/add/"
    assert b"a whole number is needed" in desk.post(page, form).content
    form |= {"limit_steps": "3", "settings": '{"keep_turn": 2}'}
    assert b"keep_turn: no such setting" in desk.post(page, form).content
    form |= {"settings": '{"keep_turns": 2}'}
    assert desk.post(page, form).status_code == 302
    row = AgentDefinition.objects.get(name="x")
    assert (row.limits, row.ceilings) == ({"steps": 3, "usd": 2.5}, {"usd": 20})
    loops = {"cycle": 0, "answer_seconds": 60}
    assert row.settings == {"keep_turns": 2, "loops": loops, "unattended": True}


def test_what_raises_a_calls_risk_and_who_takes_over_are_fields(desk: Client) -> None:
    agent = AgentDefinition.objects.get()
    gate = {"taint": False, "sends": ["mail"], "cumulative": True}
    agent.settings = {"gate": gate, "pollable": ["a"]}
    agent.save()
    page = f"/admin/agents/agentdefinition/{agent.pk}/change/"
    shown = Mapping(desk).look(page).fields
    assert (shown["sends"].strip(), shown["tally_low"], shown["tally_medium"]) == (
        "mail",
        "20",
        "5",
    )
    edited = {"untrusted": "web__*", "tally_low": "", "fallback_model": " other "}
    del shown["untainted"]
    assert desk.post(page, shown | edited).status_code == 302
    agent.refresh_from_db()
    assert agent.settings == {
        "pollable": ["a"],
        "fallback_model": "other",
        "gate": {"untrusted": ["web__*"], "sends": ["mail"], "cumulative": {"medium": 5}},
    }


def test_instructions_that_nobody_touched_stay_to_the_last_character(desk: Client) -> None:
    agent = AgentDefinition.objects.get()
    agent.system = "Look things up.\n\n  Then act.\n"
    agent.save()
    page = f"/admin/agents/agentdefinition/{agent.pk}/change/"
    shown = Mapping(desk).look(page).fields
    sent = shown["system"].replace("\n", "\r\n")  # as a browser does
    assert desk.post(page, shown | {"system": sent, "title": "Another"}).status_code == 302
    assert AgentDefinition.objects.get().system == agent.system
    assert "Changed Title." in desk.get(page.replace("change", "history")).content.decode()


@pytest.mark.parametrize("key", ["loops", "unattended", "fallback_model", "gate"])
def test_what_has_a_field_is_not_lost_in_the_json_of_the_rest(desk: Client, key: str) -> None:
    agent = AgentDefinition.objects.get()
    agent.settings = {"keep_turns": 2, "loops": {"cycle": 4}}
    agent.save()
    page = f"/admin/agents/agentdefinition/{agent.pk}/change/"
    shown = Mapping(desk).look(page).fields
    assert json.loads(shown["settings"]) == {"keep_turns": 2}
    for value in ({"rounds": 3}, 5, None, [1]):
        answer = desk.post(page, shown | {"settings": json.dumps({key: value})})
        assert f"{key} has fields above: fill in those." in answer.content.decode()
    agent.refresh_from_db()
    assert agent.settings == {"keep_turns": 2, "loops": {"cycle": 4}}
    assert desk.post(page, shown | {"settings": "  "}).status_code == 302
    agent.refresh_from_db()
    assert agent.settings == {"loops": {"cycle": 4}}, "left empty, it is an empty table"


@pytest.mark.parametrize("text", ["{", "9" * 5000, '{"keep_turns": ' + "[" * 100_000])
def test_json_that_cannot_be_read_stays_in_its_field(desk: Client, text: str) -> None:
    page = f"/admin/agents/agentdefinition/{AgentDefinition.objects.get().pk}/change/"
    answer = desk.post(page, Mapping(desk).look(page).fields | {"settings": text})
    assert answer.status_code == 200
    assert "This is no JSON." in answer.content.decode()
    assert answer.context["adminform"].form["settings"].value() == text


def test_the_days_cap_is_edited_and_shows_what_is_used(desk: Client) -> None:
    cap, _ = Cap.objects.get_or_create(name="day")
    page = f"/admin/agents/cap/{cap.pk}/change/"
    assert b"$0.00, 0 tokens" in desk.get(page).content
    assert b"Must be from 0 to 1000000000." in desk.post(page, {"usd": "-1"}).content
    assert desk.post(page, {"usd": "12.50", "tokens": ""}).status_code == 302
    cap.refresh_from_db()
    assert (float(cap.usd or 0), cap.tokens) == (12.5, None)


def test_lists_and_tables_are_lines_of_text(desk: Client) -> None:
    agent = AgentDefinition.objects.get()
    page = f"/admin/agents/agentdefinition/{agent.pk}/change/"
    shown = Mapping(desk).look(page)
    assert shown.fields["tools"].split() == agent.tools
    edited = {"tools": " bank__* \r\n\r\nread_file"}
    assert desk.post(page, shown.fields | edited).status_code == 302
    agent.refresh_from_db()
    assert agent.tools == ["bank__*", "read_file"]
    form = {"name": "m", "command": "python\nserver.py", "timeout": 60}
    for wrong, said in [
        ("MODE", b"must look like name = value"),
        ("A = 1\nA = 2", b"A is there twice"),
        ("{", b"neither lines of text nor JSON"),
    ]:
        add = "/admin/agents/mcpserver/add/"
        assert said in desk.post(add, form | {"env": wrong}).content


@pytest.mark.parametrize("command", [["a", "b c"], ["sh", "-c", "x\ny"], ["[x"], ["a", " b", ""]])
def test_what_a_form_shows_of_a_command_saves_the_same(desk: Client, command: list[str]) -> None:
    server = McpServer.objects.create(name="m", command=command, env={"A": "x = y"})
    page = f"/admin/agents/mcpserver/{server.pk}/change/"
    answer = desk.post(page, Mapping(desk).look(page).fields)
    assert answer.status_code == 302, answer.context["errors"]
    server.refresh_from_db()
    assert (server.command, server.env) == (command, {"A": "x = y"})


def test_a_server_on_a_host_without_a_dot(desk: Client) -> None:
    form = {"name": "m", "command": "[]", "env": "{}", "timeout": 60, "url": "http://mcp:9000/mcp"}
    assert desk.post("/admin/agents/mcpserver/add/", form).status_code == 302
    assert McpServer.objects.get().url == "http://mcp:9000/mcp"
    both = form | {"name": "n", "command": '["x"]'}
    assert b"either a command or a url" in desk.post("/admin/agents/mcpserver/add/", both).content


def test_a_token_is_only_revoked_there(desk: Client, olu: User) -> None:
    token = signin.issue_token(olu)
    row = ApiToken.objects.get()
    page = f"/admin/agents/apitoken/{row.pk}/change/"
    shown = desk.get(page).content.decode()
    assert row.digest not in shown
    assert desk.post(page, {"revoked": "on"}).status_code == 302
    assert signin.user_of_token(token) is None


def test_the_admin_role_opens_the_admin(desk: Client, eve: User) -> None:
    form = {"user": eve.pk, "role": "admin", "highest_risk": "high"}
    assert desk.post("/admin/agents/roleassignment/add/", form).status_code == 302
    eve.refresh_from_db()
    assert roles.can(eve, "administer")
    assert eve.is_staff


def test_every_page_has_its_place_in_the_settings() -> None:
    named = [name for held in SECTIONS.values() for name in held]
    assert sorted(named) == sorted(model.__name__ for model in admin.site._registry)


def test_a_list_has_one_search_and_says_what_to_do_when_it_is_empty(desk: Client) -> None:
    McpServer.objects.create(name="m", command=["x"])
    listed = desk.get("/admin/agents/mcpserver/").content.decode()
    assert listed.count('role="search"') == 1
    head = listed[: listed.index("<main")]
    assert 'role="search"' not in head
    assert "Add an MCP server" not in listed
    McpServer.objects.all().delete()
    empty = desk.get("/admin/agents/mcpserver/").content.decode()
    assert "No tool comes from outside yet. Add an MCP server" in empty
    assert "New MCP server" in empty
    assert "Nothing is like that." in desk.get("/admin/agents/mcpserver/?q=zz").content.decode()


def test_what_was_saved_is_said_in_words_and_not_in_markup(desk: Client) -> None:
    form = {"name": "m", "command": "x", "timeout": 60, "enabled": "on"}
    saved = desk.post("/admin/agents/mcpserver/add/", form, follow=True).content.decode()
    said = saved[saved.index('class="messages"') : saved.index("</ul>", saved.index("messages"))]
    assert "was added successfully" in said
    assert "&lt;a href" not in said


def test_nothing_of_a_password_is_shown_and_a_new_person_is_given_a_role(
    desk: Client, ada: User
) -> None:
    ada.set_password("a good long password")
    ada.save()
    desk.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    shown = desk.get(f"/admin/auth/user/{ada.pk}/change/").content.decode()
    assert "pbkdf2" not in shown
    assert "algorithm" not in shown
    assert "Set another" in shown
    made = Mapping(desk).look("/admin/auth/user/add/").fields
    assert "roles-0-role" in made
    words = {"password1": "a good long password", "password2": "a good long password"}
    form = made | words | {"username": "zoe", "roles-0-role": "viewer"}
    assert desk.post("/admin/auth/user/add/", form).status_code == 302
    assert roles.can(User.objects.get(username="zoe"), "view")


def test_how_a_model_thinks_is_chosen_and_what_a_file_said_stays(desk: Client) -> None:
    agent = AgentDefinition.objects.get()
    agent.thinking = {"type": "enabled", "budget_tokens": 2000}
    agent.save()
    page = f"/admin/agents/agentdefinition/{agent.pk}/change/"
    shown = Mapping(desk).look(page).fields
    assert desk.post(page, shown).status_code == 302
    agent.refresh_from_db()
    assert agent.thinking == {"type": "enabled", "budget_tokens": 2000}
    assert desk.post(page, shown | {"thinking": '{"type": "adaptive"}'}).status_code == 302
    agent.refresh_from_db()
    assert agent.thinking == {"type": "adaptive"}
    assert b"Choose how the model thinks." in desk.post(page, shown | {"thinking": "{"}).content
