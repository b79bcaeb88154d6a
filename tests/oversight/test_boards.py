"""The wall and the inbox go on from what a page shows: nothing twice, nothing missed, no cap."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from agents import roles
from agents.models import Approval, RoleAssignment, Session
from oversight import boards, signs, streams, tiles
from oversight.boards import Board
from oversight.signs import Page
from oversight.viewers import Viewer
from tests.oversight import stories

pytestmark = pytest.mark.django_db(transaction=True)

STAMPED = re.compile(r'<\w+ id="(\w)\w*-([0-9a-f-]{36})"[^>]* data-stamp="(\w{8})"')


@pytest.fixture(autouse=True)
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boards of the test's own, as in a process that nobody has watched yet."""
    monkeypatch.setattr(boards, "wall", Board(boards.wall.source))
    monkeypatch.setattr(boards, "inbox", Board(boards.inbox.source))


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Whose cards were rendered for sockets."""
    times: list[UUID] = []
    render = tiles.render_card

    def counting(row: Session, asked: Approval | None = None) -> str:
        times.append(row.uuid)
        return render(row, asked)

    monkeypatch.setattr(tiles, "render_card", counting)
    return times


def sessions(count: int, **fields: Any) -> list[Session]:
    rows = [Session(agent="a", title=f"{n}", task="t", model="m", **fields) for n in range(count)]
    return Session.objects.bulk_create(rows)


def approvals(count: int) -> list[Approval]:
    """The first expires first."""
    session, now = sessions(1, status="waiting_approval")[0], timezone.now()
    common: dict[str, Any] = {"session": session, "step": 1, "tool": "pay", "risk": "high"}
    common |= {"arguments": "{}", "original": "{}", "digest": "d" * 64, "requested_at": now}
    rows = [
        Approval(uuid=uuid4(), seq=n, call_id=f"{n}", decide_by=now + timedelta(hours=n), **common)
        for n in range(1, count + 1)
    ]
    return Approval.objects.bulk_create(rows)


def shown(user: User, path: str) -> Page:
    """What a page says on connect, as boards.js reads it from its elements."""
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    html = client.get(path).content.decode()
    have = "".join(kind + uuid.replace("-", "") + on for kind, uuid, on in STAMPED.findall(html))
    newest = re.findall(r'data-newest="([^"]*)"', html)[0]
    cut = re.findall(r'id="(\w+)"[^>]* data-cut', html)
    return Page.said(urlencode({"have": have, "newest": newest, "cut": ",".join(cut)}))


def viewer(user: User) -> Viewer:
    return Viewer("", lambda _: True, user, roles.rights(user), checked=1e12)


Frames = AsyncGenerator[streams.Frame]


class Socket:
    """What a socket of ``board`` is sent."""

    def __init__(self, board: Board, user: User, page: Page) -> None:
        self.frames: Frames = streams.board(board, viewer(user), page)

    async def next(self) -> list[dict[str, Any]]:
        """The items of the next frame that is no heartbeat."""
        async with asyncio.timeout(30):
            async for frame in self.frames:
                if frame.news:
                    return list(json.loads(frame.text)["items"])
        raise AssertionError("the socket was closed")

    async def until(self, row: Session | Approval) -> dict[str, Any]:
        """The first item of this row, with whatever came before it."""
        self.before: list[str] = []
        while True:
            for item in await self.next():
                if item["id"].endswith(str(row.uuid)):
                    return dict(item)
                self.before.append(item["id"])


def change(row: Session, **fields: Any) -> None:
    Session.objects.filter(pk=row.pk).update(**fields)


later = sync_to_async(change, thread_sensitive=False)


async def test_a_page_that_shows_all_that_fits_is_sent_nothing_when_it_connects(
    bob: User, rendered: list[UUID]
) -> None:
    await sync_to_async(sessions)(60, status="running")
    await sync_to_async(sessions)(4, status="completed", ended_at=timezone.now())
    page = await sync_to_async(shown)(bob, "/sessions/")
    assert len(page.stamps) == 48
    rendered.clear()
    socket = await sync_to_async(Socket)(boards.wall, bob, page)
    async with aclosing(socket.frames):
        assert await socket.next() == []
    assert rendered == []


async def test_what_has_no_room_on_the_page_is_neither_rendered_nor_sent_until_it_asks(
    bob: User, rendered: list[UUID]
) -> None:
    hidden, *_, last = await sync_to_async(sessions)(60, status="running")
    page = await sync_to_async(shown)(bob, "/sessions/")
    assert ("session", hidden.uuid) not in page.stamps
    rendered.clear()
    socket = await sync_to_async(Socket)(boards.wall, bob, page)
    async with aclosing(socket.frames):
        assert await socket.next() == []
        await later(hidden, last_seq=5)
        await later(last, last_seq=5)
        assert (await socket.until(last))["news"] is False
        assert socket.before == []
        assert hidden.uuid not in rendered
        await later(hidden, status="waiting_input")
        item = await socket.until(hidden)
        assert (item["into"], item["news"]) == ("asking", True)
        await later(hidden, status="running", last_seq=6)
        assert (await socket.until(hidden))["into"] == "active"


async def test_whatever_happens_between_the_page_and_its_socket_is_sent(bob: User) -> None:
    going, ending, still = await sync_to_async(sessions)(3, status="running")
    page = await sync_to_async(shown)(bob, "/sessions/")
    await later(going, last_seq=3)
    await later(ending, status="completed", ended_at=timezone.now() - timedelta(hours=2))
    (fresh,) = await sync_to_async(sessions)(1, status="queued")
    socket = await sync_to_async(Socket)(boards.wall, bob, page)
    async with aclosing(socket.frames):
        items = {item["id"]: (item["into"], item["news"]) for item in await socket.next()}
    assert items == {
        f"session-{going.uuid}": ("active", False),
        f"session-{ending.uuid}": ("", False),
        f"session-{fresh.uuid}": ("active", True),
    }
    assert f"session-{still.uuid}" not in items


async def test_a_full_page_gets_what_began_after_it_and_no_more(bob: User) -> None:
    await sync_to_async(sessions)(60, status="running")
    page = await sync_to_async(shown)(bob, "/sessions/")
    (fresh,) = await sync_to_async(sessions)(1, status="queued")
    socket = await sync_to_async(Socket)(boards.wall, bob, page)
    async with aclosing(socket.frames):
        assert [item["id"] for item in await socket.next()] == [f"session-{fresh.uuid}"]


async def test_a_page_that_shows_more_than_it_can_say_is_sent_the_rest(bob: User) -> None:
    rows = await sync_to_async(sessions)(3, status="running")
    newest = max(row.created_at for row in rows).isoformat()
    said = {"more": "1", "cut": "active", "newest": newest}
    socket = await sync_to_async(Socket)(boards.wall, bob, Page.said(urlencode(said)))
    async with aclosing(socket.frames):
        items = await socket.next()
        assert {item["id"] for item in items} == {f"session-{row.uuid}" for row in rows}
        assert not any(item["news"] for item in items)
        await later(rows[0], last_seq=3)
        assert (await socket.until(rows[0]))["news"] is False


async def test_of_very_many_sessions_the_oldest_is_as_live_as_the_newest(bob: User) -> None:
    oldest, hidden, *_ = await sync_to_async(sessions)(344, status="running")
    await later(oldest, status="waiting_approval")
    page = await sync_to_async(shown)(bob, "/sessions/")
    assert ("session", oldest.uuid) in page.stamps
    socket = await sync_to_async(Socket)(boards.wall, bob, page)
    async with aclosing(socket.frames):
        assert await socket.next() == []
        await later(oldest, pausing=True)
        assert "Pausing" not in (await socket.until(oldest))["html"]
        await later(oldest, status="paused")
        item = await socket.until(oldest)
        assert (item["into"], socket.before) == ("active", [])
        await later(hidden, status="waiting_input")
        assert (await socket.until(hidden))["news"] is True


async def test_of_very_many_approvals_the_one_that_expires_first_is_live(bob: User) -> None:
    first, *_ = await sync_to_async(approvals)(310)
    page = await sync_to_async(shown)(bob, "/approvals/")
    assert len(page.stamps) == 200
    socket = await sync_to_async(Socket)(boards.inbox, bob, page)
    async with aclosing(socket.frames):
        assert await socket.next() == []
        decide = Approval.objects.filter(pk=first.pk).aupdate
        await decide(state="denied", decided_at=timezone.now())
        item = await socket.until(first)
        assert (item["into"], item["news"]) == ("", False)
        assert 'data-state="denied"' in item["html"]


async def test_the_bell_tells_what_expires_first_of_very_many(bob: User) -> None:
    first, *_ = await sync_to_async(approvals)(310)
    person = await sync_to_async(viewer)(bob)
    async with aclosing(streams.bell(person, alone=False)) as frames:
        asks = json.loads((await anext(frames)).text)["asks"]
        assert asks[0]["id"] == str(first.uuid)
        await Approval.objects.filter(pk=first.pk).aupdate(state="denied")
        async with asyncio.timeout(30):
            asks = json.loads((await anext(frames)).text)["asks"]
    assert [(ask["id"], ask["waits"]) for ask in asks] == [(str(first.uuid), False)]


async def test_what_was_sent_and_is_over_before_the_next_look_is_said_to_be_over(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "POLL", 3.0)
    socket = await sync_to_async(Socket)(boards.wall, bob, Page.said(""))
    async with aclosing(socket.frames):
        waiting = asyncio.create_task(socket.next())
        while not boards.wall.ready:
            await asyncio.sleep(0.01)
        (brief,) = await sync_to_async(sessions, thread_sensitive=False)(1, status="running")
        assert [item["id"] for item in await waiting] == [f"session-{brief.uuid}"]
        await later(brief, status="completed", ended_at=timezone.now())
        assert (await socket.until(brief))["into"] == ""


async def test_what_one_is_sent_when_it_connects_is_news_to_who_came_before(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "POLL", 3.0)
    before = await sync_to_async(Socket)(boards.wall, bob, Page.said(""))
    async with aclosing(before.frames):
        assert await before.next() == []
        (fresh,) = await sync_to_async(sessions, thread_sensitive=False)(1, status="running")
        after = await sync_to_async(Socket)(boards.wall, bob, Page.said(""))
        async with aclosing(after.frames):
            assert (await after.until(fresh))["news"] is True
            assert (await before.until(fresh))["news"] is True


async def test_a_socket_that_has_missed_something_is_closed_to_say_again_where_its_page_stands(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "KEPT", 1)
    rows = await sync_to_async(sessions)(4, status="running")
    page = await sync_to_async(shown)(bob, "/sessions/")
    slow = await sync_to_async(Socket)(boards.wall, bob, page)
    quick = await sync_to_async(Socket)(boards.wall, bob, page)
    async with aclosing(slow.frames), aclosing(quick.frames):
        assert await slow.next() == await quick.next() == []
        for row in rows:
            await later(row, last_seq=5)
            await quick.until(row)
        with pytest.raises(AssertionError, match="closed"):
            await slow.until(Session(uuid=uuid4()))


async def test_nothing_out_of_reach_is_sent_whatever_a_page_says_that_it_shows(
    bob: User, eve: User, rendered: list[UUID]
) -> None:
    ours = await Group.objects.acreate(name="ours")
    await RoleAssignment.objects.acreate(user=eve, role="viewer", group=ours)
    theirs, other = await sync_to_async(sessions)(2, status="running")
    (mine,) = await sync_to_async(sessions)(1, status="running", group=ours)
    said = f"have=s{theirs.uuid.hex}00000000"
    socket = await sync_to_async(Socket)(boards.wall, eve, Page.said(said))
    async with aclosing(socket.frames):
        assert [item["id"] for item in await socket.next()] == [f"session-{mine.uuid}"]
        assert other.uuid not in rendered
        await later(theirs, last_seq=5)
        for seq in (5, 6):
            await later(mine, last_seq=seq)
            await socket.until(mine)
            assert socket.before == []


@pytest.mark.parametrize(
    "query", ["have=s12&cut=&newest=", "have=%00&newest=yesterday", "newest=2026-01-01T00:00:00"]
)
def test_nonsense_says_that_a_page_shows_nothing(query: str) -> None:
    page = Page.said(query)
    row = Session(status="running", created_at=timezone.now())
    assert not page.stamps
    assert page.lacks(*signs.of(row))


def test_a_row_and_its_values_have_the_same_stamp() -> None:
    stories.waiting(risk="low")
    for model in (Session, Approval):
        (row,) = model.objects.all()
        assert signs.signs(model.objects.all()) == dict([signs.of(row)])


def test_memory_is_kept_of_what_is_open_and_of_the_last_that_are_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boards, "KEPT", 2)
    rows = sessions(6, status="running")

    async def watch() -> tuple[int, int]:
        board, wake, page = boards.wall, asyncio.Event(), {("session", row.uuid) for row in rows}
        board.join(wake, page)
        while not board.ready:
            await asyncio.sleep(0.01)
        done = Session.objects.filter(pk__in=[row.pk for row in rows[:5]])
        await done.aupdate(status="completed", ended_at=timezone.now())
        while len(board._signs) > 3:
            await asyncio.sleep(0.01)
        held = len(board._items), len(page)
        board.leave(wake)
        return held

    async def in_time() -> tuple[int, int]:
        async with asyncio.timeout(20):
            return await watch()

    assert asyncio.run(in_time()) == (5, 3)
