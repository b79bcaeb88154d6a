"""Whose address counts: the peer's, or what proxies that are trusted say, read from the right."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from agents import signin
from agents.models import SignInLink
from oversight import proxies
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db

FORWARDED = "X-Forwarded-For"


def seen(peer: str, **headers: str) -> list[str]:
    return proxies.way(RequestFactory(REMOTE_ADDR=peer).get("/", headers=headers))


@pytest.fixture
def trusted(settings: Any) -> None:
    settings.OVERSIGHT_PROXIES = [ip_network("127.0.0.1"), ip_network("10.0.0.0/8")]


@pytest.mark.parametrize(
    ("peer", "said", "way"),
    [
        ("127.0.0.1", "", ["127.0.0.1"]),
        ("127.0.0.1", "192.0.2.7", ["127.0.0.1", "192.0.2.7"]),
        ("127.0.0.1", "127.0.0.1, 192.0.2.7", ["127.0.0.1", "192.0.2.7"]),
        ("127.0.0.1", "192.0.2.7, 10.1.2.3", ["127.0.0.1", "10.1.2.3", "192.0.2.7"]),
        ("127.0.0.1", "10.1.2.3", ["127.0.0.1", "10.1.2.3"]),
        ("127.0.0.1", " , 192.0.2.7:4711", ["127.0.0.1", "192.0.2.7"]),
        ("127.0.0.1", "[2001:db8::1]:4711", ["127.0.0.1", "2001:db8::1"]),
        ("127.0.0.1", "192.0.2.7, unknown", ["127.0.0.1", ""]),
        ("::ffff:127.0.0.1", "::ffff:192.0.2.7", ["127.0.0.1", "192.0.2.7"]),
        ("192.0.2.1", "127.0.0.1", ["192.0.2.1", ""]),
        ("", "127.0.0.1", ["", ""]),
    ],
)
@pytest.mark.usefixtures("trusted")
def test_the_way_leads_over_trusted_proxies_to_the_first_address_that_is_none(
    peer: str, said: str, way: list[str]
) -> None:
    assert seen(peer, **({FORWARDED: said} if said else {})) == way


@pytest.mark.parametrize("sign", [FORWARDED, "Forwarded", "X-Forwarded-Proto", "X-Real-IP", "Via"])
def test_without_a_trusted_proxy_a_forwarded_request_comes_from_nobody_knows_where(
    sign: str,
) -> None:
    assert seen("127.0.0.1", **{sign: "127.0.0.1"}) == ["127.0.0.1", ""]


@pytest.mark.usefixtures("trusted")
def test_a_trusted_proxy_that_does_not_say_for_whom_leads_nowhere() -> None:
    assert seen("127.0.0.1", **{"X-Forwarded-Proto": "https"}) == ["127.0.0.1", ""]


def spend(user: User, peer: str, **headers: str) -> int:
    address = f"/signin/link/{signin.issue_link(user)}/"
    status = Client(REMOTE_ADDR=peer).post(address, headers=headers).status_code
    left = SignInLink.objects.filter(used_at=None).exists()
    assert left == (status == 403), "a link that is refused is not spent"
    SignInLink.objects.all().delete()
    return status


@pytest.mark.parametrize("sign", [FORWARDED, "Forwarded", "X-Forwarded-Proto"])
def test_the_sign_in_link_is_refused_through_a_proxy_that_is_not_trusted(
    ada: User, sign: str
) -> None:
    assert spend(ada, "127.0.0.1", **{sign: "127.0.0.1"}) == 403
    assert spend(ada, "127.0.0.1") == 302


@pytest.mark.usefixtures("trusted")
def test_through_a_trusted_proxy_the_sign_in_link_works_on_the_machine_itself_only(
    ada: User,
) -> None:
    assert spend(ada, "127.0.0.1", **{FORWARDED: "192.0.2.7"}) == 403
    assert spend(ada, "127.0.0.1", **{FORWARDED: "127.0.0.1, 192.0.2.7"}) == 403
    assert spend(ada, "10.0.0.1", **{FORWARDED: "127.0.0.1"}) == 403
    assert spend(ada, "127.0.0.1", **{FORWARDED: "127.0.0.1"}) == 302


def tries(password: str, **headers: str) -> Any:
    return Client().post("/signin/", {"username": "ann", "password": password}, headers=headers)


@pytest.mark.usefixtures("trusted")
def test_guessing_locks_out_the_guesser_and_not_whom_he_guesses_at(ann: User) -> None:
    for n in range(5):
        tries("wrong", **{FORWARDED: f"10.9.9.{n}, 198.51.100.{n}, 192.0.2.7"})
    assert tries(PASSWORD, **{FORWARDED: "192.0.2.7"}).status_code == 429
    assert tries(PASSWORD, **{FORWARDED: "192.0.2.8"}).status_code == 302


def test_nobody_escapes_the_lock_by_saying_that_he_is_another(ann: User) -> None:
    for n in range(5):
        tries("wrong", **{FORWARDED: f"192.0.2.{n}"})
    assert tries(PASSWORD, **{FORWARDED: "192.0.2.99"}).status_code == 429


def test_who_is_locked_out_reads_until_when_on_a_page_like_the_others(ann: User) -> None:
    answers = [tries("wrong") for _ in range(6)]
    said = answers[-1].content.decode()
    assert answers[-1].status_code == 429
    assert "Too many tries" in said
    assert "5 min" in said
    assert "Oversight" in said
