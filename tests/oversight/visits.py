"""Somebody at the browser, and what waits for them there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from agents.models import Approval
from tests.oversight import stories
from tests.oversight.served import cookie

CARDS = "#pending section[id^=pending-]"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at the browser."""

    page: Page
    origin: str

    def come(self, user: User) -> Page:
        come(self.page, user)
        return self.page

    def __call__(self, user: User, path: str) -> Page:
        open_page(self.page, self.origin, path, user)
        return self.page


def come(page: Page, user: User) -> None:
    known: Any = {"name": settings.SESSION_COOKIE_NAME, "value": cookie(user)}
    page.context.add_cookies([known | {"url": "http://127.0.0.1"}])


def open_page(page: Page, origin: str, path: str, user: User) -> None:
    come(page, user)
    page.goto(origin + path)
    expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)


def two_calls(by: User) -> tuple[Approval, Approval]:
    """Of one session, both waiting."""
    first = stories.waiting(by)
    request = stories.asked("send_email", "medium", minutes=30, to="a@example.com")
    stories.add(first.session, [(10, 2, request)])
    return first, first.session.approvals.get(tool="send_email")
