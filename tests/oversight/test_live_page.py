"""What live.js makes of it, in a browser: rows in order and once, across a lost connection."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from agents.core import events
from agents.models import Approval, Session
from tests.oversight import stories
from tests.oversight.served import Served, cookie, serve
from tests.servers import free_port, stop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

ROWS = "[...document.querySelectorAll('#feed .event')].map(row => Number(row.dataset.seq))"


@pytest.fixture
def signed_in(bob: User) -> dict[str, Any]:
    return {"name": settings.SESSION_COOKIE_NAME, "value": cookie(bob), "url": "http://127.0.0.1"}


def _open(page: Page, served: Served, path: str, signed_in: dict[str, Any]) -> None:
    page.context.add_cookies([signed_in])  # type: ignore[list-item]  # a plain dict for a TypedDict
    page.goto(served.origin + path)
    expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)


def _turns(session: Session, first: int, last: int) -> None:
    told: list[stories.Told] = []
    for step in range(first, last + 1):
        told.append((step, step, stories.turn(f"Thought {step}")))
        told.append((step, step, stories.call("read_file", path=f"{step}.txt")))
        told.append((step, step, stories.result("read_file", "text")))
    stories.add(session, told)


def _wait(page: Page, upto: int) -> list[int]:
    page.wait_for_function(f"() => {ROWS}.at(-1) >= {upto}", timeout=30_000)
    rows: list[int] = page.evaluate(ROWS)
    return rows


def test_rows_come_in_order_and_once_and_a_restart_loses_none(
    page: Page, tmp_path: Path, signed_in: dict[str, Any]
) -> None:
    session = stories.tell([(0, 0, stories.started())])
    port = free_port()
    with serve(tmp_path, "web", port) as served:
        _open(page, served, f"/sessions/{session.uuid}/", signed_in)
        _turns(session, 1, 10)
        assert _wait(page, 31) == list(range(1, 32))
        assert page.locator("#feed .step").count() == 11
        assert page.locator("#outline li").count() == 11
        stop(served.process, signal.SIGKILL)
        expect(page.locator("#connection")).to_contain_text("Reconnecting", timeout=5_000)
        _turns(session, 11, 20)
    with serve(tmp_path, "web", port):
        assert _wait(page, 61) == list(range(1, 62))
        expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)
        assert page.locator("#feed .step").count() == 21
        stories.add(session, [(21, 20, events.Message("ann", "note"))] * 200)
        assert _wait(page, 261) == list(range(1, 262))
        page.reload()
        page.wait_for_selector("#e-261", state="attached")
        assert _opened(page, 261) == list(range(1, 262))


def _opened(page: Page, upto: int) -> list[int]:
    """Every row, once every step is opened and whatever it left out is fetched."""
    page.evaluate("document.querySelectorAll('#feed details').forEach(one => { one.open = true })")
    while page.evaluate(f"{ROWS}.length") < upto:
        page.wait_for_selector(".around a[hx-get]", state="attached", timeout=30_000)
        before = page.evaluate(f"{ROWS}.length")
        page.evaluate("document.querySelector('.around a[hx-get]').click()")
        page.wait_for_function(f"() => {ROWS}.length > {before}", timeout=30_000)
    return sorted(page.evaluate(ROWS))


def test_a_frame_that_the_page_has_in_part_adds_the_rest(
    page: Page, tmp_path: Path, signed_in: dict[str, Any]
) -> None:
    session = stories.tell([(0, 0, stories.started())])
    port = free_port()
    with serve(tmp_path, "web", port) as served:
        _open(page, served, f"/sessions/{session.uuid}/", signed_in)
        _turns(session, 1, 3)
        _wait(page, 10)
        stop(served.process, signal.SIGKILL)
    page.evaluate("document.querySelectorAll('#step-3-rows .event').forEach(e => e.remove())")
    with serve(tmp_path, "web", port):
        assert _wait(page, 10) == list(range(1, 11))
        assert page.locator("#feed .step").count() == 4
        assert page.locator("#outline li").count() == 4


def test_a_page_says_when_its_connection_has_gone_silent(
    page: Page, tmp_path: Path, signed_in: dict[str, Any]
) -> None:
    session = stories.tell([(0, 0, stories.started())])
    with serve(tmp_path, "web") as served:
        _open(page, served, f"/sessions/{session.uuid}/", signed_in)
        served.process.send_signal(signal.SIGSTOP)
        expect(page.locator("#connection")).to_contain_text("Stale", timeout=30_000)
        served.process.send_signal(signal.SIGCONT)
        expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)


def test_signing_out_elsewhere_is_said(
    page: Page, tmp_path: Path, signed_in: dict[str, Any], bob: User
) -> None:
    session = stories.tell([(0, 0, stories.started())])
    with serve(tmp_path, "web", OVERSIGHT_RECHECK_SECONDS=1) as served:
        _open(page, served, f"/sessions/{session.uuid}/", signed_in)
        bob.set_password("another good password")
        bob.save()
        expect(page.locator("#connection")).to_have_text("Signed out", timeout=30_000)


def test_an_open_inbox_and_an_open_wall_follow(
    page: Page, tmp_path: Path, signed_in: dict[str, Any]
) -> None:
    with serve(tmp_path, "web") as served:
        _open(page, served, "/approvals/", signed_in)
        session = stories.tell([(0, 0, stories.started()), (1, 1, stories.asked("send_email"))])
        approval = Approval.objects.get()
        expect(page.locator(f"#approval-{approval.uuid}")).to_be_visible(timeout=30_000)
        _open(page, served, "/sessions/", signed_in)
        Session.objects.filter(pk=session.pk).update(status="waiting_approval")
        # Nothing moves under the pointer: the card asks where it stands, until one sorts again.
        expect(page.locator(f"#active #session-{session.uuid}.asks")).to_be_visible(timeout=30_000)
        expect(page.locator("#resort")).to_have_text("1 change, sort again")
        page.locator("#resort").click()
        expect(page.locator(f"#asking #session-{session.uuid}")).to_be_visible()
        expect(page.locator("#count-needs-you")).to_have_text("1")
        expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)
        page.keyboard.press("u")
        fresh = stories.tell([(0, 0, stories.started())])
        expect(page.locator("#connection")).to_contain_text("Held, ", timeout=30_000)
        assert not page.locator(f"#session-{fresh.uuid}").count()
        page.keyboard.press("u")
        expect(page.locator(f"#active #session-{fresh.uuid}")).to_be_visible(timeout=30_000)
        decided = events.ApprovalDecided(
            str(approval.uuid), approval.call_id, "denied", "Ann", "no", approval.digest
        )
        stories.add(session, [(2, 1, decided)])
        Session.objects.filter(pk=session.pk).update(status="running")
        expect(page.locator(f"#session-{session.uuid}:not(.asks)")).to_be_visible(timeout=30_000)
        expect(page.locator("#count-needs-you")).to_be_hidden(timeout=30_000)


def test_a_wall_that_is_full_stays_as_it_is_and_catches_up_after_a_cut(
    page: Page, tmp_path: Path, signed_in: dict[str, Any]
) -> None:
    common = {"agent": "a", "task": "t", "model": "m"}
    running = [Session(title=f"{n}", status="running", **common) for n in range(60)]
    done = [
        Session(title=f"{n}", status="completed", ended_at=timezone.now(), **common)
        for n in range(4)
    ]
    first, *_, last = Session.objects.bulk_create([*done, *running])
    rows = Session.objects.filter(status="running")
    port = free_port()
    with serve(tmp_path, "web", port) as served:
        _open(page, served, "/sessions/", signed_in)
        cards = page.locator(".cards > article")
        assert cards.count() == 48
        rows.update(last_seq=5)  # every one of them, also those without room
        expect(page.locator("#active > [data-seq='5']")).to_have_count(48, timeout=30_000)
        assert cards.count() == 48
        expect(page.locator("#resort")).to_be_hidden()
        assert not page.locator(f"#session-{first.uuid}").count()
        stop(served.process, signal.SIGKILL)
        expect(page.locator("#connection")).to_contain_text("Reconnecting", timeout=5_000)
    rows.update(last_seq=6)
    Session.objects.filter(pk=last.pk).update(status="completed", ended_at=timezone.now())
    (fresh,) = Session.objects.bulk_create([Session(title="new", status="queued", **common)])
    with serve(tmp_path, "web", port):
        expect(page.locator("#active > [data-seq='6']")).to_have_count(48, timeout=30_000)
        expect(page.locator(f"#session-{last.uuid}")).to_contain_text("Done")
        expect(page.locator(f"#active #session-{fresh.uuid}")).to_be_visible()
        assert cards.count() == 49
