"""The main job, end to end, with the rehearsal model."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.pages import (
    PATIENCE,
    ended,
    faces,
    live,
    shows_everything,
    sign_in,
    start_session,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TASK = "[press] Announce the second workshop to the press."


def test_the_printed_link_signs_in_once(context: BrowserContext, house: House) -> None:
    page = context.new_page()
    sign_in(page, house)
    context.clear_cookies()
    page.goto(house.link())
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="This link does not work")).to_be_visible()
    page.goto(f"{house.origin}/sessions/")
    assert "/signin/" in page.url


def test_a_session_is_watched_decided_and_replayed(
    context: BrowserContext, page: Page, house: House, complaints: list[str]
) -> None:
    inbox = context.new_page()
    inbox.goto(f"{house.origin}/approvals/")
    live(inbox)
    session = start_session(page, house, TASK)
    live(page)

    approved = _arrives(inbox, house, session)
    _open(inbox, approved)
    _approve(inbox)
    denied = _arrives(inbox, house, session)
    _deny(inbox, house, denied, "Not before Monday.")
    while house.wait(session, lambda row: _rests(house, row))["status"] == "waiting_approval":
        _arrives(inbox, house, session)
        _deny(inbox, house, house.pending(session)[0]["id"], "Nor this.")

    ended(page)
    shows_everything(page, house, session)
    _went_on_accordingly(house, session, approved, denied)
    _replay_shows_what_live_did(page, house, session)
    assert complaints == []


def _rests(house: House, row: dict[str, object]) -> bool:
    return row["ended_at"] is not None or bool(house.pending(str(row["id"])))


def _arrives(inbox: Page, house: House, session: str) -> str:
    """The approval stands in the open inbox, without a reload; its id."""
    approval: str = house.wait_pending(session)["id"]
    inbox.wait_for_selector(f"#approval-{approval}", timeout=PATIENCE)
    return approval


def _open(inbox: Page, approval: str) -> None:
    inbox.locator(f"#approval-{approval} a").click()
    inbox.wait_for_selector(f"[data-case='{approval}']", timeout=PATIENCE)


def _approve(inbox: Page) -> None:
    inbox.locator(".decide [data-key=a]").click()
    sure = inbox.locator("#sheet").get_by_role("button", name=re.compile("^Approve"))
    sure.or_(inbox.locator(".note li")).first.wait_for(state="attached", timeout=PATIENCE)
    if sure.is_visible():
        sure.click()
    expect(inbox.locator(".note li")).to_have_text("Approved.", timeout=PATIENCE)
    live(inbox)


def _deny(inbox: Page, house: House, approval: str, reason: str) -> None:
    _open(inbox, approval)
    inbox.locator(".decide [data-key=d]").click()
    inbox.locator("#sheet textarea[name=reason]").fill(reason)
    inbox.locator("#sheet").get_by_role("button", name="Deny", exact=True).click()
    expect(inbox.locator(".note li")).to_contain_text("Denied", timeout=PATIENCE)
    live(inbox)


def _went_on_accordingly(house: House, session: str, approved: str, denied: str) -> None:
    events = house.events(session)
    decided = {
        event["data"]["approval_id"]: event["data"]
        for event in events
        if event["kind"] == "approval_decided"
    }
    assert decided[approved]["decision"] == "approved"
    assert decided[denied]["decision"] == "denied"
    asked = {
        event["data"]["approval_id"]: event["data"]["call_id"]
        for event in events
        if event["kind"] == "approval_requested"
    }
    ran = [event["data"]["call_id"] for event in events if event["kind"] == "tool_started"]
    told = {e["data"]["call_id"]: e["data"] for e in events if e["kind"] == "tool_result"}
    assert ran.count(asked[approved]) == 1
    assert told[asked[approved]]["ok"]
    assert asked[denied] not in ran
    assert "Not before Monday." in str(told[asked[denied]]["content"])
    assert events[-1]["kind"] == "complete"


def _replay_shows_what_live_did(page: Page, house: House, session: str) -> None:
    shown_live = faces(page, "#feed")
    page.goto(f"{house.origin}/sessions/{session}/replay/")
    page.wait_for_selector("#player[data-ready]", timeout=PATIENCE)
    assert faces(page, "#inspector") == shown_live
