"""A replay's player, by mouse and by keys: only a cursor moves."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.browser.pages import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_replay_is_walked_by_keys_and_by_mouse(
    page: Page, house: House, complaints: list[str]
) -> None:
    session = house.run("[outage] Look into the outage.")
    house.wait(session, lambda row: row["ended_at"] or house.pending(session))
    page.goto(f"{house.origin}/sessions/{session}/replay/?step=0")
    page.wait_for_selector("#player[data-ready]", timeout=PATIENCE)
    here = page.locator(".at-step.now")
    page.keyboard.press("ArrowRight")
    expect(here).to_have_attribute("data-step", "1")
    assert "step=1" in page.url
    page.keyboard.press(".")
    expect(page.locator(".at-step.now .event:not(.future)").last).to_have_attribute(
        "data-kind", re.compile("retried|result|error|discarded")
    )
    slider = page.get_by_role("slider", name="Position")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^0:00, step 0"))
    assert page.locator(".fall .future").count() == page.locator(".fall li").count() - 1
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 1, box["y"] + 30)
    expect(page.locator(".fall .future")).to_have_count(0)
    page.get_by_role("button", name="16×").click()
    page.keyboard.press(" ")  # from the end it plays from the beginning
    expect(here).not_to_have_attribute("data-step", "0", timeout=PATIENCE)
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert complaints == []
