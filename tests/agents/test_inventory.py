"""A server's tools are known before a session asks for them."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agents import inventory
from agents.inventory import Inventory
from agents.models import McpServer, Tool
from tests.agents.mapping import Mapping
from tests.servers import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
LIAR = [sys.executable, str(ROOT / "tests/agents/toolbox/servers/liar.py")]


def page(server: McpServer) -> str:
    return f"/admin/agents/mcpserver/{server.pk}/change/"


async def look() -> None:
    """One worker's look, to its end."""
    worker = Inventory()
    await worker._look()
    for task in list(worker._asking):
        await task
    await worker.close()


def test_a_new_servers_tools_are_listed_before_any_session(ada: User, client: Client) -> None:
    server = McpServer.objects.create(name="liar", command=[*LIAR, "exclusions"])
    async_to_sync(look)()
    assert Tool.objects.filter(server="liar", risk="high", reviewed=False).count() >= 2
    client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    shown = Mapping(client).look(page(server)).text
    assert "tools. Not offered to agents: liar__bomb" in shown
    assert "parts; liar__" in shown, "each by itself"
    assert "Review 3 of them" in shown


async def test_a_server_that_cannot_be_asked_says_why_and_is_asked_again_later() -> None:
    server = await McpServer.objects.acreate(name="gone", command=["/no/such/program"])
    await look()
    await server.arefresh_from_db()
    said = server.listing_problem
    assert said
    assert said != McpServer.ASKED
    asked = server.listed_at
    await look()
    await server.arefresh_from_db()
    assert server.listed_at == asked, "not at once"
    server.listed_at = timezone.now() - inventory.AGAIN - timedelta(seconds=1)
    await server.asave()
    await look()
    await server.arefresh_from_db()
    assert server.listed_at is not None
    assert asked is not None
    assert server.listed_at > asked


def test_a_server_is_asked_by_one_worker_and_again_only_when_it_is_reached_otherwise() -> None:
    server = McpServer.objects.create(name="a", command=["x"])
    assert [pk for pk, _ in inventory._claim()] == [server.pk]
    assert inventory._claim() == []
    server.refresh_from_db()
    server.timeout = 9
    server.save()
    assert inventory._claim() == []
    server.env = {"MODE": "live"}
    server.save()
    assert [pk for pk, _ in inventory._claim()] == [server.pk]
    McpServer.objects.create(name="off", command=["x"], enabled=False)
    assert inventory._claim() == []


def test_of_two_workers_that_look_at_once_one_asks_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = McpServer.objects.create(name="a", command=["x"])
    real, others = inventory.config_of, []

    def config_of(row: McpServer) -> object:
        monkeypatch.setattr(inventory, "config_of", real)
        others.extend(inventory._claim())  # while we have read the row and not yet claimed it
        return real(row)

    monkeypatch.setattr(inventory, "config_of", config_of)
    assert inventory._claim() == []
    assert [pk for pk, _ in others] == [server.pk]


def test_what_may_be_secret_is_never_shown_and_stays(ada: User, client: Client) -> None:
    client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    env = {"MODE": "test", "API_KEY": "abc", "OTHER": "hunter2-hunter2"}
    server = McpServer.objects.create(name="a", command=["x"], env=env)
    admin = Mapping(client)
    shown = admin.look(page(server))
    assert "hunter2" not in shown.html
    assert "abc" not in shown.fields["env"]
    assert "MODE = test" in shown.fields["env"]
    assert client.post(page(server), shown.fields).status_code == 302
    server.refresh_from_db()
    assert server.env == env
    edited = shown.fields["env"].replace("OTHER", "ANOTHER")
    refused = client.post(page(server), shown.fields | {"env": edited})
    assert b"Say the value of ANOTHER." in refused.content
    fresh = shown.fields["env"].replace("MODE = test", "MODE = live")
    client.post(page(server), shown.fields | {"env": fresh})
    server.refresh_from_db()
    assert server.env == env | {"MODE": "live"}


def test_whoever_saves_a_server_sees_what_it_offers(ada: User, client: Client) -> None:
    client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    form = {"name": "m", "command": "python\nserver.py", "timeout": 60, "enabled": "on"}
    answer = client.post("/admin/agents/mcpserver/add/", form)
    server = McpServer.objects.get()
    assert answer["Location"] == page(server)
    assert "A worker is asking it for its tools" in Mapping(client).look(page(server)).text
    McpServer.objects.update(listed_as="x", listing_problem="It died.")
    assert "It could not be asked: It died." in Mapping(client).look(page(server)).text
    client.post(page(server), form)
    server.refresh_from_db()
    assert server.listed_as == "", "saving asks it again"
