"""What holds on every page of the product, in both themes, at every width."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.house import House
from tests.demo import PASSWORD
from tests.servers import ROOT, stop
from tests.surroundings import product_env

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDE = {"width": 1440, "height": 950}
NOTEBOOK = {"width": 1280, "height": 800}
MIDDLE = {"width": 1024, "height": 800}
NARROW = {"width": 360, "height": 740}
PAPER = {"width": 794, "height": 1123}  # A4 at 96 dots an inch
TABS = 40  # presses of the key
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = """async (only) => {
  const found = await axe.run(document, {resultTypes: ["violations"], runOnly: only});
  return found.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n =>
    n.html.slice(0, 160) + " " + (n.any[0]?.message ?? "")).join(" | "));
}"""
TOO_WIDE = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return "";
  const over = [...document.querySelectorAll("body *")].filter(e =>
    e.getBoundingClientRect().right > wide + 1 && getComputedStyle(e).position !== "fixed");
  return over.slice(0, 3).map(e => e.outerHTML.slice(0, 140)).join(" | ");
}"""
# What a finger or a pointer aims at; a link within a line of text is as high as the line.
SMALL = """() => {
  const seen = {opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true};
  const aims = "a[href], button, summary, input:not([type=hidden]), select, textarea";
  const least = e => [e, ...(e.labels ?? [])].map(one => one.getBoundingClientRect());
  return [...document.querySelectorAll(aims)]
    .filter(e => e.checkVisibility(seen) && !e.closest(".unseen, .skip"))
    .filter(e => !(e.matches("a") && getComputedStyle(e).display === "inline"))
    .filter(e => !least(e).some(box => box.height > 23.5 && box.width > 23.5))
    .map(e => e.outerHTML.slice(0, 140));
}"""
# Headings of ours have a word or two; the title of a session may be as long as one likes.
CUT_HEADING = """() => [...document.querySelectorAll("h1, h2, h3, h4")]
  .filter(e => e.textContent.trim().split(/\\s+/).length < 3)
  .filter(e => e.checkVisibility() && getComputedStyle(e).overflowX !== "visible")
  .filter(e => !e.closest(".unseen") && e.scrollWidth > e.clientWidth + 1)
  .map(e => e.textContent.slice(0, 60) + ": " + e.clientWidth + " of " + e.scrollWidth)"""
# A risk or a state that is pushed out of its line is not there.
CUT_MARK = """() => [...document.querySelectorAll(".risk, .chip")]
  .filter(e => e.checkVisibility({contentVisibilityAuto: true}) && !e.closest(".unseen"))
  .filter(e => { const box = e.getBoundingClientRect();
    for (let up = e.parentElement; up; up = up.parentElement)
      if (getComputedStyle(up).overflowX === "hidden" || getComputedStyle(up).overflowX === "clip")
        if (box.right > up.getBoundingClientRect().right + 1) return true;
    return false; })
  .map(e => e.outerHTML.slice(0, 140))"""
CUT = """() => [...document.querySelectorAll(".folding, #result_list")]
  .map(table => table.parentElement)
  .filter(panel => panel.scrollWidth > panel.clientWidth)
  .map(panel => panel.scrollWidth + " of " + panel.clientWidth)"""
# What scrolls on a screen is cut on paper.
UNPRINTED = """() => [...document.querySelectorAll("main *")]
  .filter(e => e.checkVisibility() && e.scrollHeight > e.clientHeight + 1)
  .filter(e => ["auto", "scroll"].includes(getComputedStyle(e).overflowY))
  .map(e => e.outerHTML.slice(0, 140))"""
