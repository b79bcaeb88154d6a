"""An approver's hour: at a desk by keyboard alone, and then with a phone in the hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.house import FIRST_ADMIN, House, Json, open_house
from tests.browser.pages import PATIENCE, listen, live
from tests.servers import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POST = "[press] Announce the second workshop, part {}."
BOOKS = "[refunds] Close last week's books."
REASON = "Not before Monday."
SUBJECT = "A second workshop for Fernhill"
STOPS = 80  # of the Tab key
ABOVE = """id => {
  const at = (item) => [...document.querySelectorAll(".queue .ask-item")].indexOf(item);
  const wanted = document.getElementById(`approval-${id}`);
  return at(wanted) < at(document.querySelector("[data-selected]"));
}"""
CALLED = """() => {
  const it = document.activeElement;
  return (it.labels?.[0]?.querySelector("code") ?? it).textContent.trim();
}"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One whose decisions can be taken back for as long as a slow machine needs."""
    env = {"OVERSIGHT_REHEARSAL_SPEED": 100, "OVERSIGHT_UNDO_SECONDS": 8}
    with open_house(tmp_path / "house", env) as house:
        yield house


@pytest.fixture
def phone(
    browser: Browser, context: BrowserContext, page: Page, complaints: list[str]
) -> Iterator[Page]:
    """The same person's other browser."""
    hand = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        storage_state=context.storage_state(),
    )
    listen(hand, complaints)
    yield hand.new_page()
    hand.close()


def test_an_hour_at_the_desk_by_keyboard_alone(
    page: Page, house: House, complaints: list[str]
) -> None:
    asked = [_asks(house, POST.format(part)) for part in range(1, 10)]
    page.goto(f"{house.origin}/approvals/")
    live(page)
    _help_opens_and_closes(page)
    _the_selection_moves(page, asked)

    _held_down_decides_one(page, house, asked[7])
    _decided_by_somebody_else(page, house, asked[8])
    _approved_and_taken_back(page, house, asked[0])
    _denied_with_a_reason(page, house, asked[1])
    _approved_edited(page, house, asked[2])
    _granted(page, house, asked[3])
    _approved_together(page, house, asked[4:6])
    assert _now(house, asked[6])["status"] == "pending"
    _held_and_let_in(page, house)
    assert complaints == []


def test_an_approval_of_something_grave_from_the_phone(
    phone: Page, house: House, complaints: list[str]
) -> None:
    session = house.run(BOOKS)
    wait_for(lambda: len(house.pending(session)) == 3, "three approvals", 30, house.process)
    asked = house.pending(session)[1]
    phone.goto(f"{house.origin}/approvals/")
    live(phone)
    phone.locator(f"#approval-{asked['id']} a").tap()
    phone.wait_for_selector(f"[data-case='{asked['id']}']")
    live(phone)
    phone.locator(".decide").get_by_role("link", name="Approve").tap()
    sheet = phone.locator("#sheet")
    expect(sheet.get_by_role("link", name="Go back")).to_be_focused()
    sheet.get_by_role("link", name="Go back").tap()
    expect(sheet).to_be_hidden()
    assert _now(house, asked)["status"] == "pending"

    phone.locator(".decide").get_by_role("link", name="Approve").tap()
    sheet.get_by_label("Note for the record (optional)").fill("The invoice is right.")
    sheet.get_by_role("button", name="Approve HIGH").tap()
    expect(phone.locator(".note li")).to_have_text("Approved.", timeout=PATIENCE)
    expect(phone.locator(".note li")).to_be_visible()  # there is no undo that would say it
    found = _decision(house, asked)
    assert (found["decision"], found["reason"]) == ("approved", "The invoice is right.")
    assert _now(house, asked)["decided_by"] == FIRST_ADMIN
    house.wait(session, lambda _: _started(house, asked))
    assert [one["arguments"] for one in _started(house, asked)] == [asked["arguments"]]
    assert len(house.pending(session)) == 2
    assert complaints == []


