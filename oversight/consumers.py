"""Live sockets. They only show: what a browser sends is read and forgotten.

Plain ASGI applications behind Channels' routing. Channels' consumer classes would cross into the
database's thread for every message and subscribe each socket to the layer, which none needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias
from urllib.parse import parse_qs
from uuid import UUID

import structlog
from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from channels.sessions import CookieMiddleware
from django.conf import settings
from django.urls import path, re_path

from oversight import boards, streams, viewers
from oversight.signs import Page
from oversight.streams import Frame
from oversight.viewers import Viewer

log = structlog.get_logger("oversight.live")

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

NO_RIGHT = 4403  # the browser stays away
COME_BACK = 1012  # it reconnects


class Live:
    """A kind of live socket: who may open it, and what it sends beside what waits for people."""

    def __init__(
        self,
        test: Callable[[Scope], viewers.Test],
        frames: Callable[[Scope, Viewer], AsyncGenerator[Frame]] | None = None,
    ) -> None:
        self._test, self._frames = test, frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        key = scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
        viewer = await viewers.admit(key, self._test(scope))
        if viewer is None:
            await send({"type": "websocket.close"})
            return
        with viewers.seat(viewer.user.pk) as free:
            if free:
                await self._show(scope, viewer, receive, send)
            else:
                log.warning("too_many_sockets", user=viewer.user.pk)
                await send({"type": "websocket.close"})

    async def _show(self, scope: Scope, viewer: Viewer, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        sources = [streams.bell(viewer, alone=self._frames is None)]
        if self._frames is not None:
            sources.append(self._frames(scope, viewer))
        tasks = [asyncio.create_task(self._pump(scope, frames, viewer, send)) for frames in sources]
        tasks.append(asyncio.create_task(_until_closed(receive)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(
        self, scope: Scope, frames: AsyncGenerator[Frame], viewer: Viewer, send: Send
    ) -> None:
        try:
            code = await _sent(frames, viewer, send)
        except OSError:  # the browser has left
            return
        except Exception:
            log.exception("live_failed", path=scope["path"])
            code = COME_BACK
        await send({"type": "websocket.close", "code": code})


async def _sent(frames: AsyncGenerator[Frame], viewer: Viewer, send: Send) -> int:
    """Send until there is nothing more or the viewer may no longer look; the close code."""
    async with aclosing(frames):
        async for frame in frames:
            if not await viewer.still_may(sends=frame.news):
                return NO_RIGHT
            await send({"type": "websocket.send", "text": frame.text})
    return COME_BACK


async def _until_closed(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


class Origins:
    """Lets only pages of our own origins in: scheme, host and port, as browsers spell them."""

    def __init__(self, inner: Callable[..., Awaitable[Any]]) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        ours = len(said) == 1 and said[0] in settings.OVERSIGHT_ORIGINS
        await (self._inner if ours else WebsocketDenier.as_asgi())(scope, receive, send)


def _after(scope: Scope) -> int:
    """The browser's cursor; nonsense means from the start, which loses nothing."""
    text = parse_qs(scope["query_string"].decode("latin-1")).get("after", ["0"])[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _page(scope: Scope) -> Page:
    return Page.said(scope["query_string"].decode("latin-1"))


def _uuid(scope: Scope) -> UUID:
    uuid: UUID = scope["url_route"]["kwargs"]["uuid"]
    return uuid


session: Any = Live(
    lambda scope: viewers.sees(_uuid(scope)),
    lambda scope, _: streams.session(_uuid(scope), _after(scope)),
)
inbox: Any = Live(
    lambda _: viewers.sees_lists,
    lambda scope, viewer: streams.board(boards.inbox, viewer, _page(scope)),
)
wall: Any = Live(
    lambda _: viewers.sees_lists,
    lambda scope, viewer: streams.board(boards.wall, viewer, _page(scope), streams.figures),
)
bell: Any = Live(lambda _: viewers.sees_lists)

addresses: list[Any] = [
    path("live/sessions/<uuid:uuid>/", session),
    path("live/inbox/", inbox),
    path("live/wall/", wall),
    path("live/bell/", bell),
    re_path("", WebsocketDenier.as_asgi()),
]
routes = Origins(CookieMiddleware(URLRouter(addresses)))
