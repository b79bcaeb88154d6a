"""What the page of a long session and a full wall cost: the server's CPU, bytes, elements, and in a
browser the time to the last event and the longest that arriving rows block the page."""

from __future__ import annotations

import gzip
import os
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, sync_playwright

from agents.models import Session
from oversight import timeline
from tests.oversight import stories
from tests.oversight.served import cookie, serve
from tests.servers import CHROMIUM_FLAGS

EVENTS = 10_000
ROWS = 1000
LIVE = 500
TIMES = 9
CHROMIUM = "/usr/bin/chromium"
WATCH = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
  }).observe({ type: "longtask" });
}"""


def measure(folder: Path) -> dict[str, float | bool]:
    """The figures, on a database that is migrated and empty."""
    # Playwright's synchronous interface runs a loop in this thread, which Django takes for ours.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    settings.ALLOWED_HOSTS = ["*"]
    viewer = User.objects.create_superuser("bench")
    session = stories.long(viewer, EVENTS)
    client = Client()
    client.force_login(viewer, "django.contrib.auth.backends.ModelBackend")
    address = f"/sessions/{session.uuid}/"
    figures = {
        **_weight("page_first", client, address, timeline.forget),
        **_weight("page_again", client, address, lambda: None),
        **_browser(folder, session, viewer),
    }
    for number in range(LIVE):
        told = [(0.0, 0, stories.started()), (1.0, 1, stories.turn("I look."))]
        one = stories.waiting(viewer).session if number % 4 == 0 else stories.tell(told, viewer)
        Session.objects.filter(pk=one.pk, status="queued").update(status="running")
    return {**figures, **_weight("wall_of_500", client, "/sessions/", lambda: None)}


def _weight(
    name: str, client: Client, address: str, before: Callable[[], None]
) -> dict[str, float | bool]:
    answer = client.get(address)  # templates are compiled once in a process
    spent = []
    for _ in range(TIMES):
        before()
        start = time.process_time()
        answer = client.get(address)
        spent.append(time.process_time() - start)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}")
    html = answer.content.decode()
    return {
        f"{name}_cpu_ms": round(1000 * statistics.median(spent), 1),
        f"{name}_kb": round(len(gzip.compress(answer.content)) / 1000, 1),
        f"{name}_elements": len(re.findall(r"<[a-z]", html)),
    }


def _browser(folder: Path, session: Session, viewer: User) -> dict[str, float | bool]:
    with serve(folder, "web") as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        name, url = settings.SESSION_COOKIE_NAME, served.origin
        page.context.add_cookies([{"name": name, "value": cookie(viewer), "url": url}])
        shown = [_arrival(page, f"{url}/sessions/{session.uuid}/") for _ in range(5)]
        page.wait_for_function("() => document.getElementById('connection').textContent === 'Live'")
        figures = _live(page, session)
        browser.close()
    return {"last_event_visible_ms": round(statistics.median(shown)), **figures}


def _arrival(page: Page, address: str) -> float:
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(f"#e-{EVENTS}").wait_for(state="visible")
    page.wait_for_function(
        f"() => document.getElementById('e-{EVENTS}').getBoundingClientRect().top < innerHeight"
    )
    return 1000 * (time.perf_counter() - start)


def _live(page: Page, session: Session) -> dict[str, float | bool]:
    """Rows arrive while the reader reads further up, and again while he follows."""
    page.evaluate(WATCH)
    page.mouse.wheel(0, -1500)
    page.wait_for_timeout(500)
    place = page.evaluate("scrollY")
    start = time.perf_counter()
    _append(page, session)
    seconds, away = time.perf_counter() - start, page.evaluate("window.longest")
    kept = page.evaluate("scrollY") == place
    page.evaluate("window.longest = 0")
    page.keyboard.press("Shift+G")
    _append(page, session)
    rows = "[...document.querySelectorAll('#feed .event')].map(row => Number(row.dataset.seq))"
    order = page.evaluate(rows)
    return {
        "live_rows_s": round(seconds, 1),
        "longest_block_ms": round(away),
        "longest_block_following_ms": round(page.evaluate("window.longest")),
        "in_order": order == sorted(order),
        "scroll_kept": kept,
    }


def _append(page: Page, session: Session) -> None:
    step = session.steps
    told: list[stories.Told] = []
    while len(told) < ROWS:
        step += 1
        told.append((step, step, stories.turn(f"Live {step}")))
        told += [(step, step, stories.result("read_file", f"{step}.{n}")) for n in range(4)]
    for first in range(0, ROWS, 50):
        stories.add(session, told[first : first + 50])
    page.locator(f"#e-{session.last_seq}").wait_for(state="attached", timeout=120_000)
