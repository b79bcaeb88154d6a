"""As much HTTP/1.1 as the endpoint needs, with a hand on the connection itself."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

MAX_HEAD = 64 * 1024
MAX_BODY = 32 * 1024 * 1024


class GoneError(Exception):
    """The client closed the connection."""


class TooLargeError(Exception):
    """The body is larger than the API takes."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a kept-alive connection; None when the client is done."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _version = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    parts = urlsplit(target)
    body = await _read_body(reader, headers)
    return Request(method, unquote(parts.path), parts.query, headers, body)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(reader)
    length = int(headers.get("content-length", "0"))
    if length > MAX_BODY:
        raise TooLargeError
    return await reader.readexactly(length)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
        if len(body) > MAX_BODY:
            raise TooLargeError
    await reader.readline()
    return bytes(body)


class Response:
    """One answer on one connection: plain, or a stream that can break in any way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.keep_alive = True

    @property
    def gone(self) -> bool:
        return self._reader.at_eof() or self._writer.is_closing()

    async def pause(self, seconds: float) -> None:
        """Sleep, but notice within 50 ms that the client has left."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            if self.gone:
                raise GoneError
            await asyncio.sleep(min(left, 0.05))

    async def send_json(self, status: int, value: Any, headers: dict[str, str]) -> None:
        await self.send_bytes(status, json.dumps(value, ensure_ascii=False).encode(), headers)

    async def send_bytes(
        self, status: int, body: bytes, headers: dict[str, str], declared: int | None = None
    ) -> None:
        length = len(body) if declared is None else declared
        plain = {"content-type": "application/json", **headers, "content-length": str(length)}
        await self._write(_head(status, plain) + body)

    async def start_stream(self, headers: dict[str, str]) -> None:
        stream = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        await self._write(_head(200, {**stream, **headers, "transfer-encoding": "chunked"}))

    async def send_chunk(self, data: bytes) -> None:
        await self._write(b"%x\r\n%b\r\n" % (len(data), data))

    async def end_stream(self) -> None:
        await self._write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Close without the end of the body; what was written still arrives."""
        self.keep_alive = False
        self._writer.close()

    async def _write(self, data: bytes) -> None:
        if self.gone:
            raise GoneError
        self._writer.write(data)
        try:
            await self._writer.drain()
        except ConnectionError as exc:
            raise GoneError from exc


def _head(status: int, headers: dict[str, str]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Overloaded" if status == 529 else "Status"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
