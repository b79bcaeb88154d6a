"""Where keys and the focus lead, and what is said aloud, in a browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Route, expect

from agents.core import events
from agents.models import Approval, Preference
from tests.oversight import stories
from tests.oversight.test_deciding import fresh
from tests.oversight.visits import CARDS, Visit, two_calls

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
LONGEST = 15_000  # milliseconds


def test_keys_that_are_turned_off_leave_the_page_where_it_is(
    visit: Visit,
    bob: User,
) -> None:
    session = stories.long(None, 400)
    Preference.objects.create(user=bob, shortcuts=False)
    tab = visit(bob, f"/sessions/{session.uuid}/")
    tab.evaluate("scrollTo(0, 0)")
    tab.keyboard.press("Shift+G")
    tab.wait_for_timeout(300)
    assert tab.evaluate("scrollY") == 0
    tab.evaluate("delete document.body.dataset.keys")
    tab.keyboard.press("Shift+G")
    tab.wait_for_function("scrollY > 0", timeout=LONGEST)


def test_escape_goes_back_and_never_away_from_what_was_written(
    visit: Visit,
    olu: User,
    ann: User,
) -> None:
    approval = stories.waiting(olu)
    tab = visit(ann, f"/approvals/{approval.uuid}/")
    tab.keyboard.press("Escape")
    tab.wait_for_url(f"{visit.origin}/approvals/?tab=waiting")
    tab.goto(f"{visit.origin}/sessions/{approval.session.uuid}/replay/")
    tab.get_by_label("More").click()
    tab.keyboard.press("Escape")
    expect(tab.get_by_text("Export as JSON Lines")).to_be_hidden()
    tab.keyboard.press("Escape")
    tab.wait_for_url(f"{visit.origin}/history/")

    visit(olu, f"/sessions/{approval.session.uuid}/")
    tab.fill("#composer textarea", "Half a thought")
    for _ in range(3):
        tab.keyboard.press("Escape")
    tab.wait_for_timeout(300)
    assert tab.url == f"{visit.origin}/sessions/{approval.session.uuid}/"
    tab.fill("#composer textarea", "")
    tab.keyboard.press("Escape")
    tab.keyboard.press("Escape")
    tab.wait_for_url(f"{visit.origin}/sessions/")


def test_a_decision_on_a_sessions_page_leads_to_what_waits_next(
    visit: Visit,
    olu: User,
    ann: User,
) -> None:
    first, second = two_calls(olu)
    tab = visit(ann, f"/sessions/{first.session.uuid}/")
    tab.locator(f"#pending-{first.uuid}").get_by_role("button", name="Approve").focus()
    tab.keyboard.press("Enter")
    expect(tab.locator(f"#pending-{second.uuid}-title")).to_be_focused(timeout=LONGEST)
    tab.locator(f"#pending-{second.uuid}").get_by_role("link", name="Deny").click()
    tab.locator("#sheet").get_by_role("button", name="Deny", exact=True).click()
    expect(tab.locator(CARDS)).to_have_count(0, timeout=LONGEST)
    expect(tab.locator("#pending")).to_be_focused()
    assert {fresh(first).state, fresh(second).state} == {"approved", "denied"}


def test_nothing_is_decided_where_another_call_took_the_place_by_itself(
    visit: Visit,
    olu: User,
    ann: User,
) -> None:
    first, second = two_calls(olu)
    tab = visit(ann, f"/sessions/{first.session.uuid}/")
    tab.evaluate(
        """() => new MutationObserver(() => {
          const gone = document.querySelectorAll("#pending [data-until]").length === 1;
          if (gone) window.rested ||= document.querySelector("#pending .decide").inert;
        }).observe(document.getElementById("pending"), { childList: true, subtree: true,
          attributes: true, attributeFilter: ["inert"] })"""
    )
    by = stories.decided(_asked(first), "denied")
    stories.add(first.session, [(11, 2, by)])
    expect(tab.locator(CARDS)).to_have_count(1, timeout=LONGEST)
    tab.wait_for_timeout(100)
    assert tab.evaluate("window.rested") is True
    expect(tab.locator("#pending .decide[inert]")).to_have_count(0, timeout=LONGEST)
    assert fresh(second).state == "pending"


def _asked(approval: Approval) -> Any:
    return events.ApprovalRequested(
        str(approval.uuid), approval.call_id, approval.tool, {}, approval.digest, "", 1, "", ""
    )


@pytest.mark.parametrize("path", ["/approvals/", "/sessions/", "/insights/"])
def test_a_page_says_aloud_that_an_approval_is_requested(
    visit: Visit,
    olu: User,
    ann: User,
    path: str,
) -> None:
    stories.waiting(olu, "high")  # what waits already is no news
    tab = visit.come(ann)
    tab.goto(visit.origin + path)
    heard = re.compile("urgent")
    expect(tab.locator("link[rel=icon]")).to_have_attribute("href", heard, timeout=LONGEST)
    assert tab.locator("#alert").text_content() == ""
    stories.tell([(0, 0, stories.started()), (1, 1, stories.asked("send_email", "high"))], olu)
    said = "Approval requested: send_email, HIGH, by assistant."
    expect(tab.locator("#alert")).to_have_text(said, timeout=LONGEST)


def test_an_item_that_is_slow_to_come_says_so_after_a_moment(
    visit: Visit,
    olu: User,
    ann: User,
) -> None:
    first, second = stories.waiting(olu), stories.waiting(olu)
    tab = visit(ann, f"/approvals/?selected={first.uuid}")
    halted: list[Any] = []

    def halt(route: Route) -> None:
        halted.append(route)

    tab.route(f"**/approvals/{second.uuid}/", halt)
    tab.locator(f"#approval-{second.uuid} a").click()
    shown = tab.locator("#case")
    expect(shown).to_have_css("opacity", "0.5", timeout=LONGEST)
    expect(shown).to_have_css("transition-delay", "0.2s")  # what comes at once does not flicker
    halted[0].continue_()
    expect(tab.locator(f"[data-case='{second.uuid}']")).to_be_visible(timeout=LONGEST)
    expect(tab.locator("#case")).to_have_css("opacity", "1", timeout=LONGEST)


def test_what_is_left_of_the_time_is_said_aloud_twice(
    visit: Visit,
    olu: User,
    ann: User,
) -> None:
    stories.waiting(olu)
    visit.page.clock.install()
    tab = visit(ann, "/approvals/")
    left = tab.evaluate(
        "Date.parse(document.querySelector('[data-until]').dataset.until) - Date.now()"
    )
    for seconds, said in ((118, "2 minutes"), (28, "30 seconds")):
        tab.clock.fast_forward(int(left) - 1000 * seconds)
        left = 1000 * seconds
        expect(tab.locator("#alert")).to_contain_text(said, timeout=LONGEST)
    assert tab.locator(".detail [data-until]").get_attribute("data-soon") is not None


def test_in_forced_colours_what_fills_told_has_an_outline_and_meters_can_be_read(
    visit: Visit,
    olu: User,
    ann: User,
) -> None:
    approval = stories.waiting(olu)
    visit.page.emulate_media(forced_colors="active")
    tab = visit(ann, f"/sessions/{approval.session.uuid}/")
    border = "one => getComputedStyle(one).borderTopStyle"
    for mark in ("#status .chip", ".dock .risk", ".dock .button.ink"):
        assert tab.locator(mark).first.evaluate(border) == "solid"
    used, ground = (
        tab.locator(mark).first.evaluate("one => getComputedStyle(one).fill")
        for mark in (".rail .meter rect", ".rail .f-track")
    )
    assert used != ground


def test_what_is_typed_on_when_its_field_is_gone_is_no_key(
    visit: Visit, ada: User, olu: User
) -> None:
    first, _ = two_calls(olu)
    tab = visit(ada, f"/sessions/{first.session.uuid}/")
    tab.locator("#composer textarea").press("w")
    tab.locator("#composer").evaluate("one => one.remove()")  # as a question that another answers
    tab.keyboard.press("a")
    tab.wait_for_timeout(1200)
    expect(tab.locator(CARDS)).to_have_count(2)
    tab.wait_for_function("() => !document.querySelector('.decide').inert")
    tab.keyboard.press("a")
    expect(tab.locator(CARDS)).to_have_count(1)