FOCUS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return ["", true];
  const box = e.getBoundingClientRect();
  const ringed = e => getComputedStyle(e).outlineStyle !== "none";
  const ring = ringed(e) || ringed(e.closest("form") ?? e);
  const all = [...document.querySelectorAll("*")].indexOf(e);
  return [all + " " + e.outerHTML.slice(0, 120), ring && box.width > 0 && box.height > 0];
}"""


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, dict[str, str]]]:
    """The seeded demo, served by a process that runs nothing."""
    house = House(tmp_path_factory.mktemp("shop"), {}, serving="web")
    command = [sys.executable, "-m", "tests.demo", str(house.data)]
    told = subprocess.run(command, cwd=ROOT, env=product_env(), capture_output=True, check=True)
    try:
        house.start()
        yield house, json.loads(told.stdout.splitlines()[-1])
    finally:
        if house.process is not None:
            stop(house.process)


@pytest.fixture
def visit(
    browser: Browser, context: BrowserContext, shop_folder: tuple[House, dict[str, str]]
) -> Page:
    house, _ = shop_folder
    page = context.new_page()
    page.goto(f"{house.origin}/signin/")
    page.fill("#id_username", "mira")
    page.fill("#id_password", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{house.origin}/sessions/**")
    return page


def _kind(name: str) -> str:
    first = name.partition("-")[0]
    return "admin" if first == "admin" else "rest"


@pytest.mark.timeout(900)  # many pages: a slow machine is no failure
@pytest.mark.parametrize(("kind", "part"), [("admin", 0), ("admin", 1), ("rest", 0), ("rest", 1)])
def test_every_page_is_for_everybody(
    visit: Page,
    axe: str,
    shop_folder: tuple[House, dict[str, str]],
    complaints: list[str],
    kind: str,
    part: int,
) -> None:
    house, pages = shop_folder
    wanted = [item for item in sorted(pages.items()) if _kind(item[0]) == kind][part::2]
    assert len(wanted) > 10
    wrong = [
        f"{name} {address}: {problem}"
        for name, address in wanted
        for problem in _problems(visit, house.origin + address, axe, complaints)
    ]
    assert not wrong, "\n".join(wrong)


def _problems(page: Page, address: str, axe: str, complaints: list[str]) -> Iterator[str]:
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]  # Playwright's own TypedDict
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    answer = page.goto(address, wait_until="load")
    assert answer is not None
    if answer.status >= 500 or (answer.status == 404) != address.endswith("/nowhere/"):
        yield f"status {answer.status}"
    expected = [said for said in complaints if "404" in said and address.endswith("/nowhere/")]
    yield from (f"console: {said}" for said in complaints if said not in expected)
    page.evaluate(axe)  # which styles elements of its own, and is told that it may not
    yield from (f"light {said}" for said in page.evaluate(AXE, RULES))
    yield from _by_keyboard(page)
    yield from _drawn(page, 1440)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    yield from (f"dark {said}" for said in page.evaluate(AXE, ["color-contrast"]))
    page.set_viewport_size(NOTEBOOK)  # type: ignore[arg-type]  # as above
    yield from _drawn(page, 1280)
    page.set_viewport_size(MIDDLE)  # type: ignore[arg-type]  # as above
    yield from (f"a list is cut off at 1024: {cut}" for cut in page.evaluate(CUT))
    yield from _drawn(page, 1024)
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]  # as above
    yield from (f"a list is cut off at 360: {cut}" for cut in page.evaluate(CUT))
    if over := page.evaluate(TOO_WIDE):
        yield f"wider than 360: {over}"
    yield from _drawn(page, 360)
    yield from _printed(page)
    complaints.clear()


def _drawn(page: Page, width: int) -> Iterator[str]:
    """Headings and marks are whole, targets large enough; the admin has Django's own widgets."""
    if "/admin/" in page.url:
        return
    yield from (f"a heading is cut at {width}: {cut}" for cut in page.evaluate(CUT_HEADING))
    yield from (f"a mark is cut at {width}: {mark}" for mark in page.evaluate(CUT_MARK))
    yield from (f"a small target at {width}: {aim}" for aim in page.evaluate(SMALL))


def _printed(page: Page) -> Iterator[str]:
    """Dark on white whatever the theme, whole, and without what only a screen has."""
    page.set_viewport_size(PAPER)  # type: ignore[arg-type]  # as above
    page.emulate_media(media="print", color_scheme="dark")
    yield from (f"on paper: {said}" for said in page.evaluate(AXE, ["color-contrast"]))
    yield from (f"cut on paper: {cut}" for cut in page.evaluate(UNPRINTED))
    if over := page.evaluate(TOO_WIDE):
        yield f"wider than paper: {over}"
    if page.locator(".side:visible, .tabs:visible, .end:visible").count():
        yield "navigation on paper"
    page.emulate_media(media="screen")


def _by_keyboard(page: Page) -> Iterator[str]:
    """Each stop of the Tab key is another one, and shows that it is there."""
    before: Any = None
    for _ in range(TABS):
        page.keyboard.press("Tab")
        now, shown = page.evaluate(FOCUS)
        if not now:
            return
        if now == before:
            yield f"trapped at {now}"
            return
        if not shown:
            yield f"focus is not seen at {now}"
            return
        before = now
