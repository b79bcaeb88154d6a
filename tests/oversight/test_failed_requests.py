"""What a page shows when what it asked for did not come, in a browser: nothing is lost."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from agents.models import Event, SignIn
from tests.oversight import stories
from tests.oversight.visits import CARDS, Visit, two_calls

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
WRITTEN = "Keep to the staging database."
BROKEN_OFF = """() => {
  window.whole = Response.prototype.text;
  Response.prototype.text = () => Promise.reject(new Error("broken off"));
}"""
GATEWAY = (
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


def _composed(visit: Visit, user: User, text: str = WRITTEN) -> Page:
    """A running session's page, with a message that is not sent yet."""
    session = stories.tell([(0, 0, stories.started())], status="running")
    tab = visit(user, f"/sessions/{session.uuid}/")
    tab.fill("#composer textarea", text)
    return tab


def _messages() -> list[str]:
    told = Event.objects.filter(kind="message").values_list("text", flat=True)
    return [json.loads(text)["text"] for text in told]


def test_enter_sends_a_message_and_with_shift_begins_a_line(visit: Visit, ada: User) -> None:
    tab = _composed(visit, ada)
    tab.locator("#composer textarea").press("Shift+Enter")
    tab.keyboard.type("And be brief.")
    tab.keyboard.press("Enter")
    expect(tab.locator("#sent")).to_contain_text("Queued")
    expect(tab.locator("#composer textarea")).to_have_value("")
    assert _messages() == [f"{WRITTEN}\nAnd be brief."]


def test_a_message_that_is_refused_stays_in_its_field(visit: Visit, ada: User) -> None:
    long = "word " * 4001
    tab = _composed(visit, ada, "")
    tab.locator("#composer textarea").evaluate("one => one.removeAttribute('maxlength')")
    tab.fill("#composer textarea", long)
    tab.get_by_role("button", name="Send").click()
    expect(tab.locator("#sent")).to_contain_text("At most 20000 characters")
    expect(tab.locator("#composer textarea")).to_have_value(long)


def test_a_message_that_got_no_answer_stays_and_can_be_sent_again(visit: Visit, ada: User) -> None:
    tab = _composed(visit, ada)
    tab.route("**/message/", lambda route: route.abort())
    tab.keyboard.press("Enter")
    expect(tab.locator("#trouble")).to_contain_text("No answer came")
    expect(tab.locator("#composer textarea")).to_have_value(WRITTEN)
    tab.locator("#trouble").click()
    expect(tab.locator("#trouble")).to_be_empty()
    tab.unroute("**/message/")
    tab.get_by_role("button", name="Send").click()
    expect(tab.locator("#sent")).to_contain_text("Queued")


def test_who_was_signed_out_is_told_and_keeps_what_is_written(visit: Visit, ada: User) -> None:
    tab = _composed(visit, ada)
    SignIn.objects.all().delete()
    tab.keyboard.press("Enter")
    expect(tab.locator("#trouble")).to_contain_text("You are signed out. Nothing was changed.")
    expect(tab.locator("#composer textarea")).to_have_value(WRITTEN)
    assert _messages() == []


def test_a_call_stays_where_its_approval_met_an_error(visit: Visit, ann: User, ada: User) -> None:
    first, second = two_calls(ada)
    tab = visit(ann, f"/sessions/{first.session.uuid}/")
    expect(tab.locator(CARDS)).to_have_count(2)
    tab.context.clear_cookies(name="oversight_csrf")
    tab.locator(f"#pending-{second.uuid}").get_by_role("button", name="Approve").click()
    expect(tab.locator("#trouble")).to_contain_text(
        "This form was out of date. Nothing was changed."
    )
    expect(tab.locator(CARDS)).to_have_count(2)
    second.refresh_from_db()
    assert second.state == "pending"


@pytest.mark.parametrize(
    "body", ["", "Bad Gateway", "<html><body><h1>503 Unavailable</h1></body></html>"]
)
def test_a_proxys_own_words_take_nothing_from_the_page(
    visit: Visit,
    ann: User,
    ada: User,
    body: str,
) -> None:
    first, _ = two_calls(ada)
    tab = visit(ann, f"/sessions/{first.session.uuid}/")
    tab.route("**/approve/", lambda route: route.fulfill(status=503, body=body))
    tab.locator(CARDS).first.get_by_role("button", name="Approve").click()
    expect(tab.locator("#trouble")).to_contain_text("503" if "503" in body else "No answer came")
    expect(tab.locator(CARDS)).to_have_count(2)


