"""Where keys and the focus lead, and what is said aloud, in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from agents.core import events
from agents.models import Approval, Preference
from tests.oversight import stories
from tests.oversight.served import Served, cookie, serve
from tests.oversight.test_deciding import fresh
from tests.oversight.test_live_page import (  # noqa: F401 - fixtures
    _orm_beside_playwright,
    page,
)

# The browser is that of the other page that is live.
from tests.oversight.test_long_page import _open

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
LONGEST = 15_000  # milliseconds
CARDS = "#pending section[id^=pending-]"


@pytest.fixture
def served(transactional_db: None, tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path, "web", OVERSIGHT_UNDO_SECONDS=60) as one:
        yield one


def _second(approval: Approval, risk: str = "medium") -> Approval:
    """Another call of the same session that waits."""
    request = stories.asked("send_email", risk, minutes=30, to="a@example.com")
    stories.add(approval.session, [(10, 2, request)])
    return approval.session.approvals.get(tool="send_email")


def test_keys_that_are_turned_off_leave_the_page_where_it_is(
    page: Page,  # noqa: F811 - as above
    served: Served,
    bob: User,
) -> None:
    session = stories.long(None, 400)
    Preference.objects.create(user=bob, shortcuts=False)
    _open(page, served, f"/sessions/{session.uuid}/", bob)
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.press("Shift+G")
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") == 0
    page.evaluate("delete document.body.dataset.keys")
    page.keyboard.press("Shift+G")
    page.wait_for_function("scrollY > 0", timeout=LONGEST)


def test_escape_goes_back_and_never_away_from_what_was_written(
    page: Page,  # noqa: F811 - as above
    served: Served,
    olu: User,
    ann: User,
) -> None:
    approval = stories.waiting(olu)
    _open(page, served, f"/approvals/{approval.uuid}/", ann)
    page.keyboard.press("Escape")
    page.wait_for_url(f"{served.origin}/approvals/?tab=waiting")
    page.goto(f"{served.origin}/sessions/{approval.session.uuid}/replay/")
    page.get_by_label("More").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Export as JSON Lines")).to_be_hidden()
    page.keyboard.press("Escape")
    page.wait_for_url(f"{served.origin}/history/")

    _open(page, served, f"/sessions/{approval.session.uuid}/", olu)
    page.fill("#composer textarea", "Half a thought")
    for _ in range(3):
        page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert page.url == f"{served.origin}/sessions/{approval.session.uuid}/"
    page.fill("#composer textarea", "")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_url(f"{served.origin}/sessions/")


def test_a_decision_on_a_sessions_page_leads_to_what_waits_next(
    page: Page,  # noqa: F811 - as above
    served: Served,
    olu: User,
    ann: User,
) -> None:
    first = stories.waiting(olu)
    second = _second(first)
    _open(page, served, f"/sessions/{first.session.uuid}/", ann)
    page.locator(f"#pending-{first.uuid}").get_by_role("button", name="Approve").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#pending-{second.uuid}-title")).to_be_focused(timeout=LONGEST)
    page.locator(f"#pending-{second.uuid}").get_by_role("link", name="Deny").click()
    page.locator("#sheet").get_by_role("button", name="Deny", exact=True).click()
    expect(page.locator(CARDS)).to_have_count(0, timeout=LONGEST)
    expect(page.locator("#pending")).to_be_focused()
    assert {fresh(first).state, fresh(second).state} == {"approved", "denied"}


def test_nothing_is_decided_where_another_call_took_the_place_by_itself(
    page: Page,  # noqa: F811 - as above
    served: Served,
    olu: User,
    ann: User,
) -> None:
    first = stories.waiting(olu)
    second = _second(first)
    _open(page, served, f"/sessions/{first.session.uuid}/", ann)
    page.evaluate(
        """() => new MutationObserver(() => {
          const gone = document.querySelectorAll("#pending [data-until]").length === 1;
          if (gone) window.rested ||= document.querySelector("#pending .decide").inert;
        }).observe(document.getElementById("pending"), { childList: true, subtree: true,
          attributes: true, attributeFilter: ["inert"] })"""
    )
    by = stories.decided(_asked(first), "denied")
    stories.add(first.session, [(11, 2, by)])
    expect(page.locator(CARDS)).to_have_count(1, timeout=LONGEST)
    page.wait_for_timeout(100)
    assert page.evaluate("window.rested") is True
    expect(page.locator("#pending .decide[inert]")).to_have_count(0, timeout=LONGEST)
    assert fresh(second).state == "pending"


def _asked(approval: Approval) -> Any:
    return events.ApprovalRequested(
        str(approval.uuid), approval.call_id, approval.tool, {}, approval.digest, "", 1, "", ""
    )


@pytest.mark.parametrize("path", ["/approvals/", "/sessions/", "/insights/"])
def test_a_page_says_aloud_that_an_approval_is_requested(
    page: Page,  # noqa: F811 - as above
    served: Served,
    olu: User,
    ann: User,
    path: str,
) -> None:
    stories.waiting(olu, "high")  # what waits already is no news
    page.context.add_cookies([_key(ann)])
    page.goto(served.origin + path)
    heard = re.compile("urgent")
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", heard, timeout=LONGEST)
    assert page.locator("#alert").text_content() == ""
    stories.tell([(0, 0, stories.started()), (1, 1, stories.asked("send_email", "high"))], olu)
    said = "Approval requested: send_email, HIGH, by assistant."
    expect(page.locator("#alert")).to_have_text(said, timeout=LONGEST)


def _key(user: User) -> Any:
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": cookie(user), "url": "http://127.0.0.1"}


def test_an_item_that_is_slow_to_come_says_so_after_a_moment(
    page: Page,  # noqa: F811 - as above
    served: Served,
    olu: User,
    ann: User,
) -> None:
    first, second = stories.waiting(olu), stories.waiting(olu)
    _open(page, served, f"/approvals/?selected={first.uuid}", ann)
    halted: list[Any] = []

    def halt(route: Route) -> None:
        halted.append(route)

    page.route(f"**/approvals/{second.uuid}/", halt)
    page.locator(f"#approval-{second.uuid} a").click()
    shown = page.locator("#case")
    expect(shown).to_have_css("opacity", "0.5", timeout=LONGEST)
    expect(shown).to_have_css("transition-delay", "0.2s")  # what comes at once does not flicker
    halted[0].continue_()
    expect(page.locator(f"[data-case='{second.uuid}']")).to_be_visible(timeout=LONGEST)
    expect(page.locator("#case")).to_have_css("opacity", "1", timeout=LONGEST)


def test_what_is_left_of_the_time_is_said_aloud_twice(
    page: Page,  # noqa: F811 - as above
    served: Served,
    olu: User,
    ann: User,
) -> None:
    stories.waiting(olu)
    page.clock.install()
    _open(page, served, "/approvals/", ann)
    left = page.evaluate(
        "Date.parse(document.querySelector('[data-until]').dataset.until) - Date.now()"
    )
    for seconds, said in ((118, "2 minutes"), (28, "30 seconds")):
        page.clock.fast_forward(int(left) - 1000 * seconds)
        left = 1000 * seconds
        expect(page.locator("#alert")).to_contain_text(said, timeout=LONGEST)
    assert page.locator(".detail [data-until]").get_attribute("data-soon") is not None


def test_in_forced_colours_what_fills_told_has_an_outline_and_meters_can_be_read(
    page: Page,  # noqa: F811 - as above
    served: Served,
    olu: User,
    ann: User,
) -> None:
    approval = stories.waiting(olu)
    page.emulate_media(forced_colors="active")
    _open(page, served, f"/sessions/{approval.session.uuid}/", ann)
    border = "one => getComputedStyle(one).borderTopStyle"
    for mark in ("#status .chip", ".dock .risk", ".dock .button.ink"):
        assert page.locator(mark).first.evaluate(border) == "solid"
    used, ground = (
        page.locator(mark).first.evaluate("one => getComputedStyle(one).fill")
        for mark in (".rail .meter rect", ".rail .f-track")
    )
    assert used != ground