# --- at the desk --------------------------------------------------------------------------------


def _help_opens_and_closes(page: Page) -> None:
    page.keyboard.press("?")
    sheet = page.locator("#sheet")
    expect(sheet.get_by_role("heading", name="Approvals")).to_be_visible()
    page.keyboard.press("a")  # keys rest while the help is open
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def _the_selection_moves(page: Page, asked: list[Json]) -> None:
    _shows(page, asked[0])
    for key, there in (("j", 1), ("j", 2), ("k", 1), ("k", 0), ("k", 0)):
        page.keyboard.press(key)
        _shows(page, asked[there])


def _held_down_decides_one(page: Page, house: House, asked: Json) -> None:
    """Neither a key that is held down nor a second press decides what comes next."""
    _go_to(page, asked)
    page.keyboard.down("a")
    for _ in range(30):
        page.keyboard.down("a")  # as a keyboard repeats it
    page.wait_for_url("**/approvals/?selected=*&next=")
    expect(page.locator("#case-title")).to_be_focused()
    page.keyboard.down("a")
    page.keyboard.up("a")
    _said_once(page, "Approved")
    waiting = house.get("approvals?status=pending")
    assert len(waiting) == 8
    expect(page.locator(".undo")).to_have_count(0, timeout=PATIENCE)
    assert asked["id"] not in [one["id"] for one in waiting]


def _decided_by_somebody_else(page: Page, house: House, asked: Json) -> None:
    """The card says so by itself, and for a moment no key decides anything."""
    _go_to(page, asked)
    denial = {"decision": "deny", "digest": asked["digest"], "reason": REASON}
    house.post(f"approvals/{asked['id']}/decision", denial)
    expect(page.locator(".detail .verdict")).to_contain_text("denied it", timeout=PATIENCE)
    expect(page.locator(".detail .decide")).to_have_count(0)
    _shows(page, asked)


def _approved_and_taken_back(page: Page, house: House, asked: Json) -> None:
    _go_to(page, asked)
    page.keyboard.press("a")
    _said_once(page, "Approved")
    assert _now(house, asked)["status"] == "approved"
    page.keyboard.press("z")
    _said(page, "1 taken back.")
    assert _now(house, asked)["status"] == "pending"
    assert _started(house, asked) == []


def _denied_with_a_reason(page: Page, house: House, asked: Json) -> None:
    _go_to(page, asked)
    page.keyboard.press("d")
    expect(page.locator("#sheet textarea[name=reason]")).to_be_focused()
    page.keyboard.type(REASON)
    _tab_to(page, "Deny")
    page.keyboard.press("Enter")
    _said(page, "Denied")
    found = _now(house, asked)
    assert (found["status"], found["decision_reason"]) == ("denied", REASON)


def _approved_edited(page: Page, house: House, asked: Json) -> None:
    _go_to(page, asked)
    page.keyboard.press("e")
    expect(page.locator(".in-place .sheet")).to_be_visible()
    page.keyboard.press("Escape")  # out of the field, and out of the form
    page.keyboard.press("Escape")
    expect(page.locator(".in-place .sheet")).to_have_count(0)
    page.keyboard.press("e")
    _tab_to(page, "subject")
    page.keyboard.press("Control+a")
    page.keyboard.type(SUBJECT)
    change = page.locator(".change")
    expect(change.locator("ins")).to_contain_text(SUBJECT)
    expect(change).to_contain_text("Judged again")
    _tab_to(page, "Approve edited")
    page.keyboard.press("Enter")
    _said(page, "Approved with your changes.")
    house.wait(asked["session"], lambda _: _started(house, asked))
    ran = [one["arguments"] for one in _started(house, asked)]
    assert ran == [{**asked["arguments"], "subject": SUBJECT}]


