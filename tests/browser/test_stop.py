"""Ends: of every session, of the process when asked, and of the process when killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.house import House, open_house
from tests.browser.pages import PATIENCE, ended, live, seqs, shows_everything
from tests.servers import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = "[long] Audit the house rules."
ASKS = ("[press] Announce the second workshop.", "[refunds] Close last week's books.")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One whose sessions run for a while, and whose leases end soon."""
    env = {"OVERSIGHT_REHEARSAL_SPEED": 2, "OVERSIGHT_LEASE_SECONDS": 3}
    with open_house(tmp_path / "house", env) as house:
        yield house


def test_stop_everything_reaches_every_session(page: Page, house: House) -> None:
    waiting = [house.run(task) for task in ASKS]
    running = [house.run(LONG) for _ in range(2)]
    for session in waiting:
        house.wait_pending(session)
    page.goto(f"{house.origin}/sessions/")
    live(page)
    page.get_by_role("link", name="Stop everything").click()
    page.locator("#sheet").get_by_role("button", name="Stop everything").click()
    expect(page.locator(".note li")).to_be_visible()
    for session in [*waiting, *running]:
        assert house.wait_end(session)["status"] == "cancelled"
    assert house.get("approvals?status=pending") == []


def test_sigterm_with_open_browsers_ends_with_code_0(
    browser: Browser, context: BrowserContext, page: Page, house: House
) -> None:
    session = house.run(LONG)
    other = browser.new_context(storage_state=context.storage_state())
    second = other.new_page()
    page.goto(f"{house.origin}/sessions/{session}/")
    second.goto(f"{house.origin}/approvals/")
    live(page)
    live(second)
    page.wait_for_selector("#e-5", state="attached", timeout=PATIENCE)
    assert house.end() == 0
    for one in (page, second):
        expect(one.locator("#connection")).to_contain_text("Reconnecting", timeout=PATIENCE)
    assert "Traceback" not in house.log.read_text()
    other.close()


def test_a_killed_process_goes_on_after_its_restart(page: Page, house: House) -> None:
    session = house.run(LONG)
    page.goto(f"{house.origin}/sessions/{session}/")
    live(page)
    page.wait_for_selector("#e-30", state="attached", timeout=PATIENCE)
    house.kill()
    expect(page.locator("#connection")).to_contain_text("Reconnecting", timeout=PATIENCE)
    shown = seqs(page)
    house.start()
    live(page)
    before = house.events(session)
    assert [event["seq"] for event in before[: len(shown)]] == shown

    wait_for(lambda: house.session(session)["last_seq"] > before[-1]["seq"] + 8, "it goes on", 40)
    house.post(f"sessions/{session}/stop", {})
    ended(page)
    shows_everything(page, house, session)
    after = house.events(session)
    assert after[: len(before)] == before
    started = [e["data"]["call_id"] for e in after if e["kind"] == "tool_started"]
    results = [e["data"]["call_id"] for e in after if e["kind"] == "tool_result"]
    assert len(results) == len(set(results))
    assert set(started) <= set(results)
    page.reload()
    shows_everything(page, house, session)
