"""A NUL in a request: PostgreSQL takes none in a text, so nothing is looked up by one."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpResponse, parse_cookie
from django.test import Client

from agents import signin
from agents.models import ApiToken, Approval
from agents.presence import SessionStore
from tests.oversight import stories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(ada: User) -> Client:
    client = Client()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    return client


def refused(answer: Any) -> bool:
    assert isinstance(answer, HttpResponse)
    assert "Content-Security-Policy" in answer.headers
    return answer.status_code == 400 and b"could not be read" in answer.content


@pytest.mark.parametrize(
    "address",
    [
        "/sessions/?q=a%00b",
        "/history/?q=%00",
        "/insights/?agent=%00",
        "/sessions/new/tools/?agent=%00",
        "/sessions/?%00=a",
        "/admin/agents/tool/%00/change/",
        "/admin/agents/tool/?q=%00",
    ],
)
def test_an_address_that_holds_one_is_refused_with_a_page(client: Client, address: str) -> None:
    assert refused(client.get(address))


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
def test_a_form_that_holds_one_is_refused_and_does_nothing(client: Client, form: str) -> None:
    approval = stories.waiting(risk="low")
    addresses = {
        "/me/tokens/": {"label": "ci\x00"},
        "/sessions/new/": {"agent": "a\x00", "task": "x"},
        f"/approvals/{approval.uuid}/deny/": {"digest": "\x00", "reason": "no"},
    }
    for address, fields in addresses.items():
        if form == "multipart":
            answer = client.post(address, fields)
        else:
            text = "&".join(f"{name}={quote(value)}" for name, value in fields.items())
            answer = client.post(address, text, "application/x-www-form-urlencoded")
        assert refused(answer), address
    assert not ApiToken.objects.exists()
    assert Approval.objects.get().state == "pending"


@pytest.mark.parametrize("header", ["User-Agent", "Authorization"])
def test_a_header_that_holds_one_is_refused(client: Client, header: str) -> None:
    assert refused(client.get("/sessions/", headers={header: "a\x00b"}))


def test_the_api_refuses_one_in_its_own_shape(ada: User) -> None:
    token = {"Authorization": f"Bearer {signin.issue_token(ada)}"}
    answer = Client().get("/api/v1/tools?x=%00", headers=token)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


def test_a_huge_form_is_refused_as_before(client: Client) -> None:
    huge = "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    assert refused(client.post("/me/tokens/", {"label": huge}))


@pytest.mark.parametrize("said", [r'"\000abcdefgh"', "abcdefgh-ijk"])
def test_a_cookie_that_no_column_takes_is_nobodys_and_looked_up_nowhere(said: str) -> None:
    key = parse_cookie(f"{settings.SESSION_COOKIE_NAME}={said}")[settings.SESSION_COOKIE_NAME]
    assert len(key) > 8
    assert SessionStore(key).session_key is None
    client = Client(headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={said}"})
    assert client.get("/sessions/").status_code == 302
