"""What others do while somebody writes: nothing is taken, and no key decides what came instead."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from agents import inbox
from tests.oversight.visits import Visit, two_calls

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
WRITTEN = "c@example.com"


def test_who_edits_a_call_that_somebody_denies_keeps_the_words_and_decides_no_other(
    visit: Visit,
    ann: User,
    ada: User,
) -> None:
    edited, other = two_calls(ada)
    tab = visit(ann, f"/sessions/{edited.session.uuid}/")
    dock = tab.locator(f"#pending-{edited.uuid}")
    dock.get_by_role("link", name="Edit e", exact=True).click()
    field = dock.locator("form[data-do=edit] input:not([type=hidden])").first
    field.fill(WRITTEN)
    inbox.deny(ada, edited.uuid, edited.digest, "No.")
    expect(tab.locator("#feed")).to_contain_text("Denied by ada")
    tab.wait_for_timeout(1000)
    tab.keyboard.type("add")
    expect(field).to_have_value(f"{WRITTEN}add")
    expect(dock).to_contain_text("ada denied it; nothing ran.")
    other.refresh_from_db()
    assert other.state == "pending"
    tab.locator(f"#pending-{other.uuid}").get_by_role("button", name="Approve").click()
    expect(tab.locator(f"#pending-{other.uuid}")).not_to_be_attached()
    expect(field).to_have_value(f"{WRITTEN}add")
    dock.get_by_role("link", name="Go back").click()
    expect(field).not_to_be_attached()
    expect(dock.get_by_role("button", name="Approve")).not_to_be_attached()


def test_what_somebody_else_decides_is_no_longer_among_those_that_are_chosen(
    visit: Visit,
    ann: User,
    ada: User,
) -> None:
    first, _ = two_calls(ada)
    tab = visit(ann, "/approvals/")
    tab.get_by_role("button", name="Select all").click()
    expect(tab.locator("#bulk")).to_contain_text("Approve 2")
    inbox.deny(ada, first.uuid, first.digest, "No.")
    expect(tab.locator(f"#approval-{first.uuid}")).to_contain_text("denied")
    expect(tab.locator("#bulk")).to_contain_text("1 selected")
    expect(tab.locator("#bulk")).to_contain_text("Approve 1")
