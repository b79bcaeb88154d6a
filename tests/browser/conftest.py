"""A browser at the served product, and what it complained about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.house import House, open_house
from tests.browser.pages import listen, sign_in
from tests.servers import CHROMIUM_FLAGS

SPEED = 20
WIDE = {"width": 1440, "height": 950}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The product over an empty data folder, with the rehearsal model."""
    with open_house(tmp_path / "house", {"OVERSIGHT_REHEARSAL_SPEED": SPEED}) as house:
        yield house


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What consoles said at level error, what scripts threw and what the policy blocked."""
    return []


@pytest.fixture
def context(browser: Browser, complaints: list[str]) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": WIDE["width"], "height": WIDE["height"]})
    listen(context, complaints)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, house: House) -> Page:
    """A signed-in tab."""
    page = context.new_page()
    sign_in(page, house)
    return page
