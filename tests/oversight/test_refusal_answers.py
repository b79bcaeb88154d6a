"""What a person may answer on the page when the model refused."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.core import events
from agents.journal import read
from tests.agents.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(olu: User) -> Desk:
    """A session whose model refused."""
    made = Desk(olu)
    details = {"type": "refusal", "category": "cyber", "explanation": "No exploits."}
    made.write(events.TurnDiscarded("refusal", "No exploits.", {}, 1, stop_details=details))
    made.park("waiting_input")
    made.row.question, made.row.asking = "refusal", "The model refused (cyber): No exploits."
    made.row.save()
    return made


def test_the_page_shows_the_refusal_and_offers_every_answer(desk: Desk, olu: User) -> None:
    client = Client()
    client.force_login(olu)
    page = client.get(f"/sessions/{desk.row.uuid}/").content.decode()
    assert "The model refused" in page
    assert "cyber" in page
    assert "No exploits." in page
    for field in ('name="replaces"', 'name="withholds"', 'name="model"', "do=stop"):
        assert field in page


def test_an_answer_on_the_page_says_it_another_way_or_takes_another_model(
    desk: Desk, olu: User
) -> None:
    client = Client()
    client.force_login(olu)
    form = {"text": "Check the lock.", "replaces": "yes", "withholds": "yes"}
    assert client.post(f"/sessions/{desk.row.uuid}/message/", form).status_code in (204, 303)
    told = read(desk.row.pk, 0)[-1].fact
    assert told == events.Message("olu", "Check the lock.", replaces=True, withholds=True)
    desk.park("waiting_input")
    answer = {"model": "claude-haiku-5-5"}
    assert client.post(f"/sessions/{desk.row.uuid}/resume/", answer).status_code in (204, 303)
    resumed = read(desk.row.pk, 0)[-1].fact
    assert isinstance(resumed, events.Resumed)
    assert resumed.model == "claude-haiku-5-5"
