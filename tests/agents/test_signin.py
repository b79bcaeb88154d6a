"""One-time links and bearer tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agents import roles, signin
from agents.models import ApiToken, SignInLink
from tests.cast import person

pytestmark = pytest.mark.django_db


def test_a_link_works_once(ada: User) -> None:
    token = signin.issue_link(ada)
    assert signin.redeem(token, "127.0.0.1") == ada
    with pytest.raises(signin.LinkRefused, match="used or has expired"):
        signin.redeem(token, "127.0.0.1")


@pytest.mark.parametrize("address", ["10.0.0.5", "", "nonsense", "::ffff:10.0.0.5"])
def test_a_link_works_from_loopback_only_and_is_not_spent_elsewhere(
    ada: User, address: str
) -> None:
    token = signin.issue_link(ada)
    with pytest.raises(signin.LinkRefused, match="machine"):
        signin.redeem(token, address)
    assert signin.redeem(token, "::1") == ada


def test_a_link_expires(ada: User) -> None:
    late = signin.issue_link(ada)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    for dead in (late, "made up"):
        with pytest.raises(signin.LinkRefused):
            signin.redeem(dead, "127.0.0.1")


def test_an_inactive_person_has_no_link(ada: User) -> None:
    token = signin.issue_link(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    with pytest.raises(signin.LinkRefused):
        signin.redeem(token, "127.0.0.1")


def test_every_hop_to_the_browser_must_be_known_and_here(ada: User) -> None:
    token = signin.issue_link(ada)
    for way in ([], ["127.0.0.1", "10.0.0.5"], ["10.0.0.5", "127.0.0.1"]):
        with pytest.raises(signin.LinkRefused, match="machine"):
            signin.redeem(token, *way)
    assert signin.redeem(token, "127.0.0.1", "::ffff:127.0.0.1") == ada


def test_where_there_are_other_people_no_first_admin_is_let_in() -> None:
    assert signin.first_admin()
    person("bob")
    assert signin.first_admin() is None


def test_only_hashes_are_stored(ada: User) -> None:
    link, token = signin.issue_link(ada), signin.issue_token(ada, "ci")
    assert link not in str(SignInLink.objects.values_list())
    assert token not in str(ApiToken.objects.values_list())


def test_the_first_admin_is_made_once() -> None:
    token = signin.first_admin()
    assert token is not None
    user = signin.redeem(token, "127.0.0.1")
    assert roles.can(user, "administer")
    assert not user.has_usable_password()
    assert not user.is_superuser
    assert user.is_staff
    assert signin.first_admin() is None


def test_a_token_is_its_persons_until_revoked(ada: User) -> None:
    token = signin.issue_token(ada)
    assert signin.user_of_token(token) == ada
    assert signin.user_of_token(token + "x") is None
    assert signin.user_of_token("") is None
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert signin.user_of_token(token) is None
    User.objects.filter(pk=ada.pk).update(is_active=True)
    ApiToken.objects.update(revoked=True)
    assert signin.user_of_token(token) is None


def test_the_page_signs_in_by_post_only_with_a_new_key(ada: User, client: Client) -> None:
    client.get("/signin/")
    session = client.session
    session["fixed"] = True
    session.save()
    before, address = session.session_key, f"/signin/link/{signin.issue_link(ada)}/"
    for _ in range(2):
        assert client.get(address).status_code == 200
    assert "_auth_user_id" not in client.session
    answer = client.post(address)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert client.session.session_key != before
    again = Client().post(address)
    assert again.status_code == 403
    assert b"used or has expired" in again.content


def test_the_page_refuses_other_machines_and_forged_posts(ada: User) -> None:
    address = f"/signin/link/{signin.issue_link(ada)}/"
    assert Client(REMOTE_ADDR="192.0.2.1").post(address).status_code == 403
    assert Client(enforce_csrf_checks=True).post(address).status_code == 403
    assert Client().post(address).status_code == 302


def test_a_link_that_was_lost_before_it_was_used_is_issued_again() -> None:
    first = signin.first_admin()
    again = signin.first_admin()
    assert first
    assert again
    assert first != again
