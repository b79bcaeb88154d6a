"""Which tools there are: the built-in ones, and those of every MCP server as soon as it is known.

So an administrator reviews a new server before its first session, not while calls wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.utils import timezone

from agents.core import canonical
from agents.core.tools import ToolDefinition, ToolError
from agents.models import McpServer, Tool
from agents.tasks import end
from agents.threads import DatabaseThreads
from agents.toolbox.config import ServerConfig
from agents.toolbox.listing import Listing
from agents.toolbox.mcp import Servers
from agents.toolbox.tool import python_tools

__all__ = ["Inventory", "config_of", "record"]

log = structlog.get_logger(__name__)

EVERY = 2.0  # seconds between two looks for servers that nobody has listed yet
AGAIN = timedelta(minutes=5)  # until a server that could not be asked is asked again
DESCRIPTION = 5_000  # characters that a row keeps
_DEFINED = ("definition", "description", "input_schema", "annotations")


class Inventory:
    """One per worker. A server is listed by a process of its own, which ends with it."""

    def __init__(self) -> None:
        self._threads = DatabaseThreads(1, "inventory")
        self._task: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="inventory")

    async def close(self) -> None:
        await end([*([self._task] if self._task else []), *self._asking])
        await self._threads.close()

    async def _work(self) -> None:
        look = self._built_in
        while True:
            try:
                await look()
                look = self._look
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                log.warning("inventory_trouble", error=repr(error))
            await asyncio.sleep(EVERY)

    async def _built_in(self) -> None:
        tools = [tool.definition for tool in python_tools().values()]
        await self._threads.run(lambda: record(tools))

    async def _look(self) -> None:
        """Begin to ask every server that is new or was edited; a slow one holds up no other."""
        for pk, config in await self._threads.run(_claim):
            task = asyncio.create_task(self._ask(pk, config), name=f"inventory {config.name}")
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, pk: int, config: ServerConfig) -> None:
        servers = Servers([config])
        try:
            found = await servers.tools(config.name)
        except ToolError as error:
            said = str(error)[:2000]
            await self._threads.run(lambda: _refused(pk, said))
        else:
            await self._threads.run(lambda: _listed(pk, found))
        finally:
            await servers.close()


def record(definitions: Iterable[ToolDefinition]) -> None:
    """Give every tool that nobody has judged yet its row in the risk map: HIGH, irreversible.

    A server's tool that is no longer defined as it was reviewed waits for a review again.
    """
    known = {tool.name: tool for tool in Tool.objects.all()}
    for definition in definitions:
        row = known.get(definition.name)
        shown = _as_shown(definition)
        if row is None:
            timeout = {"timeout": definition.timeout}
            Tool.objects.get_or_create(name=definition.name, defaults={**shown, **timeout})
        elif not row.definition or not definition.server:
            # Never seen before though named by a file, or of this release's own making.
            _redefine(row, shown)
        else:
            same = row.definition == definition.digest
            _offer(row, None if same else {key: shown[key] for key in _DEFINED})


def config_of(row: McpServer) -> ServerConfig | None:
    """How the server is reached; None for what the admin and ``configure`` would refuse."""
    try:
        return ServerConfig(
            name=row.name,
            command=tuple(row.command),
            url=row.url,
            env=row.env,
            per_session=row.per_session,
            timeout=row.timeout,
        )
    except ValueError:
        return None


def _as_shown(definition: ToolDefinition) -> dict[str, Any]:
    return {
        "server": definition.server,
        "description": canonical.clean_text(definition.description[:DESCRIPTION]),
        "definition": definition.digest,
        "input_schema": dict(definition.input_schema),
        "annotations": dict(definition.annotations),
    }


def _redefine(row: Tool, shown: Mapping[str, Any]) -> None:
    if row.definition != shown["definition"]:
        Tool.objects.filter(pk=row.pk).update(**shown)


def _offer(row: Tool, offered: Mapping[str, Any] | None) -> None:
    if row.offered != offered:
        row.offered = offered
        row.save(update_fields=["offered"])  # the gate hears of it


def _claim() -> list[tuple[int, ServerConfig]]:
    """The servers to ask, each by one worker only."""
    late = timezone.now() - AGAIN
    claimed = []
    for row in McpServer.objects.filter(enabled=True):
        config = config_of(row)
        if config is None:
            continue
        digest = _digest(config)
        again = bool(row.listing_problem) and (row.listed_at is None or row.listed_at < late)
        if row.listed_as == digest and not again:
            continue
        unclaimed = McpServer.objects.filter(
            pk=row.pk, listed_as=row.listed_as, listed_at=row.listed_at
        )
        if unclaimed.update(
            listed_as=digest, listed_at=timezone.now(), listing_problem=McpServer.ASKED
        ):
            claimed.append((row.pk, config))
    return claimed


def _digest(config: ServerConfig) -> str:
    reached = [list(config.command), config.url, dict(config.env)]
    return canonical.digest({"server": reached})


def _refused(pk: int, problem: str) -> None:
    McpServer.objects.filter(pk=pk).update(listing_problem=problem)


def _listed(pk: int, found: Listing) -> None:
    record(found.definitions.values())
    left_out = [f"{one.name}: {one.reason}" for one in found.excluded]
    listing = {"tools": len(found.definitions), "left_out": left_out[:50]}
    McpServer.objects.filter(pk=pk).update(listing=listing, listing_problem="")
