"""Words without an end in what people wrote, on a phone: no button is pushed away, in a browser."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from agents.models import Session
from tests.oversight import stories
from tests.oversight.visits import Visit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
BEYOND = "e => e.scrollWidth - e.clientWidth"


def test_a_title_of_one_long_word_leaves_the_button_of_its_sheet_in_sight(
    visit: Visit,
    olu: User,
) -> None:
    session = stories.tell([(0, 0, stories.started())], olu, status="running")
    Session.objects.update(title="https://example.com/" + "a" * 150)
    visit.page.set_viewport_size({"width": 390, "height": 844})
    tab = visit(olu, f"/sessions/{session.uuid}/")
    tab.get_by_role("link", name="Stop…").click()
    expect(tab.locator("#sheet").get_by_role("button", name="Stop")).to_be_in_viewport(ratio=1)
    assert tab.locator("#sheet").evaluate(BEYOND) == 0
    tab.goto(f"{visit.origin}/sessions/{session.uuid}/confirm/?do=stop")
    assert tab.locator("html").evaluate(BEYOND) == 0