def _granted(page: Page, house: House, asked: Json) -> None:
    _go_to(page, asked)
    page.keyboard.press("g")
    expect(page.locator("#sheet input[name=calls][value=these]")).to_be_focused()
    _tab_to(page, "Approve and grant")
    page.keyboard.press("Enter")
    _said(page, "Approved and granted")
    assert _decision(house, asked)["decision"] == "approved"
    given = house.of_kind(asked["session"], "grant_given")
    assert len(given) == 1


def _approved_together(page: Page, house: House, two: list[Json]) -> None:
    for asked in two:
        _go_to(page, asked)
        page.keyboard.press("x")
    expect(page.locator("#bulk > span")).to_have_text("2 selected")
    _tab_to(page, "Approve 2")
    page.keyboard.press("Enter")
    _said(page, "2 approved.")
    for asked in two:
        assert _now(house, asked)["status"] in ("approved", "consumed")
    expect(page.locator(".pick input:checked")).to_have_count(0)


def _held_and_let_in(page: Page, house: House) -> None:
    page.keyboard.press("u")
    expect(page.locator("#connection")).to_contain_text("Held")
    fresh = _asks(house, POST.format("late"))["id"]
    late = page.locator(f"#approval-{fresh}")
    expect(page.locator("#connection")).to_contain_text("updates wait", timeout=PATIENCE)
    expect(late).to_have_count(0)
    page.keyboard.press("u")
    expect(late).to_be_visible()
    shown = page.locator("#case").get_attribute("data-case")
    news = page.locator("[data-news]")
    expect(news).to_have_text("1 new, sort again")
    entries = page.locator(".queue .ask-item")
    expect(entries.last).to_have_id(f"approval-{fresh}")  # below whatever is selected
    news.click()
    expect(news).to_be_hidden()
    expect(page.locator("#case")).to_have_attribute("data-case", shown or "")


def _go_to(page: Page, asked: Json) -> None:
    """By the keys that move the selection."""
    entries = page.locator(".queue .ask-item a")
    for _ in range(entries.count()):
        if page.locator(f"[data-case='{asked['id']}']").count():
            break
        before = page.locator("#case").get_attribute("data-case")
        page.keyboard.press("k" if page.evaluate(ABOVE, asked["id"]) else "j")
        expect(page.locator("#case")).not_to_have_attribute("data-case", before or "")
        live(page)
    _shows(page, asked)


def _shows(page: Page, asked: Json) -> None:
    page.wait_for_selector(f"[data-case='{asked['id']}']", timeout=PATIENCE)
    live(page)
    expect(page.locator(".decide[inert]")).to_have_count(0)


def _said(page: Page, words: str) -> None:
    expect(page.locator(".note li")).to_contain_text(words, timeout=PATIENCE)
    live(page)


def _said_once(page: Page, words: str) -> None:
    """Beside its undo, and not in a line over the page as well."""
    expect(page.locator(".undo")).to_contain_text(f"{words}: ", timeout=PATIENCE)
    expect(page.locator(".note li")).to_contain_text(words)
    expect(page.locator(".note li")).to_be_hidden()
    live(page)


def _tab_to(page: Page, name: str) -> None:
    """Go on with the Tab key until what is so called has the focus."""
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        if page.evaluate(CALLED) == name:
            return
    raise AssertionError(f"the Tab key does not reach {name}")


# --- what the record says -----------------------------------------------------------------------


def _asks(house: House, task: str) -> Json:
    """The first approval of a new session."""
    return house.wait_pending(house.run(task))


def _now(house: House, asked: Json) -> Json:
    found: Json = house.get(f"approvals/{asked['id']}")
    return found


def _decision(house: House, asked: Json) -> Json:
    decided = house.of_kind(asked["session"], "approval_decided")
    return next(event for event in decided if event["approval_id"] == asked["id"])


def _started(house: House, asked: Json) -> list[Json]:
    ran = house.of_kind(asked["session"], "tool_started")
    return [event for event in ran if event["call_id"] == asked["call_id"]]
