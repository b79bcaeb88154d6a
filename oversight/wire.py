"""What Daphne's protocols lack: a cap on bodies, back-pressure towards viewers, an access log."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from typing import Any

import structlog
from autobahn.exception import Disconnected
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import reactor as _reactor

from oversight import env

log = structlog.get_logger("oversight.access")
reactor: Any = _reactor

MAX_BODY = 1024 * 1024  # bytes of a request's body
MAX_UNSENT = 1024 * 1024  # bytes that wait in this process for one viewer
MAX_MESSAGES = 100  # in ten seconds from one browser; our pages send none
KERNEL_BUFFER = 256 * 1024  # bytes that wait in the kernel for one viewer
STALL = env.whole("OVERSIGHT_STALL_SECONDS", 20, 1, 3600)
LINGER = 2.0  # seconds in which a refused browser may read why
SIGN_IN_LINK = "/signin/link/"

_TOO_LARGE = b"The request is too large.\n"
_ANSWER = (
    b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_TOO_LARGE), _TOO_LARGE)
)


def cut(transport: Any) -> None:
    """Drop the TCP connection; a browser that watched comes back at its cursor."""
    if transport is not None and transport.connected:
        transport.abortConnection()


def record(protocol: str, action: str, details: Mapping[str, Any]) -> None:
    """One line of the access log, without query strings and without tokens."""
    path = str(details.get("path", "")).split("?", 1)[0]
    if path.startswith(SIGN_IN_LINK):
        path = f"{SIGN_IN_LINK}…"
    note = log.debug if path.startswith("/static/") or action == "connecting" else log.info
    shown = ("method", "status", "client")
    more = {key: details[key] for key in shown if details.get(key) is not None}
    if "time_taken" in details:
        more["ms"] = round(details["time_taken"] * 1000, 1)
    note(f"{protocol}_{action}", path=path, **more)


class Request(WebRequest):  # type: ignore[misc]  # Daphne has no types
    """A request whose body may not be larger than the cap."""

    _received = 0
    _refused = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        super().gotLength(None if length is None else min(length, MAX_BODY))
        if length is not None and length > MAX_BODY:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._received += len(data)
        if not self._refused and self._received > MAX_BODY:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)

    def process(self) -> Any:
        if self._refused:
            return self.channel.loseConnection()
        return super().process()

    def _refuse(self) -> None:
        self._refused = True
        self.requestHeaders.removeHeader(b"Expect")
        self.content.seek(0)
        self.content.truncate()
        transport = self.channel.transport
        transport.write(_ANSWER)
        # Closing at once would reset the connection, and with it the answer on its way.
        reactor.callLater(LINGER, cut, transport)
        record("http", "refused", {"status": 413, "client": transport.getPeer().host})


class Factory(HTTPFactory):  # type: ignore[misc]  # autobahn is untyped
    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol


class Flow:
    """Twisted's push producer: told when a viewer's buffer is full and when it has drained."""

    def __init__(self) -> None:
        self._room = asyncio.Event()
        self._room.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self._room.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        self._room.set()

    stopProducing = resumeProducing  # noqa: N815 - Twisted's name

    async def room(self) -> bool:
        """Whether there was room again in time."""
        try:
            # Not wait_for, which on Python 3.11 may swallow a cancellation.
            async with asyncio.timeout(STALL):
                await self._room.wait()
        except TimeoutError:
            return False
        return True


class Socket(WebSocketProtocol):  # type: ignore[misc]  # autobahn is untyped
    """A viewer: bounded in what it may leave unread, and made to reconnect by dropping TCP."""

    maxMessagePayloadSize: int  # noqa: N815 - autobahn's name
    _since = 0.0
    _messages = 0

    def onOpen(self) -> None:  # noqa: N802 - autobahn's name
        self.flow = Flow()
        # The HTTP channel that the connection began as is still registered.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.flow, True)
        self.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
        super().onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803 - autobahn's names
        now = time.monotonic()
        if now - self._since > 10:
            self._since, self._messages = now, 0
        self._messages += 1
        if self._messages > MAX_MESSAGES:
            self.sendClose(code=4429, reason="too many messages")
        else:
            super().onMessage(payload, isBinary)

    def sendMessage(self, *args: Any, **kwargs: Any) -> None:  # noqa: N802 - autobahn's name
        # The limit is meant for what browsers send; autobahn holds us to it as well.
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().sendMessage(*args, **kwargs)
        except Disconnected as left:
            raise OSError("the browser has left") from left  # as ASGI has it
        finally:
            self.maxMessagePayloadSize = limit

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802 - Daphne's name
        # Browsers come back after a dropped connection, and stay away after codes 1000 and 4xxx.
        if code is None or code < 4000:
            cut(self.transport)
        else:
            self.sendClose(code=code)

    def handle_exception(self, exception: BaseException) -> None:
        if hasattr(self, "handshake_deferred"):
            super().handle_exception(exception)
        else:
            cut(self.transport)

    @property
    def unsent(self) -> int:
        """Bytes that wait in this process."""
        transport = self.transport
        waiting: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
        return waiting

    def overfull(self) -> bool:
        return hasattr(self, "flow") and self.unsent > MAX_UNSENT

    async def drained(self) -> None:
        """Return once the viewer has taken what was sent; drop one that takes too long."""
        if hasattr(self, "flow") and not await self.flow.room():
            log.warning("viewer_stalled", path=self.path.decode(), unsent=self.unsent)
            cut(self.transport)
