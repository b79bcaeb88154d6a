"""Editing a call, coming too late, and deciding without scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.pages import PATIENCE, live, shows_everything

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TASK = "[press] Announce the second workshop to the press."
SUBJECT = "A second workshop for Fernhill"


@pytest.fixture
def plain(browser: Browser, context: BrowserContext, page: Page) -> Iterator[Page]:
    """The same person in a browser that runs no scripts."""
    bare = browser.new_context(java_script_enabled=False, storage_state=context.storage_state())
    yield bare.new_page()
    bare.close()


def test_edited_arguments_run_and_the_model_is_told(
    page: Page, house: House, complaints: list[str]
) -> None:
    session = house.run(TASK)
    page.goto(f"{house.origin}/sessions/{session}/")
    live(page)
    asked = house.wait_pending(session)
    dock = page.locator(f"#pending-{asked['id']}")
    dock.get_by_role("link", name="Edit", exact=False).first.click()
    dock.get_by_label("subject").fill(SUBJECT)
    _ring(page, session)
    expect(dock.get_by_label("subject")).to_have_value(SUBJECT)
    expect(dock.locator(".change ins")).to_contain_text(SUBJECT)
    _ring(page, session)
    expect(dock.get_by_label("subject")).to_have_value(SUBJECT)
    dock.get_by_role("button", name="Approve edited").click()
    page.wait_for_selector(f"#pending-{asked['id']}", state="detached", timeout=PATIENCE)
    house.wait(session, lambda _: _results(house, session, asked["call_id"]))

    wanted = {**asked["arguments"], "subject": SUBJECT}
    ran = [e for e in house.of_kind(session, "tool_started") if e["call_id"] == asked["call_id"]]
    assert [event["arguments"] for event in ran] == [wanted]
    told = str(_results(house, session, asked["call_id"])[0]["content"])
    assert "Executed instead" in told
    assert SUBJECT in told
    house.wait_pending(session)
    shows_everything(page, house, session)
    assert complaints == []


def test_a_stale_page_is_told_who_decided_already(plain: Page, house: House) -> None:
    session = house.run(TASK)
    asked = house.wait_pending(session)
    plain.goto(f"{house.origin}/approvals/{asked['id']}/")
    denial = {"decision": "deny", "digest": asked["digest"], "reason": "Not today."}
    house.post(f"approvals/{asked['id']}/decision", denial)
    with plain.expect_response(lambda answer: answer.request.method == "POST") as answered:
        plain.get_by_role("button", name="Approve").click()
    assert answered.value.status == 409
    main = plain.locator("main")
    expect(main.get_by_role("alert")).to_be_visible()
    expect(main.locator(".case")).to_contain_text("Already denied by admin")
    expect(main.locator(".case")).to_contain_text("Not today.")
    assert not _started(house, session, asked["call_id"])


def test_an_approval_and_a_denial_work_without_scripts(plain: Page, house: House) -> None:
    session = house.run(TASK)
    asked = house.wait_pending(session)
    plain.goto(f"{house.origin}/approvals/{asked['id']}/")
    plain.get_by_role("button", name="Approve").click()
    expect(plain.locator(".note li")).to_have_text("Approved.")
    expect(plain.locator(".note li")).to_be_visible()
    house.wait(session, lambda _: _results(house, session, asked["call_id"]))
    assert len(_started(house, session, asked["call_id"])) == 1

    high = house.wait_pending(session)
    plain.goto(f"{house.origin}/approvals/{high['id']}/")
    plain.get_by_role("link", name="Deny").click()
    plain.fill("textarea[name=reason]", "Not in public.")
    plain.get_by_role("button", name="Deny", exact=True).click()
    expect(plain.locator(".note li")).to_contain_text("Denied")
    house.wait(session, lambda _: _results(house, session, high["call_id"]))
    assert not _started(house, session, high["call_id"])


def _ring(page: Page, session: str) -> None:
    """As when something else in this session is decided or asked: the dock looks again."""
    with page.expect_response(f"**/sessions/{session}/pending/"):
        page.evaluate(
            """session => htmx.ajax("GET", `/sessions/${session}/pending/`,
            {target: "#pending", swap: "innerMorph"})""",
            session,
        )


def _results(house: House, session: str, call: str) -> list[dict[str, object]]:
    return [e for e in house.of_kind(session, "tool_result") if e["call_id"] == call]


def _started(house: House, session: str, call: str) -> list[dict[str, object]]:
    return [e for e in house.of_kind(session, "tool_started") if e["call_id"] == call]
