"""An administrator's change: lower a risk, see what it would have let run, say why, put it back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.pages import PATIENCE
from tests.cast import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TASK = "[press] Announce the second workshop to the press."
REASON = f"These go to our own press list: https://press.example/{'list/' * 60}"


def risk(page: Page, tool: str, word: str) -> None:
    group = page.get_by_role("group", name=f"Risk of {tool}", exact=True)
    group.get_by_role("radio", name=word, exact=True).check()


def chosen(page: Page, tool: str) -> str:
    group = page.get_by_role("group", name=f"Risk of {tool}", exact=True)
    return str(group.locator("input:checked").get_attribute("value"))


def asked_and_denied(house: House) -> str:
    """A session whose e-mail a person has denied; the tool's name."""
    session = house.run(TASK)
    asked = house.wait_pending(session)
    denial = {"decision": "deny", "digest": asked["digest"], "reason": "Not today."}
    house.post(f"approvals/{asked['id']}/decision", denial)
    house.wait(session, lambda _: house.of_kind(session, "tool_result"))
    return str(asked["tool"])


def test_a_risk_is_lowered_with_its_forecast_and_a_reason_and_put_back(
    page: Page, house: House, complaints: list[str]
) -> None:
    tool = asked_and_denied(house)
    page.get_by_role("link", name="Risk map").click()
    expect(page.get_by_role("heading", name="Risk map", level=1)).to_be_visible()
    changes = page.get_by_role("region", name="What would change")
    expect(changes).to_contain_text("Nothing changed yet")
    before = chosen(page, tool)
    assert before == "medium"

    risk(page, tool, "low")
    expect(changes).to_contain_text("1 unsaved change", timeout=PATIENCE)
    expect(changes).to_contain_text("1 call would have run without asking.")
    expect(changes).to_contain_text("people denied 1 call")
    changes.get_by_role("button", name="Save change").click()
    assert page.evaluate("document.activeElement.id") == "reason", "a reason is asked for"
    page.get_by_label("Why are you changing this?").fill(REASON)
    changes.get_by_role("button", name="Save change").click()
    expect(page.locator(".messages")).to_contain_text(f"Saved: {tool}.", timeout=PATIENCE)
    assert chosen(page, tool) == "low"

    page.get_by_role("link", name="Change log").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text(REASON)
    assert page.evaluate("document.querySelector('main').scrollWidth <= innerWidth")
    back = page.get_by_role("link", name="Put back").first.bounding_box()
    assert back
    assert back["x"] + back["width"] <= page.evaluate("innerWidth"), "it is in reach"
    page.get_by_role("link", name="Put back").first.click()
    expect(page.get_by_role("region", name="What would change")).to_contain_text(
        "1 call would have waited for people."
    )
    page.get_by_role("button", name="Save change").click()
    page.goto(f"{house.origin}/admin/agents/tool/")
    assert chosen(page, tool) == before

    for place in ("", "agents/agentdefinition/", "agents/agentdefinition/add/", "auth/user/"):
        page.goto(f"{house.origin}/admin/{place}")
    page.goto(f"{house.origin}/admin/auth/user/1/change/")
    page.wait_for_load_state("networkidle")
    assert complaints == []


def test_the_same_by_keyboard_without_scripts_on_a_phone(
    browser: Browser, context: BrowserContext, page: Page, house: House
) -> None:
    tool = asked_and_denied(house)
    plain = browser.new_context(
        java_script_enabled=False,
        storage_state=context.storage_state(),
        viewport={"width": 360, "height": 760},
    )
    bare = plain.new_page()
    bare.goto(f"{house.origin}/admin/agents/tool/?q={tool}")
    assert bare.locator("html").evaluate("e => e.scrollWidth") <= 360
    bare.get_by_role("radio", name="medium").focus()
    bare.keyboard.press("ArrowRight")
    assert chosen(bare, tool) == "high"
    bare.get_by_role("button", name="Look at the change").focus()
    bare.keyboard.press("Enter")
    expect(bare.locator("#changes")).to_contain_text("of 1 call none would have gone otherwise.")
    bare.get_by_role("button", name="Save change").focus()
    bare.keyboard.press("Enter")
    expect(bare.locator(".messages")).to_contain_text(f"Saved: {tool}.")
    assert chosen(bare, tool) == "high"
    plain.close()


def test_what_is_wrong_stands_in_red_at_its_field(page: Page, house: House) -> None:
    page.goto(f"{house.origin}/admin/agents/tool/")
    page.get_by_role("link", name="send_email", exact=True).click()
    field = page.get_by_label("Time-out")
    field.fill("a minute")
    page.keyboard.press("Enter")
    said = "Time-out: that is no number that can be read."
    expect(field).to_have_accessible_description(said, timeout=PATIENCE)
    expect(field).to_have_value("a minute")
    colour = "e => getComputedStyle(e).color"
    beside = page.locator("small.problem").evaluate(colour)
    assert beside == page.locator("p.problem").evaluate(colour)


def test_whoever_is_no_administrator_is_told_so(browser: Browser, house: House) -> None:
    house.command("user", "olu", "--password", PASSWORD, "--role", "operator")
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{house.origin}/admin/agents/tool/")
    page.get_by_label("Name").fill("olu")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You may not do this")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Only administrators")
    context.close()
