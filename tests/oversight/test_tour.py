"""The tour of an empty wall: who is offered it, that it starts once, and that it goes for good."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from agents import preferences
from agents.models import AgentDefinition, Session
from oversight.views.tour import STOPS
from tests.oversight import stories
from tests.oversight.test_access import come

pytestmark = pytest.mark.django_db

OFFER = "Take the two-minute tour"
AWAY = "Put the tour away"


@pytest.fixture(autouse=True)
def _rehearsing(settings: Settings) -> None:
    settings.REHEARSAL = True


def wall(client: Client, query: str = "") -> str:
    return client.get(f"/sessions/{query}").content.decode()


def test_an_empty_wall_offers_it(client: Client, olu: User) -> None:
    assert OFFER in wall(come(client, olu))
    assert OFFER not in wall(client, "?filter=failed")
    assert OFFER not in wall(client, "?q=refund")


def test_it_shows_a_live_run_an_approval_and_a_failure(client: Client, olu: User) -> None:
    answer = come(client, olu).post("/sessions/tour/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sessions/")
    started = list(Session.objects.order_by("pk"))
    assert [session.task for session in started] == [stop.scene.task.strip() for stop in STOPS]
    assert {session.started_by for session in started} == {olu}
    html = wall(client)
    live, approval, failure = started
    assert f'<a href="/sessions/{live.uuid}/">Watch' in html
    assert f'<a href="/sessions/{approval.uuid}/">Decide' in html
    assert f'<a href="/sessions/{failure.uuid}/replay/">Find' in html
    assert 'id="pending"' in client.get(f"/sessions/{approval.uuid}/").content.decode()
    assert OFFER not in html
    assert AWAY in html
    assert AWAY not in wall(client, "?filter=live")


def test_pressed_twice_it_starts_three(client: Client, olu: User) -> None:
    come(client, olu)
    assert client.post("/sessions/tour/").status_code == 303
    first = preferences.of(olu).tour
    assert client.post("/sessions/tour/").status_code == 303
    assert Session.objects.count() == 3
    assert preferences.of(olu).tour == first


def test_each_person_has_ones_own(client: Client, olu: User, ada: User) -> None:
    come(client, olu).post("/sessions/tour/")
    html = wall(come(client, ada))
    assert OFFER not in html
    assert AWAY not in html


def test_put_away_it_stays_away(client: Client, olu: User) -> None:
    come(client, olu).post("/sessions/tour/")
    assert client.post("/sessions/tour/put-away/").status_code == 303
    assert AWAY not in wall(client)
    Session.objects.all().delete()
    assert OFFER not in wall(client)


def test_without_its_sessions_it_is_offered_afresh(client: Client, olu: User) -> None:
    come(client, olu).post("/sessions/tour/")
    Session.objects.all().delete()
    html = wall(client)
    assert AWAY not in html
    assert OFFER in html


def test_a_wall_with_a_session_offers_none(client: Client, olu: User) -> None:
    stories.finished(olu)
    assert OFFER not in wall(come(client, olu))


def test_who_may_not_start_is_not_offered_it(client: Client, bob: User, ann: User) -> None:
    for person in (bob, ann):
        assert OFFER not in wall(come(client, person))
        assert client.post("/sessions/tour/").status_code == 403
    assert not Session.objects.exists()


def test_an_agent_that_is_off_gives_no_tour(client: Client, olu: User) -> None:
    AgentDefinition.objects.filter(name="assistant").update(enabled=False)
    assert OFFER not in wall(come(client, olu))
    assert client.post("/sessions/tour/").status_code == 404


def test_a_real_model_gives_no_tour(client: Client, olu: User, settings: Settings) -> None:
    settings.REHEARSAL = False
    html = wall(come(client, olu))
    assert OFFER not in html
    assert 'href="/sessions/new/"' in html
    assert client.post("/sessions/tour/").status_code == 404
    assert not Session.objects.exists()


@pytest.mark.parametrize("address", ["/sessions/tour/", "/sessions/tour/put-away/"])
def test_a_form_of_another_site_takes_no_tour(address: str, olu: User) -> None:
    strict = come(Client(enforce_csrf_checks=True), olu)
    assert strict.post(address).status_code == 403
    assert not Session.objects.exists()
    assert not preferences.of(olu).tour_over
    assert wall(strict).count("csrfmiddlewaretoken") >= 2
