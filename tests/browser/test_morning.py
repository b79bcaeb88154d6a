"""An operator's morning: ten sessions live, one is steered, one is stopped, and the rest go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.house import House, Json, open_house
from tests.browser.pages import PATIENCE, live

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ASKING = (
    "[press] Announce the second workshop.",
    "[press] Announce the summer opening.",
    "[refunds] Close last week's books.",
    "[refunds] Close this week's books.",
    "[question] Fetch the price list.",
    "[stuck] Find the price in the letter.",
)
RUNNING = tuple(f"[long] Audit the house rules, part {part}." for part in (1, 2, 3, 4))
LATE = "[loop] Read the agenda."
WORDS = "Begin with the refunds, please."
NEEDS_SOMEBODY = ("waiting_approval", "waiting_input")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One whose long sessions run for the whole morning."""
    with open_house(tmp_path / "house", {"OVERSIGHT_REHEARSAL_SPEED": 1}) as house:
        yield house


def test_an_operators_morning(page: Page, house: House, complaints: list[str]) -> None:
    asking = [house.run(task) for task in ASKING]
    running = [house.run(task) for task in RUNNING]
    steered, stopped, *kept = running
    for session in asking:
        house.wait(session, lambda row: row["status"] in NEEDS_SOMEBODY)

    page.goto(f"{house.origin}/sessions/")
    live(page)
    page.evaluate("document.body.dataset.opened = 'once'")
    _those_who_ask_stand_first(page, asking, running)
    _what_changes_is_seen(page, house, asking[0])
    _steer(page, house, steered)
    _stop(page, house, stopped)
    _the_rest_go_on(house, [steered, *kept], asking[1:])
    assert complaints == []


def _card(page: Page, session: str) -> Locator:
    return page.locator(f"#session-{session}")


def _those_who_ask_stand_first(page: Page, asking: list[str], running: list[str]) -> None:
    ids = "cards => cards.map(card => card.id.slice(8))"
    shown = page.eval_on_selector_all(".cards > article", ids)
    assert set(shown[: len(asking)]) == set(asking)
    assert set(running) <= set(shown[len(asking) :])
    for session in asking:
        expect(_card(page, session).get_by_role("link", name="Review")).to_be_visible()
    expect(_card(page, shown[0])).to_be_in_viewport()
    expect(page.locator("#count-needs-you")).to_have_text(str(len(asking)))


def _what_changes_is_seen(page: Page, house: House, answered: str) -> None:
    """A decision, a new session and its end show on the wall that is open."""
    before = house.wait_pending(answered)
    denial = {"decision": "deny", "digest": before["digest"], "reason": "Not today."}
    house.post(f"approvals/{before['id']}/decision", denial)
    after = house.wait_pending(answered)
    assert after["id"] != before["id"]
    review = _card(page, answered).get_by_role("link", name="Review")
    expect(review).to_have_attribute("href", f"/approvals/{after['id']}/", timeout=PATIENCE)

    late = house.run(LATE)
    card = _card(page, late)
    expect(card).to_be_visible(timeout=PATIENCE)
    house.wait_end(late)
    expect(card.get_by_role("link", name="Stop")).to_have_count(0, timeout=PATIENCE)
    expect(card).to_contain_text("Done")
    assert page.evaluate("document.body.dataset.opened") == "once"


def _steer(page: Page, house: House, session: str) -> None:
    """A message to a paused session is queued; once it goes on, its next step reads it."""
    _card(page, session).get_by_role("link", name="Open").click()
    live(page)
    page.get_by_role("link", name="Pause").click()
    house.wait(session, lambda row: row["status"] == "paused")
    live(page)
    page.get_by_role("textbox", name="Message to the agent").fill(WORDS)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#sent")).to_contain_text("Queued", timeout=PATIENCE)
    row = page.locator("[data-kind=message]", has_text=WORDS)
    expect(row.locator(".reading")).to_have_text("Queued", timeout=PATIENCE)

    page.get_by_role("link", name="Resume").click()
    live(page)
    expect(row.locator(".reading")).to_have_text(
        re.compile(r"^Read at step \d+$"), timeout=PATIENCE
    )
    said = row.locator(".reading").inner_text()
    assert int(said.rsplit(" ", 1)[1]) > 1
    assert [sent["text"] for sent in house.of_kind(session, "message")] == [WORDS]


def _stop(page: Page, house: House, session: str) -> None:
    """From its card on the wall, once it is sure."""
    page.goto(f"{house.origin}/sessions/")
    live(page)
    _card(page, session).get_by_role("link", name="Stop").click()
    sheet = page.locator("#sheet")
    expect(sheet.get_by_role("link", name="Go back")).to_be_focused()
    assert house.session(session)["ended_at"] is None
    sheet.get_by_role("button", name="Stop").click()
    expect(page.locator(".note li")).to_contain_text("Stopping")
    assert house.wait_end(session)["status"] == "cancelled"
    page.wait_for_url(f"{house.origin}/sessions/")
    gone = _card(page, session).get_by_role("link", name="Stop")
    expect(gone).to_have_count(0, timeout=PATIENCE)


def _the_rest_go_on(house: House, running: list[str], asking: list[str]) -> None:
    for session in running:
        seq = house.session(session)["last_seq"]
        assert _goes_on(house, session, seq)["status"] == "running"
    for session in asking:
        assert house.session(session)["status"] in NEEDS_SOMEBODY


def _goes_on(house: House, session: str, seq: int) -> Json:
    return house.wait(session, lambda row: row["last_seq"] > seq + 3)
