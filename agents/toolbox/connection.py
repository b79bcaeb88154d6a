"""One living connection to one MCP server, owned by one task."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from mcp import Client, MCPError
from mcp.types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    REQUEST_TIMEOUT,
    CallToolResult,
    Implementation,
    Tool,
    ToolListChangedNotification,
)
from pydantic import ValidationError

from agents.core import canonical
from agents.core.tools import (
    InvalidArguments,
    PermissionDenied,
    RateLimited,
    ToolContext,
    ToolError,
    ToolOutput,
    ToolTimeout,
    Unavailable,
)
from agents.toolbox import content, unsent
from agents.toolbox.config import ServerConfig
from agents.toolbox.http import http
from agents.toolbox.listing import MAX_TOOLS, SEPARATOR, Excluded, Listing, listing
from agents.toolbox.sift import sifted
from agents.toolbox.stdio import Trace, stdio

IDEMPOTENCY_KEY = "oversight/idempotency-key"  # in a call's _meta
RELIST_AFTER = 0.25  # seconds: a server may change its tools and not say so
CLOSE_TIMEOUT = 10.0  # seconds
MAX_PAGES = 100
MAX_ERROR = 4_000  # characters
_SELF = Implementation(name="oversight", version="1")


class Connection:
    """A connected server. ``open`` it, use it while it is ``alive``, ``close`` it."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self._trace = Trace()
        self._stop = asyncio.Event()
        self._ready = asyncio.Event()
        self._client: Client | None = None
        self._reason = ""
        self._listing = Listing()
        self._malformed: list[Excluded] = []
        self._listed_at = 0.0
        self._relisting = asyncio.Lock()
        # The contexts of the SDK must be left by the task that entered them.
        self._owner = asyncio.create_task(self._own(), name=f"mcp server {config.name}")

    @classmethod
    async def open(cls, config: ServerConfig) -> Connection:
        """Start or reach the server. Raises ``Unavailable`` with what is known of the failure."""
        connection = cls(config)
        ready = asyncio.create_task(connection._ready.wait())
        try:
            async with asyncio.timeout(config.start_timeout):
                await asyncio.wait({ready, connection._owner}, return_when="FIRST_COMPLETED")
        except TimeoutError:
            connection._reason = f"it did not start within {config.start_timeout:g} s"
            await connection._abort()
        except asyncio.CancelledError:
            await connection._abort()
            raise
        finally:
            ready.cancel()
        if not connection.alive:
            await asyncio.wait({connection._owner}, timeout=CLOSE_TIMEOUT)
            raise Unavailable(connection.epitaph(), effects=False)
        return connection

    @property
    def alive(self) -> bool:
        return self._client is not None and not self._trace.gone.is_set()

    def epitaph(self) -> str:
        """Why the server is not there, as far as is known."""
        trace = self._trace
        facts = [trace.broke or self._reason or "it ended"]
        if trace.exit_code:
            facts.append(f"exit code {trace.exit_code}")
        if trace.stderr():
            facts.append(f"its last words: {trace.stderr()}")
        return self._said("; ".join(facts))

    async def listing(self) -> Listing:
        """The server's tools, asked again when they changed or some seconds have passed."""
        async with self._relisting:
            if time.monotonic() - self._listed_at > RELIST_AFTER:
                try:
                    await self._relist()
                except ToolError as error:
                    error.effects = False
                    raise
            return self._listing

    async def call(
        self, tool: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutput:
        """Call a tool by the server's own name for it, once. Raises ``ToolError``."""
        meta: Any = {IDEMPOTENCY_KEY: context.idempotency_key}
        seconds = self.config.timeout
        given = dict(arguments)
        result = await self._asked(
            lambda client: client.session.call_tool(tool, given, seconds, meta=meta)
        )
        if result.is_error:
            raise ToolError(content.text(result)[:MAX_ERROR])
        return ToolOutput(content.content(result))

    async def close(self) -> None:
        """End the connection, and the server's process with it."""
        self._stop.set()
        _, pending = await asyncio.wait({self._owner}, timeout=CLOSE_TIMEOUT)
        if pending:  # a remote server may hang on our goodbye
            await self._abort()

    async def _abort(self) -> None:
        self._owner.cancel()
        await asyncio.wait({self._owner}, timeout=CLOSE_TIMEOUT)

    async def _own(self) -> None:
        try:
            async with Client(
                self._transport(), cache=None, message_handler=self._hear, client_info=_SELF
            ) as client:
                # The SDK would check results with a checker that a pattern can hold up for ever.
                client.session.validate_tool_result = self._check  # type: ignore[method-assign]  # the SDK has no hook for it
                self._client = client
                self._ready.set()
                await self._live(client)
        except Exception as error:  # noqa: BLE001  # whatever a server or the SDK comes up with
            self._reason = self._reason or _leaf(error)
        finally:
            self._client = None
            self._trace.gone.set()

    async def _check(self, name: str, result: CallToolResult) -> None:
        definition = self._listing.definitions.get(f"{self.config.name}{SEPARATOR}{name}")
        flaw = content.flaw(result, definition.annotations) if definition else ""
        if flaw:
            raise RuntimeError(flaw)

    def _transport(self) -> AbstractAsyncContextManager[Any]:
        config = self.config
        if config.url:
            transport = http(config.url, config.headers)
        else:
            transport = stdio(config.command, config.env, config.cwd, self._trace)
        return sifted(transport, self._version, self._take_out)

    def _version(self) -> str | None:
        return self._client.session.protocol_version if self._client else None

    def _take_out(self, tool: str, reason: str) -> None:
        name = canonical.clean_text(f"{self.config.name}{SEPARATOR}{tool}")[:128]
        self._malformed.append(Excluded(name, reason))

    async def _live(self, client: Client) -> None:
        watch = asyncio.create_task(self._watch(client))
        ends = [asyncio.create_task(event.wait()) for event in (self._stop, self._trace.gone)]
        try:
            await asyncio.wait(ends, return_when="FIRST_COMPLETED")
        finally:
            for task in (*ends, watch):
                task.cancel()
            await asyncio.gather(*ends, watch, return_exceptions=True)

    async def _watch(self, client: Client) -> None:
        """Newer servers announce changed tools only to those who subscribe."""
        tools = client.server_capabilities.tools
        if client.session.discover_result is None or not (tools and tools.list_changed):
            return
        with suppress(Exception):  # without it, the listing is asked for again by age
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._listed_at = 0.0

    async def _hear(self, message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._listed_at = 0.0

    async def _relist(self) -> None:
        began = time.monotonic()
        self._malformed = []
        self._listed_at = began  # first, so that a change during the listing is not lost
        tools: list[Tool] = []
        cursor: str | None = None
        try:
            for _ in range(MAX_PAGES):
                page = await self._page(cursor)
                tools += page.tools
                cursor = page.next_cursor
                if not cursor or len(tools) > MAX_TOOLS:
                    break
            found = await asyncio.to_thread(listing, self.config, tools)
            self._listing = Listing(found.definitions, (*found.excluded, *self._malformed))
        except BaseException:
            self._listed_at = 0.0
            raise

    async def _page(self, cursor: str | None) -> Any:
        return await self._asked(lambda client: client.list_tools(cursor=cursor))

    async def _asked(self, ask: Any) -> Any:
        """Send one request and translate every way in which it can fail."""
        client = self._client
        if client is None or not self.alive:
            raise Unavailable(self.epitaph(), effects=False)
        try:
            # The SDK's own clock starts only when the request is written; a server that does not
            # read would stop it from ever starting.
            async with asyncio.timeout(self.config.timeout + 1.0):
                return await ask(client)
        except TimeoutError:
            raise self._timed_out() from None
        except MCPError as error:
            raise await self._failure(error) from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ToolError(
                self._said(f"it broke the protocol at {where}: {first['msg']}")
            ) from None
        except RuntimeError as error:
            raise ToolError(self._said(f"it broke the protocol: {error}")) from None

    def _timed_out(self) -> ToolTimeout:
        return ToolTimeout(self._said(f"no answer within {self.config.timeout:g} s"))

    async def _failure(self, error: MCPError) -> ToolError:
        told = unsent.read(error.message, error.data)
        if told:
            return self._told(told)
        if error.code == REQUEST_TIMEOUT:
            return self._timed_out()
        if error.code == INVALID_PARAMS:
            return InvalidArguments(self._said(error.message))
        if error.code == CONNECTION_CLOSED:
            if self._trace.gone.is_set():
                await asyncio.wait({self._owner}, timeout=2.0)  # for its exit code and last words
            reason = self.epitaph() if self._client is None else self._said(error.message)
            return Unavailable(f"{reason} (in the middle of a call)")
        return ToolError(self._said(error.message))

    def _told(self, failure: unsent.Failure) -> ToolError:
        said = self._said(failure.reason)
        if failure.status in {401, 403}:
            return PermissionDenied(said)
        if failure.status == 429:
            return RateLimited(said, retry_after=failure.retry_after)
        if failure.status == 404:
            self._reason = "it has forgotten this session"
            self._trace.gone.set()
        elif failure.status and failure.status < 500:
            return ToolError(said)
        return Unavailable(said, effects=failure.sent, retry_after=failure.retry_after)

    def _said(self, text: str) -> str:
        text = self.config.redact(canonical.clean_text(text))
        return f"MCP server {self.config.name}: {text}"[:MAX_ERROR]


def _leaf(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
        return "it ended before it had answered"
    if isinstance(error, ValidationError):
        return "it does not speak MCP: " + str(error.errors(include_url=False)[0]["msg"])
    return str(error) or type(error).__name__
