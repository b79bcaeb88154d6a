"""MCP servers: one process each per worker, started on first use, restarted when it died."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.core.tools import (
    NotFound,
    ToolContext,
    ToolDefinition,
    ToolError,
    ToolOutput,
    Unavailable,
)
from agents.toolbox.config import ServerConfig
from agents.toolbox.connection import Connection
from agents.toolbox.listing import SEPARATOR, Listing

__all__ = ["DefinitionChanged", "ServerConfig", "Servers"]

MAX_BACKOFF = 30.0  # seconds between two starts
HEALTHY_AFTER = 60.0  # seconds of life that forgive earlier deaths


class DefinitionChanged(ToolError):
    """The server now describes the tool otherwise than when it was approved."""

    error_class = "definition_changed"


@dataclass
class _Slot:
    """Where a server's connection lives, and what became of the ones before."""

    config: ServerConfig
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    connection: Connection | None = None
    born: float = 0.0
    failures: int = 0
    next_start: float = 0.0
    reason: str = ""
    closed: bool = False

    async def connected(self) -> Connection:
        async with self.lock:
            if self.connection and self.connection.alive:
                return self.connection
            if self.closed:
                raise Unavailable("The MCP server was ended.", effects=False)
            if self.connection:
                await self._bury(self.connection)
            self._wait_out()
            return await self._start()

    async def close(self) -> None:
        async with self.lock:
            self.closed = True  # for who still waits for the lock
            if self.connection:
                await self.connection.close()
                self.connection = None

    async def _bury(self, connection: Connection) -> None:
        self.connection = None
        await connection.close()
        if time.monotonic() - self.born > HEALTHY_AFTER:
            self.failures = 0
        self._failed(connection.epitaph())

    async def _start(self) -> Connection:
        try:
            self.connection = await Connection.open(self.config)
        except Unavailable as error:
            self._failed(str(error))
            raise
        self.born = time.monotonic()
        return self.connection

    def _failed(self, reason: str) -> None:
        """The first restart is immediate, each further one waits twice as long."""
        delay = min(MAX_BACKOFF, 2.0 ** (self.failures - 1)) if self.failures else 0.0
        self.failures += 1
        self.reason = reason
        self.next_start = time.monotonic() + delay

    def _wait_out(self) -> None:
        left = self.next_start - time.monotonic()
        if left > 0:
            text = f"{self.reason} (next start in {left:.0f} s)"
            raise Unavailable(text, effects=False, retry_after=left)


class Servers:
    """All configured MCP servers of one worker. Belongs to one event loop."""

    def __init__(self, configs: Iterable[ServerConfig] = ()) -> None:
        self._configs = {config.name: config for config in configs}
        self._slots: dict[tuple[str, str], _Slot] = {}

    def names(self) -> list[str]:
        return sorted(self._configs)

    async def update(self, configs: Iterable[ServerConfig]) -> None:
        """Take over an edited configuration; servers that changed or went are ended."""
        self._configs = {config.name: config for config in configs}
        await self._close(
            key for key, slot in self._slots.items() if self._configs.get(key[0]) != slot.config
        )

    async def tools(self, name: str, session_id: str = "") -> Listing:
        """A server's tools, and those that are not offered. Raises ``ToolError``."""
        return (await self._listed(name, session_id))[1]

    async def definition(self, tool: str, session_id: str = "") -> ToolDefinition | None:
        """How the server describes ``server__tool`` now; None if it no longer offers it."""
        return (await self.tools(_server(tool), session_id)).definitions.get(tool)

    async def call(
        self, tool: str, arguments: Mapping[str, Any], context: ToolContext, bound: str = ""
    ) -> ToolOutput:
        """Call ``server__tool`` once, if its definition and its server are still those it is
        ``bound`` to.

        Raises ``ToolError``; ``effects`` is False where the request provably never left.
        """
        connection, current = await self._listed(_server(tool), context.session_id)
        definition = current.definitions.get(tool)
        if definition is None:
            raise NotFound(f"The MCP server no longer offers {tool}.", effects=False)
        if bound and bound not in (definition.bound, definition.digest):
            raise DefinitionChanged(
                f"The MCP server has changed its definition of {tool}; it was not called.",
                effects=False,
            )
        return await connection.call(tool.partition(SEPARATOR)[2], arguments, context)

    async def release(self, session_id: str) -> None:
        """End the servers that belong to this session alone."""
        await self._close(key for key in self._slots if session_id and key[1] == session_id)

    async def close(self) -> None:
        """End every server."""
        await self._close(self._slots)

    def status(self) -> dict[str, str]:
        """Per configured server: ``idle``, ``connected`` or why it is down."""
        words = dict.fromkeys(self._configs, "idle")
        for (name, _), slot in self._slots.items():
            alive = slot.connection is not None and slot.connection.alive
            words[name] = "connected" if alive else slot.reason or words.get(name, "idle")
        return words

    async def _listed(self, name: str, session_id: str) -> tuple[Connection, Listing]:
        connection = await self._slot(name, session_id).connected()
        try:
            return connection, await connection.listing()
        except ToolError:
            if connection.alive:
                raise
        # It was dead or had forgotten us; nothing was called yet, so starting anew is safe.
        connection = await self._slot(name, session_id).connected()
        return connection, await connection.listing()

    def _slot(self, name: str, session_id: str) -> _Slot:
        config = self._configs.get(name)
        if config is None:
            raise NotFound(f"There is no MCP server {name}.", effects=False)
        key = (name, session_id if config.per_session else "")
        return self._slots.setdefault(key, _Slot(config))

    async def _close(self, keys: Iterable[tuple[str, str]]) -> None:
        slots = [self._slots.pop(key) for key in list(keys)]
        await asyncio.gather(*(slot.close() for slot in slots))


def _server(tool: str) -> str:
    return tool.partition(SEPARATOR)[0]
