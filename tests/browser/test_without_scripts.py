"""The main job in a browser that runs no scripts: all of it is forms and links."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.house import House
from tests.browser.pages import start_session

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME, PASSWORD = "olive", "a good long password"
TASK = "[refunds] Close last week's books."
WORDS = "Leave the test account as it is."
REASON = "Paid by cheque already."


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_a_session_is_started_decided_steered_and_stopped_by_forms(
    plain: Page, house: House
) -> None:
    for role in ("operator", "approver"):
        house.command("user", NAME, "--password", PASSWORD, "--role", role)
    _sign_in(plain, house)
    session = start_session(plain, house, TASK)
    approved = _approve(plain, house, session)
    denied = _deny(plain, house, session)
    _message(plain, house, session)
    _stop(plain, house, session)

    decided = {e["approval_id"]: e for e in house.of_kind(session, "approval_decided")}
    assert decided[approved["id"]]["decision"] == "approved"
    assert decided[denied["id"]]["decision"] == "denied"
    assert decided[denied["id"]]["reason"] == REASON
    ran = [event["call_id"] for event in house.of_kind(session, "tool_started")]
    assert ran.count(approved["call_id"]) == 1
    assert denied["call_id"] not in ran


def _sign_in(page: Page, house: House) -> None:
    page.goto(house.origin)
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill("a wrong one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{house.origin}/sessions/**")


def _approve(page: Page, house: House, session: str) -> dict[str, object]:
    """A HIGH one from the inbox: a page of its own asks whether it is sure."""
    asked = house.wait_pending(session)
    page.goto(f"{house.origin}/approvals/")
    page.locator(f"#approval-{asked['id']} a").click()
    page.get_by_role("link", name="Approve").click()
    assert house.of_kind(session, "approval_decided") == []
    page.get_by_role("button", name="Approve HIGH").click()
    expect(page.locator(".note li")).to_have_text("Approved.")
    return asked


def _deny(page: Page, house: House, session: str) -> dict[str, object]:
    """From the session's own page."""
    asked = house.wait_pending(session)
    page.goto(f"{house.origin}/sessions/{session}/")
    page.locator(f"#pending-{asked['id']}").get_by_role("link", name="Deny").click()
    page.get_by_label("Why not? The agent is told.").fill(REASON)
    page.get_by_role("button", name="Deny", exact=True).click()
    expect(page.locator(".note li")).to_contain_text("Denied")
    return asked


def _message(page: Page, house: House, session: str) -> None:
    page.goto(f"{house.origin}/sessions/{session}/")
    page.get_by_role("textbox", name="Message to the agent").fill(WORDS)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".note li")).to_contain_text("Queued")
    assert [sent["text"] for sent in house.of_kind(session, "message")] == [WORDS]


def _stop(page: Page, house: House, session: str) -> None:
    page.goto(f"{house.origin}/sessions/{session}/")
    page.get_by_role("link", name="Stop").click()
    expect(page.get_by_role("heading", name="Stop this session?").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".note li")).to_contain_text("Stopping")
    assert house.wait_end(session)["status"] == "cancelled"
