"""What waits is told where one looks: the title, the icon, and a notification for each call."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.pages import PATIENCE, live
from tests.servers import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOW = "[press] Announce the second workshop to the press."
HIGH = "[refunds] Close last week's books."
# A browser of which we see what it would show; nobody has answered it yet, and it is not looked at.
PRETEND = """
  window.notes = [];
  window.Notification = class {
    static get permission() { return localStorage.getItem("leave") ?? "default"; }
    static async requestPermission() {
      localStorage.setItem("leave", "granted");
      return "granted";
    }
    constructor(title, said) { Object.assign(this, said, { title }); window.notes.push(this); }
    close() { this.closed = true; }
  };
  document.hasFocus = () => false;
"""
HIDE = """() => {
  Object.defineProperty(document, "hidden", { get: () => true });
  Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def page(context: BrowserContext, page: Page) -> Page:
    context.add_init_script(PRETEND)
    return page


def notes(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("notes.map(one => ({...one}))")
    return found


def shows(page: Page, count: int, icon: str) -> None:
    """How many wait, in the title, and how urgent that is, in the icon."""
    begins = re.compile(rf"^\({count}\) " if count else r"^(?!\()")
    expect(page).to_have_title(begins, timeout=PATIENCE)
    address = re.compile(rf"/{icon}\.svg")
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", address, timeout=PATIENCE)


def test_a_hidden_tab_tells_of_each_call_once_and_of_its_end(
    page: Page, house: House, complaints: list[str]
) -> None:
    page.goto(f"{house.origin}/me/")
    assert page.evaluate("localStorage.getItem('leave')") is None  # asked only by the button
    page.get_by_role("button", name="Turn notifications on").click()
    expect(page.get_by_role("button", name="Turn notifications off")).to_be_visible()
    page.goto(f"{house.origin}/sessions/")
    live(page)
    shows(page, 0, "favicon")
    page.evaluate(HIDE)

    asked = house.wait_pending(house.run(LOW))
    page.wait_for_function("() => notes.length === 1", timeout=PATIENCE)
    (note,) = notes(page)
    assert note["tag"] == asked["id"]
    assert asked["tool"] in note["body"]
    told = note["title"] + note["body"]
    assert not [value for value in asked["arguments"].values() if str(value) in told]
    shows(page, 1, "favicon-waiting" if asked["risk"] != "high" else "favicon-urgent")

    denial = {"decision": "deny", "digest": asked["digest"], "reason": "No."}
    house.post(f"approvals/{asked['id']}/decision", denial)
    page.wait_for_function("() => notes[0].closed", timeout=PATIENCE)

    session = house.run(HIGH)
    wait_for(lambda: len(house.pending(session)) == 3, "three approvals", 30, house.process)
    waiting = {one["id"] for one in house.get("approvals?status=pending")}
    page.wait_for_function("count => notes.length > count", arg=len(waiting), timeout=PATIENCE)
    tags = [one["tag"] for one in notes(page) if not one.get("closed")]
    assert sorted(tags) == sorted(waiting)  # one for each
    shows(page, len(waiting), "favicon-urgent")
    assert complaints == []
