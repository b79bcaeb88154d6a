"""The network between browser and product goes away for a while."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.house import House, open_house
from tests.browser.pages import PATIENCE, ended, live, seqs, shows_everything, sign_in
from tests.browser.wire import Wire, wire_to
from tests.servers import free_port, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AWAY = 5  # seconds
LONG = "[long] Audit the house rules."


def test_after_five_seconds_without_a_network_nothing_is_missing_and_nothing_doubled(
    context: BrowserContext, tmp_path: Path
) -> None:
    port, near = free_port(), free_port()
    origins = f"http://127.0.0.1:{near},http://127.0.0.1:{port}"
    # Slow enough that its fifty steps outlast the cut and the way back.
    env = {"OVERSIGHT_REHEARSAL_SPEED": 1, "OVERSIGHT_ORIGINS": origins}
    with open_house(tmp_path / "house", env, port) as house, wire_to(port, near) as wire:
        _watch_through(context, house, wire)


def _watch_through(context: BrowserContext, house: House, wire: Wire) -> None:
    page = context.new_page()
    sign_in(page, house)
    session = house.run(LONG)
    page.goto(f"{wire.origin}/sessions/{session}/")
    live(page)
    page.wait_for_selector("#e-12", state="attached", timeout=PATIENCE)

    wire.cut()
    expect(page.locator("#connection")).to_contain_text("Reconnecting", timeout=PATIENCE)
    shown = seqs(page)
    time.sleep(AWAY)
    # The session went on meanwhile, and is not at its end when the network is back.
    wait_for(lambda: house.session(session)["last_seq"] > shown[-1] + 2, "more events")
    assert seqs(page) == shown
    assert house.session(session)["ended_at"] is None

    wire.mend()
    live(page)
    back = seqs(page)
    assert back == list(range(1, back[-1] + 1))
    page.wait_for_selector(f"#e-{back[-1] + 5}", state="attached", timeout=PATIENCE)
    house.post(f"sessions/{session}/stop", {})
    ended(page)
    shows_everything(page, house, session)
