"""What a page shows, and how a person gets there."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.browser.house import House

PATIENCE = 30_000  # milliseconds
ROWS = "rows => rows.map(row => Number(row.dataset.seq))"
FACES = """rows => Object.fromEntries(rows.map(row => {
  const copy = row.cloneNode(true);
  copy.classList.remove("future");
  copy.querySelectorAll(".at time").forEach(time => { time.textContent = time.dateTime; });
  return [row.id, copy.outerHTML.replace(/\\s+/g, " ")];
}))"""


def listen(context: BrowserContext, complaints: list[str]) -> None:
    """Write down what its pages complain about."""
    context.on("console", lambda message: _heard(complaints, message))
    context.on("weberror", lambda error: complaints.append(str(error.error)))


def _heard(complaints: list[str], message: ConsoleMessage) -> None:
    if message.type == "error" or "Content Security Policy" in message.text:
        complaints.append(message.text)


def sign_in(page: Page, house: House) -> None:
    """By the link that the start printed."""
    page.goto(house.link())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{house.origin}/sessions/**")


def start_session(page: Page, house: House, task: str, agent: str = "") -> str:
    """In the browser; the session's id, with its live page open."""
    page.goto(f"{house.origin}/sessions/new/")
    if agent:
        page.select_option("#agent", agent)
    page.fill("#task", task)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/$"))
    return page.url.rstrip("/").rsplit("/", 1)[1]


def live(page: Page) -> None:
    """Wait until the page says that it is live."""
    expect(page.locator("#connection")).to_have_text("Live", timeout=PATIENCE)


def seqs(page: Page) -> list[int]:
    """The events on the page, in the page's order."""
    found: list[int] = page.eval_on_selector_all("#feed [data-seq]", ROWS)
    return found


def faces(page: Page, within: str) -> dict[str, str]:
    """Every event's row as it is rendered."""
    found: dict[str, str] = page.eval_on_selector_all(f"{within} .event[data-seq]", FACES)
    return found


def shows_everything(page: Page, house: House, session: str) -> None:
    """Every event of the log is on the page once, in order."""
    wanted = [event["seq"] for event in house.events(session)]
    page.wait_for_selector(f"#e-{wanted[-1]}", state="attached", timeout=PATIENCE)
    unfold(page)
    assert seqs(page) == wanted


def unfold(page: Page) -> None:
    """Open every folded step; the page fetches what is in it then."""
    page.eval_on_selector_all(
        "#feed .step > details:not([open])", "all => all.forEach(d => d.open = true)"
    )
    expect(page.locator("#feed .rows > .around")).to_have_count(0, timeout=PATIENCE)


def ended(page: Page) -> None:
    """Wait until the page says that the session has ended."""
    page.wait_for_selector("#status[data-ended]", state="attached", timeout=PATIENCE)
    page.wait_for_selector("#connection", state="hidden", timeout=PATIENCE)  # no longer Live
