"""Daphne, started by our own commands, with the engine on its event loop.

Daphne's own command line leaves tasks pending when it ends, which crashes the interpreter beside
an open socket; and it neither caps bodies nor waits for slow viewers (see ``wire``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

# It installs the reactor on an event loop of its own, so it comes before everything else.
from daphne.server import Server as Daphne  # isort: skip
import structlog
from daphne.ws_protocol import WebSocketFactory
from twisted.internet import defer, endpoints
from twisted.internet import reactor as _reactor
from twisted.internet.error import CannotListenError
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    STDLibLogObserver,
    globalLogBeginner,
)

from agents.management.engine import Engine
from agents.tasks import end, end_the_rest
from oversight import wire
from oversight.asgi import application

log = structlog.get_logger("oversight.server")
reactor: Any = _reactor
_endpoint: Any = endpoints.serverFromString

MAX_MESSAGE = 16 * 1024  # bytes of a message from a browser
PING, PONG = 20, 30  # seconds between pings, and for their answer
DRAIN = 25.0  # seconds that running sessions get to let go
GRACE = 1.0  # seconds that requests get to end


class Server(Daphne):
    """Pages, sockets and the engine, until SIGTERM or SIGINT."""

    def __init__(self, host: str, port: int, engine: Engine, ready: Callable[[], None]) -> None:
        interface = host.replace(":", r"\:")
        endpoint = f"tcp:port={port}:interface={interface}:backlog=511"
        super().__init__(
            application, [endpoint], action_logger=wire.record, server_name="",
            ping_interval=PING, ping_timeout=PONG,
        )  # fmt: skip
        self.engine, self.ready, self.code = engine, ready, 0
        self.ports: list[Any] = []
        self.driving: asyncio.Task[None] | None = None

    def run(self) -> None:
        """Daphne's own, with our protocols, without its banner."""
        self.connections: dict[Any, dict[str, Any]] = {}
        self.http_factory = wire.Factory(self)
        self.ws_factory = _sockets(self)
        _report_twisted_errors()
        reactor.callLater(1, self.application_checker)
        reactor.callLater(2, self.timeout_checker)
        reactor.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        asyncio.set_event_loop(reactor._asyncioEventloop)
        reactor.callWhenRunning(self._start, self._boot)
        reactor.run()
        _finish(reactor._asyncioEventloop)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Send, and wait while this viewer is slow: a sender never runs ahead of its reader."""
        if not isinstance(protocol, wire.Socket):
            await super().handle_reply(protocol, message)
            return
        if protocol.overfull():
            wire.cut(protocol.transport)
        await super().handle_reply(protocol, message)
        await protocol.drained()

    def kill_all_applications(self) -> defer.Deferred[None]:
        """Twisted waits for this before it ends."""
        return self._start(self._leave)

    def _start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> defer.Deferred[None]:
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._watched(work)))

    async def _watched(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except CannotListenError as error:
            log.critical("cannot_listen", port=error.port, error=str(error.socketError))
            self._fail()
        except Exception:
            # Twisted would swallow it.
            log.exception("server_failed", at=work.__name__.strip("_"))
            self._fail()

    def _fail(self) -> None:
        self.code = 1
        if reactor.running and not reactor._stopped:
            reactor.stop()

    async def _boot(self) -> None:
        await self.engine.open()
        for description in self.endpoints:
            listening = _endpoint(reactor, description).listen(self.http_factory)
            self.ports.append(await listening.asFuture(asyncio.get_running_loop()))
        self.ready()
        self.driving = asyncio.create_task(self._watched(self.engine.drive))

    async def _leave(self) -> None:
        """Refuse newcomers, send viewers away, let sessions go, end the rest."""
        for port in self.ports:
            port.stopListening()
        for protocol in list(self.connections):
            if isinstance(protocol, wire.Socket):
                wire.cut(protocol.transport)
        try:
            async with asyncio.timeout(DRAIN):
                if self.driving:
                    await asyncio.wait([self.driving])
                await asyncio.gather(self.engine.drain(), self._requests_end())
        finally:
            await self._end_applications()
            await self.engine.close()

    async def _requests_end(self) -> None:
        if running := self._applications():
            await asyncio.wait(running, timeout=GRACE)

    async def _end_applications(self) -> None:
        await end(self._applications())

    def _applications(self) -> list[asyncio.Future[Any]]:
        tasks = [one.get("application_instance") for one in self.connections.values()]
        return [task for task in tasks if task is not None and not task.done()]


def serve(host: str, port: int, *, drives: bool, ready: Callable[[], None]) -> int:
    """Serve until told to end; return the exit code."""
    server = Server(host, port, Engine(drives=drives), ready)
    server.run()
    return server.code


def _sockets(server: Server) -> WebSocketFactory:
    factory = WebSocketFactory(server, server="")
    factory.protocol = wire.Socket
    factory.setProtocolOptions(
        autoPingTimeout=PONG,
        allowNullOrigin=True,  # autobahn's own check knows no list of origins: ours follows
        openHandshakeTimeout=5,
        maxMessagePayloadSize=MAX_MESSAGE,
        maxFramePayloadSize=MAX_MESSAGE,
    )
    return factory


def _report_twisted_errors() -> None:
    errors: Any = LogLevelFilterPredicate(LogLevel.error)
    records: Any = STDLibLogObserver("twisted")
    observer: Any = FilteringLogObserver(records, [errors])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    """Tasks that are pending when the interpreter goes make it crash."""
    loop.run_until_complete(end_the_rest())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
