"""An engineer's post-mortem: find the failure, replay to it, fork before it, compare."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.browser.pages import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TASK = "[outage] Look into the outage."


def test_a_failure_is_found_replayed_and_forked_around(
    page: Page, house: House, complaints: list[str]
) -> None:
    session = house.run(TASK)
    house.wait(session, lambda row: row["ended_at"] or house.pending(session))
    for waiting in house.pending(session):
        decision = {"decision": "deny", "digest": waiting["digest"], "reason": "Not now."}
        house.post(f"approvals/{waiting['id']}/decision", decision)
    house.wait_end(session)

    page.goto(f"{house.origin}/history/?q=outage")
    page.get_by_role("link", name=re.compile("outage")).first.click()
    page.goto(f"{house.origin}/sessions/{session}/replay/?step=0")
    page.wait_for_selector("#player[data-ready]", timeout=PATIENCE)
    page.keyboard.press(".")
    assert "step=" in page.url
    fault = page.locator(".event:not(.future)[data-kind=model_retried]").first
    expect(fault).to_be_attached()

    page.get_by_role("link", name="At this moment…").click()
    expect(page.get_by_role("heading", name="What the model was shown")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Fork from here")).click()
    page.wait_for_url(re.compile("/fork/"))
    page.get_by_label("Message to the agent (optional)").fill("Keep it short.")
    page.get_by_role("button", name="Fork", exact=True).click()
    page.wait_for_url(re.compile(r"/sessions/(?!.*fork)[0-9a-f-]+/$"))
    fork = page.url.rstrip("/").rsplit("/", 1)[1]
    assert fork != session
    row = house.wait(fork, lambda row: row["ended_at"] or row["status"].startswith("waiting"))
    assert row["status"] in ("completed", "waiting_approval", "waiting_input")

    page.goto(f"{house.origin}/sessions/{session}/compare/")
    page.get_by_role("link", name=re.compile("forked from this one")).click()
    expect(page.locator(".differs.first")).to_be_visible()
    assert complaints == []
