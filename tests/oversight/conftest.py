"""The browser of the window's tests, and the product that is served to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.oversight.served import Served, serve
from tests.oversight.visits import Visit
from tests.servers import CHROMIUM_FLAGS


@pytest.fixture
def _orm_beside_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    # Playwright's synchronous interface runs a loop in this thread, which Django takes for ours.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


@pytest.fixture
def page(chromium: str, _orm_beside_playwright: None) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page
        browser.close()
    assert not problems


@pytest.fixture
def visit(page: Page, served: Served) -> Visit:
    return Visit(page, served.origin)


@pytest.fixture
def served(transactional_db: None, tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path, "web", OVERSIGHT_UNDO_SECONDS=60) as one:
        yield one