def test_what_is_written_outlives_a_page_that_a_button_loads(visit: Visit, ada: User) -> None:
    tab = _composed(visit, ada)
    tab.get_by_role("link", name="Pause").click()
    expect(tab.locator(".messages")).to_contain_text("Pausing after this step.")
    expect(tab.locator("#composer textarea")).to_have_value(WRITTEN)
    tab.locator("#composer textarea").press("Enter")
    expect(tab.locator("#composer textarea")).to_have_value("")
    tab.reload()
    expect(tab.locator("#composer textarea")).to_have_value("")
    assert _messages() == [WRITTEN]


def test_a_sheet_that_does_not_come_leaves_the_page_as_it_is(visit: Visit, ada: User) -> None:
    tab = _composed(visit, ada)
    address = tab.url
    tab.route("**/confirm/**", lambda route: route.abort())
    tab.get_by_role("link", name="Stop…").click()
    expect(tab.locator("#trouble")).to_contain_text("No answer came. Try again.")
    assert tab.url == address
    tab.unroute("**/confirm/**")
    tab.get_by_role("link", name="Stop…").click()
    expect(tab.locator("#sheet")).to_contain_text("Stop this session?")
    expect(tab.locator("#trouble")).to_be_empty()
    expect(tab.locator("#composer textarea")).to_have_value(WRITTEN)


def test_an_item_that_does_not_come_leaves_the_other_chosen(
    visit: Visit,
    ann: User,
    ada: User,
) -> None:
    first, second = two_calls(ada)
    tab = visit(ann, f"/approvals/{first.uuid}/")
    tab.route(f"**/approvals/{second.uuid}/", lambda route: route.abort())
    tab.locator(f"#approval-{second.uuid} a").click()
    expect(tab.locator("#trouble")).to_contain_text("No answer came. Try again.")
    expect(tab.locator(f"#approval-{first.uuid} a")).to_have_attribute("aria-current", "true")
    expect(tab.locator(f"#approval-{second.uuid} a")).not_to_have_attribute("aria-current", "true")
    expect(tab.locator("#case")).to_have_attribute("data-case", str(first.uuid))
    tab.unroute(f"**/approvals/{second.uuid}/")
    tab.evaluate(BROKEN_OFF)
    tab.locator(f"#approval-{second.uuid} a").click()
    expect(tab.locator("#trouble")).to_contain_text("No answer came. Try again.")
    expect(tab.locator(f"#approval-{first.uuid} a")).to_have_attribute("aria-current", "true")
    tab.evaluate("() => { Response.prototype.text = window.whole; }")
    tab.keyboard.press("j")
    expect(tab.locator("#case")).to_have_attribute("data-case", str(second.uuid))


def test_retry_loads_the_page_anew_also_where_its_address_names_an_event(
    visit: Visit,
    ada: User,
) -> None:
    session = stories.tell([(0, 0, stories.started())], status="running")
    tab = visit.come(ada)
    tab.clock.install()
    tab.route_web_socket("**/live/**", lambda socket: socket.close())
    tab.goto(f"{visit.origin}/sessions/{session.uuid}/#e-1")
    tab.clock.fast_forward(31_000)
    with tab.expect_response(f"**/sessions/{session.uuid}/"):
        tab.locator("#retry a").click()


def test_a_step_whose_rows_did_not_come_is_asked_for_again(visit: Visit, bob: User) -> None:
    session = stories.long(None, 400)
    tab = visit(bob, f"/sessions/{session.uuid}/")
    step = tab.locator(".step:not(:has(.event))").last
    name = step.get_attribute("id")
    tab.route("**/steps/**", lambda route: route.abort())
    step.locator("summary").click()
    expect(tab.locator("#trouble")).to_contain_text("No answer came")
    tab.unroute("**/steps/**")
    tab.locator(f"#{name} summary").click()
    expect(tab.locator(f"#{name} .event")).not_to_have_count(0)


@pytest.mark.slow
def test_what_a_page_asks_by_itself_fails_in_silence(visit: Visit, ann: User, ada: User) -> None:
    first, _ = two_calls(ada)
    tab = visit(ann, f"/approvals/{first.uuid}/")
    tab.route("**/looking/", lambda route: route.fulfill(status=502, body=GATEWAY))
    with tab.expect_response("**/looking/"):
        pass
    tab.wait_for_timeout(500)
    expect(tab.locator("#trouble")).to_be_empty()
    expect(tab.locator("#looking")).to_be_attached()
