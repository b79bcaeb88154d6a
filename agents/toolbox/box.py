"""The tools that one session may hold: Python tools and MCP servers' tools behind one face."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from agents.core.risk import matches
from agents.core.tools import (
    ToolContext,
    ToolDefinition,
    ToolError,
    ToolOutput,
    ToolTimeout,
    Unavailable,
    UnknownTool,
)
from agents.toolbox import schema
from agents.toolbox.listing import SEPARATOR, Excluded, Listing
from agents.toolbox.mcp import MAX_BACKOFF, Servers
from agents.toolbox.tool import PythonTool, python_tools


class Box:
    """A ``Toolbox`` with fixed definitions: what the model was shown is what a call is held to.

    ``excluded`` are tools that a server offers and the session does not get, with the reason;
    ``unavailable`` are servers that could not be asked.
    """

    def __init__(
        self,
        definitions: Iterable[ToolDefinition],
        tools: Mapping[str, PythonTool],
        servers: Servers,
        excluded: Iterable[Excluded] = (),
        unavailable: Mapping[str, str] | None = None,
    ) -> None:
        self._definitions = {item.name: item for item in definitions}
        self._tools = tools
        self._servers = servers
        self.excluded = tuple(excluded)
        self.unavailable = dict(unavailable or {})

    def definitions(self) -> Sequence[ToolDefinition]:
        return [self._definitions[name] for name in sorted(self._definitions)]

    def definition(self, name: str) -> ToolDefinition:
        """The definition that calls are held to. Raises ``UnknownTool``."""
        try:
            return self._definitions[name]
        except KeyError:
            raise UnknownTool(f"There is no tool {name[:128]!r}.", effects=False) from None

    async def current(self, name: str, session_id: str = "") -> ToolDefinition | None:
        """How the tool is defined at this moment, to compare digests; None if it is gone."""
        pinned = self.definition(name)
        if not pinned.server:
            return self._tools[name].definition if name in self._tools else None
        now = await self._servers.definition(name, session_id)
        return replace(now, origin="") if now and not pinned.origin else now

    def problems(self, name: str, arguments: Mapping[str, Any]) -> list[str]:
        return schema.problems(self.definition(name).input_schema, arguments)

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutput:
        definition = self.definition(name)
        if definition.server:
            return await self._servers.call(name, arguments, context, definition.bound)
        async with _within(definition):
            return await self._tools[name].call(arguments, context)

    async def probe(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutput | None:
        definition = self.definition(name)
        if definition.server:
            raise ToolError(f"{name} belongs to an MCP server, which cannot be asked.")
        async with _within(definition):
            return await self._tools[name].probe(arguments, context)


async def open_box(
    patterns: Sequence[str],
    servers: Servers,
    *,
    session_id: str = "",
    tools: Mapping[str, PythonTool] | None = None,
    pinned: Iterable[ToolDefinition] | None = None,
) -> Box:
    """The tools whose names match one of the glob patterns.

    ``pinned`` are the definitions that a running session was started with: MCP tools are then
    taken from there, no server is asked before the first call, and one that has changed its
    definition since is not called. ``tools`` defaults to every Python tool of this package.
    """
    known = python_tools() if tools is None else tools
    chosen = {name: item for name, item in known.items() if _wanted(patterns, name)}
    definitions = [item.definition for item in chosen.values()]
    if pinned is not None:
        held = [d for d in pinned if d.server and _wanted(patterns, d.name)]
        return Box([*definitions, *held], chosen, servers)
    asked = [name for name in servers.names() if _may_match(patterns, name)]
    answers = await asyncio.gather(*(_ask(servers, name, session_id) for name in asked))
    unavailable = {n: a for n, a in zip(asked, answers, strict=True) if isinstance(a, str)}
    listings = [answer for answer in answers if not isinstance(answer, str)]
    definitions += [d for found in listings for d in found.definitions.values()]
    return Box(
        [d for d in definitions if _wanted(patterns, d.name)],
        chosen,
        servers,
        [item for found in listings for item in found.excluded],
        unavailable,
    )


async def _ask(servers: Servers, name: str, session_id: str) -> Listing | str:
    """The server's tools, or why there are none. One that is about to be started again, because
    it has just died under another session, is waited for once."""
    try:
        try:
            return await servers.tools(name, session_id)
        except Unavailable as error:
            if error.retry_after is None or error.retry_after > MAX_BACKOFF:
                raise
            await asyncio.sleep(error.retry_after)
            return await servers.tools(name, session_id)
    except ToolError as error:
        return str(error)


@asynccontextmanager
async def _within(definition: ToolDefinition) -> AsyncIterator[None]:
    clock = asyncio.timeout(definition.timeout)
    try:
        async with clock:
            yield
    except TimeoutError:
        if not clock.expired():  # the tool's own
            raise
        seconds = f"{definition.timeout:g} s"
        raise ToolTimeout(f"{definition.name} did not end within {seconds}.") from None


def _wanted(patterns: Sequence[str], name: str) -> bool:
    return any(matches(pattern, name) for pattern in patterns)


def _may_match(patterns: Sequence[str], server: str) -> bool:
    """Whether a pattern could match a tool of this server, so that no other server is started."""
    prefix = server + SEPARATOR
    return any(_overlaps(pattern, prefix) for pattern in patterns)


def _overlaps(pattern: str, prefix: str) -> bool:
    fixed = pattern
    for wild in "*?[":
        fixed = fixed.partition(wild)[0]
    return fixed.startswith(prefix) or (fixed != pattern and prefix.startswith(fixed))
