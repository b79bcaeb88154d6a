"""MCP over the standard input and output of a process that dies with this one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, jsonrpc_message_adapter

from agents.core import canonical
from agents.toolbox import launch, unsent

MAX_LINE = 16_000_000  # bytes of one message
MAX_STDERR = 4_000  # characters kept
GRACE = 2.0  # seconds for a server to end after its input closes

INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER")

Messages = MemoryObjectSendStream[SessionMessage | Exception]
Streams = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]


class Trace:
    """What is known of a server's process: whether it fell silent, how it ended, its last words."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.broke = ""  # how it broke the protocol
        self.exit_code: int | None = None
        self._chunks: deque[str] = deque(maxlen=64)

    def add(self, chunk: bytes) -> None:
        self._chunks.append(canonical.clean_text(chunk.decode("utf-8", "replace"))[-MAX_STDERR:])

    def stderr(self) -> str:
        """The end of its standard error."""
        return "".join(self._chunks)[-MAX_STDERR:].strip()


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a server sees: a short list of harmless names and what its configuration adds."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    # Servers installed beside us, and "python", are found where this interpreter lives.
    beside = str(Path(sys.executable).parent)
    inherited["PATH"] = os.pathsep.join([beside, inherited.get("PATH", os.defpath)])
    return inherited | dict(extra)


@asynccontextmanager
async def stdio(
    command: Sequence[str], env: Mapping[str, str], cwd: str | None, trace: Trace
) -> AsyncIterator[Streams]:
    """Run a server and yield its messages and ours. Raises ``OSError`` if it cannot start."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(env),
        cwd=cwd,
        start_new_session=True,
        limit=MAX_LINE,
    )
    incoming, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write_stream, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    pumps = [
        asyncio.create_task(_listen(process, incoming, trace)),
        asyncio.create_task(_speak(process, outgoing, incoming)),
        asyncio.create_task(_overhear(process, trace)),
    ]
    try:
        yield read_stream, write_stream
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process, pumps)
        trace.exit_code = process.returncode
        for stream in (incoming, read_stream, write_stream, outgoing):
            stream.close()


async def _listen(process: asyncio.subprocess.Process, incoming: Messages, trace: Trace) -> None:
    """Pass on what the server says until it ends or breaks the protocol."""
    assert process.stdout is not None
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with incoming:
            try:
                while line := await process.stdout.readline():
                    message = _parse(line)
                    if message is not None:
                        await incoming.send(message)
            except ValueError:
                trace.broke = f"it broke the protocol: a line over {MAX_LINE:,} bytes or no JSON"
            finally:
                trace.gone.set()


def _parse(line: bytes) -> SessionMessage | None:
    """A message, or None for noise. Raises ``ValueError`` for what pretends to be a message."""
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        if not line.lstrip().startswith(b"{"):
            return None  # many servers print a greeting
        return _salvage(json.loads(line))


def _salvage(value: object) -> SessionMessage | None:
    """A broken answer still ends the request it names."""
    request = value.get("id") if isinstance(value, dict) else None
    if not isinstance(request, int | str) or isinstance(request, bool):
        return None
    failure = unsent.Failure("it answered with something that is not JSON-RPC")
    return SessionMessage(unsent.answer(request, failure))


async def _speak(
    process: asyncio.subprocess.Process,
    outgoing: MemoryObjectReceiveStream[SessionMessage],
    incoming: Messages,
) -> None:
    assert process.stdin is not None
    async for item in outgoing:
        if process.returncode is not None or process.stdin.is_closing():
            await _refuse(item, incoming)
            continue
        line = item.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n"
        with suppress(ConnectionError, RuntimeError):  # how it ended is seen on its output
            process.stdin.write(line.encode())
            await process.stdin.drain()


async def _refuse(item: SessionMessage, incoming: Messages) -> None:
    if isinstance(item.message, JSONRPCRequest):
        failure = unsent.Failure("it has ended", sent=False)
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await incoming.send(SessionMessage(unsent.answer(item.message.id, failure)))


async def _overhear(process: asyncio.subprocess.Process, trace: Trace) -> None:
    assert process.stderr is not None
    while chunk := await process.stderr.read(4096):
        trace.add(chunk)


async def _end(process: asyncio.subprocess.Process, pumps: list[asyncio.Task[None]]) -> None:
    """Close the server's input, give it a moment, then have its launcher kill all of it."""
    assert process.stdin is not None
    pumps[1].cancel()
    process.stdin.close()
    if not await _ended(process, GRACE):
        _signal(process, kill=False)
        if not await _ended(process, launch.GRACE + 2.0):
            _signal(process, kill=True)
            await _ended(process, GRACE)
    await asyncio.wait(pumps, timeout=0.2)  # the last words on its standard error
    for pump in pumps:
        pump.cancel()
    await asyncio.gather(*pumps, return_exceptions=True)
    process._transport.close()  # type: ignore[attr-defined]  # a survivor may hold its pipes


async def _ended(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Not ``wait()``: that also waits for pipes, which a survivor may hold open."""
    deadline = asyncio.get_running_loop().time() + seconds
    while process.returncode is None:
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


def _signal(process: asyncio.subprocess.Process, *, kill: bool) -> None:
    with suppress(ProcessLookupError):
        if kill:
            process.kill()
        else:
            process.terminate()
