"""The feed within one process: lost bells, one rendering for all, windows, ghosts, lists."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from agents import roles
from agents.core.events import Record
from agents.doorbell import Doorbell, News
from agents.models import Approval, Session
from oversight import boards, feed, reading, rows, streams, tiles, timeline, viewers
from oversight.reading import Entry, Window, fitting
from oversight.signs import Page
from tests.oversight import stories
from tests.oversight.served import Seen, append

pytestmark = pytest.mark.django_db(transaction=True)

NOTHING = Page.said("")  # what a page shows


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> Doorbell:
    """A bell of the test's own, which rings only when the test does."""
    own = Doorbell()
    monkeypatch.setattr(feed, "bell", own)
    monkeypatch.setattr(boards, "bell", own)
    return own


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How often each event was rendered."""
    times: Counter[int] = Counter()
    render = rows.row

    def counting(record: Record) -> rows.Row:
        times[record.seq] += 1
        return render(record)

    monkeypatch.setattr(timeline, "row", counting)
    return times


async def _collect(session: Session, after: int, upto: int) -> Seen:
    seen = Seen()
    async with aclosing(streams.session(session.uuid, after)) as frames:
        async with asyncio.timeout(30):
            async for frame in frames:
                seen.take(frame.text)
                if seen.rows and seen.rows[-1] >= upto:
                    return seen
    raise AssertionError("the stream ended")


async def _append_and_ring(bell: Doorbell, session: Session, count: int, chance: float) -> None:
    """Append in small pieces; each rings with this chance."""
    dice = random.Random(7)
    for head in range(11, 11 + count, 10):
        await sync_to_async(append, thread_sensitive=False)(session, 10)
        if dice.random() < chance:
            bell._tell(News({session.pk: head}))
        await asyncio.sleep(0.005)


async def _story() -> Session:
    return await sync_to_async(stories.tell)([(0, 0, stories.started())])


async def test_lost_bells_lose_and_double_nothing(
    bell: Doorbell, rendered: Counter[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await _story()
    joins = [_collect(session, after, 1001) for after in (1, 0, 1)]
    watching = asyncio.gather(*joins)
    await _append_and_ring(bell, session, 1000, chance=0.3)
    first, second, third = await watching
    assert first.rows == third.rows == list(range(2, 1002))
    assert second.rows == list(range(1, 1002))
    assert set(rendered.values()) == {1}
    assert not feed.hub.readers


async def test_a_bell_is_quicker_than_the_poll(
    bell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "POLL", 30.0)
    session = await _story()
    watching = asyncio.create_task(_collect(session, 1, 11))
    await asyncio.sleep(0.3)
    await _append_and_ring(bell, session, 10, chance=1)
    async with asyncio.timeout(20):
        assert (await watching).rows == list(range(2, 12))


async def test_a_slow_socket_gets_larger_frames_and_nobody_waits_for_it(bell: Doorbell) -> None:
    session = await _story()
    slow, seen = streams.session(session.uuid, 1), Seen()
    async with aclosing(slow):
        seen.take((await anext(slow)).text)
        quick = asyncio.create_task(_collect(session, 1, 501))
        await _append_and_ring(bell, session, 500, chance=1)
        assert (await quick).rows == list(range(2, 502))
        frames = seen.frames
        async with asyncio.timeout(30):
            while not seen.rows or seen.rows[-1] < 501:
                seen.take((await anext(slow)).text)
    assert seen.rows == list(range(2, 502))
    assert seen.frames - frames < 12


async def test_a_cursor_before_the_window_reads_the_log(
    bell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "KEPT_ROWS", 16)
    session = await _story()
    watching = asyncio.create_task(_collect(session, 1, 301))
    await _append_and_ring(bell, session, 300, chance=1)
    await watching
    assert (await _collect(session, 5, 301)).rows == list(range(6, 302))


async def test_a_cursor_beyond_the_log_waits_for_what_comes(bell: Doorbell) -> None:
    session = await _story()
    watching = asyncio.create_task(_collect(session, 999, 11))
    await asyncio.sleep(0.3)
    await _append_and_ring(bell, session, 10, chance=1)
    assert (await watching).rows == list(range(2, 12))


async def test_ghost_text_goes_when_the_turn_is_recorded(bell: Doorbell) -> None:
    session = await _story()
    async with aclosing(streams.session(session.uuid, 1)) as frames:
        await _until(frames, 'id="status"')
        bell._tell_ghosts(session.pk, 1, 1, "text", "Once upon")
        await _until(frames, "Once upon")
        told = [(1.0, 1, stories.turn("Once upon a time"))]
        await sync_to_async(stories.add)(session, told)
        bell._tell(News({session.pk: 2}))
        frame = await _until(frames, "Once upon a time")
        assert 'id="ghost"' in frame
        bell._tell_ghosts(session.pk, 1, 1, "text", "a late whisper")
        bell._tell_ghosts(session.pk, 2, 1, "text", "the next turn")
        assert "late" not in await _until(frames, "the next turn")


async def test_ghost_text_goes_after_silence(
    bell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "SILENCE", 0.3)
    session = await _story()
    async with aclosing(streams.session(session.uuid, 1)) as frames:
        await _until(frames, 'id="status"')
        bell._tell_ghosts(session.pk, 1, 1, "text", "Once upon")
        await _until(frames, "Once upon")
        assert "Once" not in await _until(frames, 'id="ghost"')


async def _until(frames: AsyncGenerator[streams.Frame], words: str) -> str:
    async with asyncio.timeout(30):
        async for frame in frames:
            if words in frame.text:
                return frame.text
    raise AssertionError(words)


def _entries(*sizes: int) -> list[Entry]:
    return [Entry(seq, seq // 3, "message", size, None) for seq, size in enumerate(sizes, 1)]


def test_a_window_is_bounded_and_knows_the_step_before_each_cursor() -> None:
    window = Window()
    window.extend(_entries(*[10] * 600))
    assert (len(window.entries), window.head, window.floor) == (512, 600, 88)
    assert window.following(87) == (-1, None)
    step, entries = window.following(88)
    assert (step, entries and entries[0].seq) == (88 // 3, 89)
    step, entries = window.following(599)
    assert step == 599 // 3
    assert [entry.seq for entry in entries or ()] == [600]
    window.extend(_entries(5 * 1024 * 1024))
    assert not window.entries
    assert window.size == 0


def test_a_frame_is_bounded_and_never_empty() -> None:
    assert len(fitting(_entries(*[1] * 300))) == 100
    assert len(fitting(_entries(300_000, 1))) == 1
    assert len(fitting(_entries(200_000, 50_000, 50_000))) == 2


# --- lists ---------------------------------------------------------------------------------------


def _viewer(user: User) -> viewers.Viewer:
    return viewers.Viewer("", lambda _: True, user, roles.rights(user), checked=1e12)


async def _item(frames: AsyncGenerator[streams.Frame], element: str, words: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        async for frame in frames:
            for item in json.loads(frame.text).get("items", []):
                if item["id"] == element and words in item["html"]:
                    return dict(item)
    raise AssertionError(element)


async def test_two_walls_cause_one_rendering(
    bell: Doorbell, bob: User, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await _story()
    times: Counter[int] = Counter()
    render = tiles.render_card

    def counting(row: Session, asked: Approval | None = None) -> str:
        times[row.last_seq] += 1
        return render(row, asked)

    monkeypatch.setattr(tiles, "render_card", counting)
    people = [await sync_to_async(_viewer)(user) for user in (bob, ada)]
    walls = [streams.board(boards.wall, viewer, NOTHING) for viewer in people]
    for wall in walls:
        await _item(wall, f"session-{session.uuid}", 'data-seq="1"')
    await sync_to_async(append, thread_sensitive=False)(session, 3)
    for wall in walls:
        await _item(wall, f"session-{session.uuid}", 'data-seq="4"')
        await wall.aclose()
    assert times[1] == 1
    assert times[4] == 1


async def test_a_list_shows_only_what_its_viewer_may_see(bell: Doorbell, eve: User) -> None:
    session = await _story()
    viewer = await sync_to_async(_viewer)(eve)
    async with aclosing(streams.board(boards.wall, viewer, NOTHING)) as frames:
        async with asyncio.timeout(30):
            async for frame in frames:
                if "items" in frame.text:
                    break
    assert str(session.uuid) not in frame.text


async def test_a_sign_in_that_is_somebody_elses_by_now_ends_the_socket(
    monkeypatch: pytest.MonkeyPatch, bob: User, ann: User
) -> None:
    found = (ann, await sync_to_async(roles.rights)(ann))
    viewer = viewers.Viewer("", lambda _: True, bob, found[1], checked=0.0)
    monkeypatch.setattr(viewers, "_admitted", lambda key, test: found)
    assert not await viewer.still_may(sends=True)
    assert viewer.user == bob
