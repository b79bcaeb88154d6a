"""One's own page: what a person sets, and the keys that are theirs alone."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from agents import preferences, presence, signin
from agents.models import ApiToken, SignIn
from oversight import devices
from tests.cast import PASSWORD
from tests.oversight import stories

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1"
)
POSTS = [
    "/me/theme/",
    "/me/wishes/",
    "/me/password/",
    "/me/tokens/",
    "/me/tokens/1/revoke/",
    "/me/sign-ins/end-others/",
    "/me/sign-ins/0123456789abcdef/end/",
]


def browser(user: User, agent: str = FIREFOX, strict: bool = False) -> Client:
    client = Client(headers={"user-agent": agent}, enforce_csrf_checks=strict)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.get("/me/")
    return client


def text(client: Client, page: str = "/me/") -> str:
    return client.get(page).content.decode()


def test_a_stranger_has_no_page_of_their_own(client: Client) -> None:
    for page in ("/me/", "/me/password/", "/keys/", "/bell/"):
        assert client.get(page)["Location"].startswith("/signin/"), page
    for page in POSTS:
        assert client.post(page)["Location"].startswith("/signin/"), page
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("page", POSTS)
def test_every_change_needs_the_page_that_it_comes_from(ann: User, page: str) -> None:
    assert browser(ann, strict=True).post(page).status_code == 403


@pytest.mark.parametrize("page", sorted(set(POSTS) - {"/me/password/"}))
def test_looking_changes_nothing(ann: User, page: str) -> None:
    assert browser(ann).get(page).status_code == 405


def test_a_theme_is_the_persons_in_every_browser(ann: User, bob: User) -> None:
    desk, phone = browser(ann), browser(ann, PHONE)
    desk.post("/me/theme/", {"theme": "dark"})
    assert 'data-theme="dark"' in text(phone)
    assert "data-theme" not in text(browser(bob))
    desk.post("/me/theme/", {"theme": "system"})
    assert "data-theme" not in text(phone)


def test_a_theme_stays_where_nobody_has_signed_in_yet(ann: User) -> None:
    client = browser(ann)
    client.post("/me/theme/", {"theme": "dark"})
    client.post("/signout/")
    assert 'data-theme="dark"' in text(client, "/signin/")
    client.cookies["theme"] = '"><script>'
    assert "data-theme" not in text(client, "/signin/")


def test_density_and_switches_are_kept(ann: User) -> None:
    client = browser(ann)
    client.post("/me/wishes/", {"density": "compact"})
    client.post("/me/wishes/", {"shortcuts": "off"})
    client.post("/me/wishes/", {"notify": "on"})
    client.post("/me/wishes/", {"sound": "on"})
    page = text(client, "/sessions/")
    assert 'data-density="compact"' in page
    assert 'data-keys="off"' in page
    assert " data-notify data-sound>" in page
    assert "Turn keys on" in text(client)


def test_what_is_no_choice_is_refused(ann: User) -> None:
    client = browser(ann)
    assert client.post("/me/wishes/", {"density": "airy"}).status_code == 400
    assert client.post("/me/wishes/", {"notify": "perhaps"}).status_code == 303
    assert preferences.of(ann).notify is False


def test_a_token_is_shown_once_and_works_until_it_is_revoked(ann: User, olu: User) -> None:
    client = browser(ann)
    page = client.post("/me/tokens/", {"label": "phone <b>"}).content.decode()
    (token,) = set(re.findall(r"ovs_[\w-]+", page))
    assert token not in text(client)
    assert "phone &lt;b&gt;" in text(client)
    assert not any(token in str(row) for row in ApiToken.objects.values())
    assert _api(token) == 200
    assert "last used" in text(client)
    (row,) = signin.tokens_of(ann)
    assert browser(olu).post(f"/me/tokens/{row.pk}/revoke/").status_code == 404
    assert _api(token) == 200
    client.post(f"/me/tokens/{row.pk}/revoke/")
    assert _api(token) == 401
    assert "phone &lt;b&gt;" not in text(client)


def _api(token: str) -> int:
    answer = Client().get("/api/v1/sessions", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


def test_a_person_sees_where_they_are_signed_in(ann: User, olu: User) -> None:
    desk = browser(ann)
    browser(ann, PHONE)
    browser(olu)
    page = text(desk)
    assert page.count("Firefox on Linux") == 1
    assert page.count("<strong>Safari on an iPhone") == 1
    assert page.count("This browser") == 1
    keys = SignIn.objects.values_list("pk", flat=True)
    assert len(keys) == 3
    assert not any(key in page for key in keys)


def test_one_sign_in_is_ended_from_another(ann: User, olu: User) -> None:
    desk, phone, other = browser(ann), browser(ann, PHONE), browser(olu)
    wanted = presence.mark(phone.cookies[settings.SESSION_COOKIE_NAME].value)
    assert other.post(f"/me/sign-ins/{wanted}/end/").status_code == 404
    assert phone.get("/me/").status_code == 200
    assert desk.post(f"/me/sign-ins/{wanted}/end/").status_code == 303
    assert phone.get("/me/").status_code == 302
    assert desk.get("/me/").status_code == 200


def test_all_other_sign_ins_end_together(ann: User, olu: User) -> None:
    desk, phone, tablet, other = browser(ann), browser(ann, PHONE), browser(ann), browser(olu)
    desk.post("/me/sign-ins/end-others/")
    assert [b.get("/me/").status_code for b in (desk, phone, tablet, other)] == [200, 302, 302, 200]


def test_a_new_password_needs_the_old_one_and_ends_other_sign_ins(ann: User) -> None:
    desk, phone = browser(ann), browser(ann, PHONE)
    new = {"new_password1": "quite another one", "new_password2": "quite another one"}
    assert desk.post("/me/password/", {"old_password": "wrong", **new}).status_code == 400
    assert desk.post("/me/password/", {"old_password": PASSWORD, **new}).status_code == 303
    ann.refresh_from_db()
    assert ann.check_password("quite another one")
    assert desk.get("/me/").status_code == 200
    assert phone.get("/me/").status_code == 302
    assert SignIn.objects.filter(user=ann).count() == 1


def test_who_came_by_a_link_sets_a_first_password(ada: User) -> None:
    ada.set_unusable_password()
    ada.save()
    client = browser(ada)
    assert "old_password" not in text(client, "/me/password/")
    weak = {"new_password1": "ada", "new_password2": "ada"}
    assert client.post("/me/password/", weak).status_code == 400
    good = {"new_password1": "quite another one", "new_password2": "quite another one"}
    assert client.post("/me/password/", good).status_code == 303


def test_being_seen_is_written_at_most_every_few_minutes(ann: User) -> None:
    client = browser(ann)
    before = SignIn.objects.get().seen_at
    client.get("/keys/")
    assert SignIn.objects.get().seen_at == before
    row = SignIn.objects.get()
    session = presence.SessionStore(row.pk)
    session[presence.SEEN] -= presence.SEEN_EVERY + 1
    session.save()
    client.get("/keys/")
    assert SignIn.objects.get().seen_at > before


@pytest.mark.parametrize(
    ("said", "shown"),
    [(FIREFOX, "Firefox on Linux"), (PHONE, "Safari on an iPhone"), ("<b>", "Another program")],
)
def test_a_device_is_named_in_known_words_only(said: str, shown: str) -> None:
    assert devices.words(said) == shown


def test_the_bell_lists_what_waits_without_its_arguments_whole(ann: User, olu: User) -> None:
    approval = stories.waiting(olu, "high")
    page = browser(ann).get("/bell/", headers={"HX-Request": "true"}).content.decode()
    assert f"/approvals/{approval.uuid}/" in page
    assert "<html" not in page
    assert "<html" in text(browser(ann), "/bell/")


def test_the_bell_rings_only_for_what_one_may_see(eve: User, olu: User) -> None:
    stories.waiting(olu, "high")
    assert browser(eve).get("/bell/").status_code == 403


def test_a_wrong_password_is_told_in_the_words_of_the_form(client: Client, ann: User) -> None:
    form = {"username": ann.username, "password": "not this one"}
    page = client.post("/signin/", form).content.decode()
    assert "The name or the password is wrong." in page
    assert page.count(" autofocus") == 1
    assert 'autocomplete="current-password" required autofocus' in page
