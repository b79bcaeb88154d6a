"""MCP over streamable HTTP, against a real server process."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from agents.core.tools import (
    PermissionDenied,
    RateLimited,
    ToolContext,
    ToolError,
    ToolTimeout,
    Unavailable,
)
from agents.toolbox.box import open_box
from agents.toolbox.mcp import ServerConfig, Servers

UNRULY = Path(__file__).parent / "servers" / "unruly.py"
Serve = Callable[..., Servers]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Remote:
    """The unruly server on a port, which can be stopped and started again."""

    def __init__(self, notes: Path) -> None:
        self.notes = notes
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def config(self, timeout: float = 10) -> ServerConfig:
        url = f"http://127.0.0.1:{self.port}/mcp"
        return ServerConfig("unruly", url=url, timeout=timeout, start_timeout=5)

    def start(self) -> None:
        command = [sys.executable, str(UNRULY), "http", str(self.port)]
        self.process = subprocess.Popen(
            command, env={"NOTES": str(self.notes)}, stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the server did not start")

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def remote(notes: Path) -> Iterator[Remote]:
    server = Remote(notes)
    yield server
    server.stop()


async def test_a_tool_over_http_answers_and_gets_its_key(
    remote: Remote, serve: Serve, context: ToolContext, notes: Path
) -> None:
    box = await open_box(["unruly__*"], serve(remote.config()))
    assert (await box.call("unruly__echo", {"text": "hello"}, context)).content == "hello"
    await box.call("unruly__note", {"text": "hello"}, context)
    assert notes.read_text() == "hello key-1\n"


async def test_a_server_that_is_not_there_was_never_asked(
    serve: Serve, context: ToolContext
) -> None:
    config = ServerConfig("gone", url=f"http://127.0.0.1:{free_port()}/mcp", start_timeout=5)
    with pytest.raises(Unavailable) as caught:
        await serve(config).tools("gone")
    assert not caught.value.effects


async def test_a_server_that_dies_in_mid_call_over_http_may_have_acted(
    remote: Remote, serve: Serve, context: ToolContext, notes: Path
) -> None:
    servers = serve(remote.config())
    await servers.tools("unruly")
    with pytest.raises(Unavailable) as caught:
        await servers.call("unruly__die", {"text": "acted"}, context)
    assert caught.value.effects
    assert notes.read_text() == "acted\n"


async def test_one_broken_call_leaves_the_others_of_its_connection_alone(
    remote: Remote, serve: Serve, context: ToolContext
) -> None:
    servers = serve(remote.config(timeout=1.5))
    slow = asyncio.create_task(servers.call("unruly__hang", {"seconds": 1}, context))
    await asyncio.sleep(0.5)
    with pytest.raises(ToolTimeout) as caught:
        await servers.call("unruly__hang", {"seconds": 30}, context)
    assert caught.value.effects
    assert (await slow).content == "late"


async def test_a_server_that_was_restarted_is_found_again(
    remote: Remote, serve: Serve, context: ToolContext
) -> None:
    servers = serve(remote.config())
    await servers.call("unruly__echo", {"text": "x"}, context)
    remote.stop()
    with pytest.raises(ToolError) as caught:
        await servers.call("unruly__echo", {"text": "x"}, context)
    assert not caught.value.effects
    remote.start()
    assert (await servers.call("unruly__echo", {"text": "y"}, context)).content == "y"


@pytest.mark.parametrize(
    ("status", "error"), [(401, PermissionDenied), (429, RateLimited), (503, Unavailable)]
)
async def test_a_refusal_by_http_status_is_typed(
    serve: Serve, status: int, error: type[ToolError]
) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", "4")
            self.end_headers()
            self.wfile.write(b"no!!")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/mcp"
    try:
        with pytest.raises(Unavailable, match=f"HTTP {status}") as caught:
            await serve(ServerConfig("no", url=url, start_timeout=5)).tools("no")
        assert not caught.value.effects
    finally:
        server.shutdown()
        server.server_close()
