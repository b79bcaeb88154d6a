"""A session asks about its budget or a loop, and a person answers in the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.house import House
from tests.browser.pages import PATIENCE, ended, live

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AUDIT = "[long] Audit the house rules."
BLOCKED = "A blocked call was tried 3 times"
STUCK = "[stuck] Find the price in the letter."


def watch(page: Page, house: House, task: str, **limits: float) -> str:
    """A session that runs, and its live page."""
    body = {"agent": "assistant", "task": task, "limits": limits}
    session: str = house.post("sessions", body)["id"]
    page.goto(f"{house.origin}/sessions/{session}/")
    live(page)
    return session


def card(page: Page, title: str) -> Locator:
    """What the session asks, once it stands on the page."""
    found = page.locator("#question")
    expect(found.locator("strong").first).to_have_text(title, timeout=PATIENCE)
    return found


def test_a_budget_is_extended_with_one_click_and_at_last_wrapped_up(
    page: Page, house: House, complaints: list[str]
) -> None:
    session = watch(page, house, AUDIT, steps=2)
    asked = card(page, "The step budget is used up")
    expect(page.locator("#figures .figure.over")).to_contain_text("2 of 2", timeout=PATIENCE)
    asked.get_by_role("button", name="Double it, to 4").click()

    asked = card(page, "The step budget is used up")
    expect(asked).to_contain_text("4 of 4", timeout=PATIENCE)
    asked.get_by_text("Other limits, or a reason").click()
    asked.get_by_role("textbox", name="Steps").fill("5")
    asked.get_by_label("Reason, for the record").fill("One more look.")
    asked.get_by_role("button", name="Change these limits").click()
    expect(card(page, "The step budget is used up")).to_contain_text("5 of 5", timeout=PATIENCE)
    changes = house.of_kind(session, "limits_changed")
    assert [(one["before"], one["limits"]) for one in changes] == [
        ({"steps": 2}, {"steps": 4}),
        ({"steps": 4}, {"steps": 5}),
    ]
    assert changes[1]["reason"] == "One more look."
    expect(page.locator("[data-kind=limits_changed]").last).to_contain_text("from 4 to 5")

    page.locator("#question").get_by_role("button", name="Let it wrap up").click()
    ended(page)
    row = house.session(session)
    assert (row["status"], row["error"]["error_class"]) == ("failed", "budget_exhausted")
    assert "not complete" in row["error"]["message"]
    assert house.of_kind(session, "resumed")[0]["answer"] == "wrap_up"
    assert complaints == []


def test_every_rung_of_the_ladder_shows_its_evidence_up_to_the_persons_answer(
    page: Page, house: House, complaints: list[str]
) -> None:
    session = watch(page, house, STUCK)
    asked = card(page, BLOCKED)
    bands = page.locator("[data-kind=loop_detected]")
    said = ["the agent is told to reflect", "it is blocked", "a person is asked"]
    for band, rung in zip(bands.all(), said, strict=True):
        expect(band.locator(".chip").first).to_have_text(rung)
        expect(band.locator(".repeated")).to_contain_text("letters/kestrel.txt")
    expect(asked.locator(".repeated .count")).to_have_text("3×")
    expect(asked).to_contain_text("wraps up by itself at")
    assert [one["rung"] for one in house.of_kind(session, "loop_detected")] == [
        "reflect",
        "block",
        "ask",
    ]

    asked.get_by_role("button", name="Lift the block").click()
    expect(page.locator("[data-kind=resumed]")).to_contain_text("lifted the block")
    expect(page.locator("[data-kind=loop_detected]")).to_have_count(6, timeout=PATIENCE)
    asked = card(page, BLOCKED)
    asked.get_by_label("Tell it what to do instead").fill("Look into notes/supplier.txt.")
    asked.get_by_role("button", name="Send and go on").click()
    ended(page)
    row = house.session(session)
    assert row["status"] == "completed"
    assert "4 % off" in row["result"]
    expect(page.locator("#question")).to_have_count(0)
    assert complaints == []
