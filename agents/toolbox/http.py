"""MCP over streamable HTTP, with failures told apart by whether the request left this machine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from agents.core import retry_after as waits
from agents.toolbox import unsent

MAX_BODY = 16_000_000  # bytes of one response
CONNECT_TIMEOUT = 10.0  # seconds
# Nothing was written when one of these is raised.
_BEFORE_SENDING = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@asynccontextmanager
async def http(url: str, headers: Mapping[str, str]) -> AsyncIterator[Any]:
    """The messages of the server at ``url`` and ours."""
    # A tool call may take as long as its own timeout allows, which the caller keeps.
    timeout = httpx2.Timeout(None, connect=CONNECT_TIMEOUT, write=30.0)
    async with (
        httpx2.AsyncClient(headers=dict(headers), timeout=timeout, transport=_Told()) as client,
        streamable_http_client(url, http_client=client) as streams,
    ):
        yield streams


class _Told(httpx2.AsyncBaseTransport):
    """Turns a failed POST into a JSON-RPC error that says what is known of it.

    The SDK would otherwise let one refused connection end every call that shares the server.
    """

    def __init__(self) -> None:
        self._wire = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method != "POST":
            return await self._wire.handle_async_request(request)
        try:
            response = await self._wire.handle_async_request(request)
        except httpx2.TransportError as error:
            sent = not isinstance(error, _BEFORE_SENDING)
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return _told(request, unsent.Failure(reason[:300], sent), 503)
        if response.status_code < 400:
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = _Bounded(response.stream)
            return response
        return await _explained(request, response)

    async def aclose(self) -> None:
        await self._wire.aclose()


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends early where it breaks or grows too long; the reader then sees it is cut."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_BODY
        try:
            async for chunk in self._stream:
                left -= len(chunk)
                if left < 0:
                    return
                yield chunk
        except httpx2.TransportError:
            return

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _explained(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    """The error response itself if it is JSON-RPC, else one that keeps its status."""
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    body = b""
    async for chunk in _Bounded(response.stream):
        body = (body + chunk)[:100_000]
    await response.aclose()
    # A server that has forgotten our session says so with 404, in JSON-RPC or not.
    forgotten = response.status_code == 404 and "mcp-session-id" in request.headers
    if _is_error(body) and not forgotten:
        return httpx2.Response(
            response.status_code,
            headers={"content-type": "application/json"},
            content=body,
            request=request,
        )
    failure = unsent.Failure(
        f"HTTP {response.status_code}",
        status=response.status_code,
        retry_after=waits.seconds(response.headers.get("retry-after")),
    )
    return _told(request, failure, response.status_code)


def _is_error(body: bytes) -> bool:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("error"), dict)


def _told(request: httpx2.Request, failure: unsent.Failure, status: int) -> httpx2.Response:
    error = unsent.answer(0, failure)  # the SDK puts the request's own id in
    return httpx2.Response(status, json=error.model_dump(by_alias=True), request=request)
