"""Takes malformed tools out of a server's list before the SDK sees it.

The SDK checks a list as a whole: one bad schema would take every other tool away.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Self

from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse
from mcp_types.methods import validate_server_result
from pydantic import ValidationError

# Called with the server's own name for a tool and the reason why it was taken out.
OnMalformed = Callable[[str, str], None]
OLDEST = "2025-11-25"  # what the SDK assumes until a version is agreed on


@asynccontextmanager
async def sifted(
    transport: AbstractAsyncContextManager[Any],
    version: Callable[[], str | None],
    on_malformed: OnMalformed,
) -> AsyncIterator[Any]:
    """The same transport, with malformed tools reported instead of passed on."""
    async with transport as (incoming, outgoing):
        yield _Sifted(incoming, version, on_malformed), outgoing


class _Sifted:
    """A read stream of the SDK around another one."""

    def __init__(
        self, stream: Any, version: Callable[[], str | None], on_malformed: OnMalformed
    ) -> None:
        self._stream = stream
        self._version = version
        self._on_malformed = on_malformed

    @property
    def last_context(self) -> Any:
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        return self._checked(await self._stream.receive())

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> _Sifted:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return self._checked(await anext(self._stream))

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        left: bool | None = await self._stream.__aexit__(kind, error, trace)
        return left

    def _checked(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        if isinstance(item, SessionMessage) and isinstance(item.message, JSONRPCResponse):
            self._sift(item.message.result)
        return item

    def _sift(self, result: dict[str, Any]) -> None:
        tools = result.get("tools")
        if not isinstance(tools, list) or not self._flaw(result):
            return
        if self._flaw(result | {"tools": []}):
            return  # not only the tools are malformed: the SDK shall refuse it
        flaws = [self._flaw(result | {"tools": [tool]}) for tool in tools]
        for tool, flaw in zip(tools, flaws, strict=True):
            if flaw:
                name = tool.get("name") if isinstance(tool, dict) else None
                self._on_malformed(str(name or "(no name)"), flaw)
        result["tools"] = [tool for tool, flaw in zip(tools, flaws, strict=True) if not flaw]

    def _flaw(self, result: dict[str, Any]) -> str:
        try:
            validate_server_result("tools/list", self._version() or OLDEST, result)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"][2:])
            return f"it is malformed at {where}: {first['msg']}"[:200]
        except KeyError:
            return ""
        return ""
