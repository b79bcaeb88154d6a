"""The process: how it starts, what it refuses, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from websockets.exceptions import ConnectionClosed

from tests.oversight import stories
from tests.oversight.served import Served, read, serve
from tests.servers import ROOT, free_port, listens, started, stop, wait_for
from tests.surroundings import product_env

MIB = 1024 * 1024


def _answer(served: Served, *pieces: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as wire:
        for piece in pieces:
            try:
                wire.sendall(piece)
            except OSError:
                break
        return wire.recv(4096)


@pytest.mark.django_db(transaction=True)
def test_a_large_body_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    head = b"POST /signin/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with serve(tmp_path, "web") as served:
        length = b"Content-Length: %d\r\n\r\n" % (300 * MIB)
        assert b" 413 " in _answer(served, head + length)
        piece = b"%x\r\n%s\r\n" % (MIB // 4, b"x" * (MIB // 4))
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
        assert b" 413 " in _answer(served, chunked, *[piece] * 5)
        small = head + b"Content-Length: 3\r\nConnection: close\r\n\r\na=b"
        assert b" 403 " in _answer(served, small)  # no CSRF token


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["up", "web"])
def test_it_ends_in_order_beside_open_sockets(
    tmp_path: Path, bob: User, how: signal.Signals, command: str
) -> None:
    session = stories.tell([(0, 0, stories.started())], status="paused")
    with serve(tmp_path, command) as served, ExitStack() as viewers:
        followed = f"/live/sessions/{session.uuid}/"
        for path in (followed, followed, followed, "/live/wall/", "/live/inbox/"):
            viewers.enter_context(served.watch(path, bob)).recv(timeout=10)
        assert stop(served.process, how) == 0
        said = served.log.read_text()
    assert "Traceback" not in said
    assert "never" not in said


@pytest.mark.django_db(transaction=True)
def test_the_access_log_tells_no_secrets(tmp_path: Path) -> None:
    with serve(tmp_path, "web") as served:
        for path in (b"/signin/link/5ecret/", b"/signin/?next=5ecret", b"/api/v1/health?t=5ecret"):
            _answer(served, b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path)
        wait_for(lambda: b"/api/v1/health" in served.log.read_bytes(), "the log", 60)
        said = served.log.read_text()
    assert "/signin/link/" in said
    assert "5ecret" not in said


def test_another_port_is_another_origin(tmp_path: Path) -> None:
    port = free_port()
    env = product_env(OVERSIGHT_DATA=tmp_path)
    command = [sys.executable, "manage.py", "up", "--host", "::1", "--port", str(port)]
    log = tmp_path / "log"
    with started(command, log, env) as process:
        wait_for(lambda: b"Oversight: " in log.read_bytes(), "up", 90, process)
        assert f"Oversight: http://[::1]:{port}/\n" in log.read_text()
        with socket.create_connection(("::1", port), timeout=10) as wire:
            wire.sendall(b"GET /signin/ HTTP/1.1\r\nHost: [::1]:%d\r\n\r\n" % port)
            assert b" 200 " in wire.recv(4096)


@pytest.mark.django_db(transaction=True)
def test_a_worker_ends_in_order(tmp_path: Path) -> None:
    from django.db import connection

    env = product_env(
        OVERSIGHT_DATA=tmp_path, DATABASE_URL=f"sqlite:///{connection.settings_dict['NAME']}"
    )
    log = tmp_path / "log"
    with started([sys.executable, "manage.py", "work"], log, env) as process:
        wait_for(lambda: b"runs sessions" in log.read_bytes(), "work", 90, process)
        assert stop(process) == 0


def test_the_first_start_brings_everything_and_prints_the_way_in(tmp_path: Path) -> None:
    port = free_port()
    env = product_env(OVERSIGHT_DATA=tmp_path / "data", PORT=port)
    log = tmp_path / "log"
    with started([sys.executable, "manage.py", "up"], log, env) as process:
        wait_for(lambda: b"signin/link" in log.read_bytes(), "up", 90, process)
        assert listens(port)
        assert stop(process) == 0
    assert f"Oversight: http://127.0.0.1:{port}/\n" in log.read_text()
    assert f"http://127.0.0.1:{port}/signin/link/" in log.read_text()


def test_pages_do_without_the_sdks_that_take_long_to_import() -> None:
    imported = "import sys, oversight.asgi, oversight.server, oversight.urls; print(*sys.modules)"
    command = [sys.executable, "-c", imported]
    done = subprocess.run(command, cwd=ROOT, env=product_env(), capture_output=True, check=True)
    assert {"anthropic", "mcp", "mcp_types"}.isdisjoint(done.stdout.decode().split())


def test_web_and_work_want_a_database_that_is_up_to_date(tmp_path: Path) -> None:
    env = product_env(OVERSIGHT_DATA=tmp_path)
    for command in ("web", "work"):
        done = subprocess.run(
            [sys.executable, "manage.py", command],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 1
        assert "manage.py migrate" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_port_in_use_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = product_env(OVERSIGHT_DATA=tmp_path, PORT=port)
        done = subprocess.run(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert f"port={port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.django_db(transaction=True)
def test_another_asgi_server_does_as_well(tmp_path: Path, bob: User) -> None:
    session = stories.tell([(0, 0, stories.started())], status="paused")
    with serve(tmp_path, "uvicorn", OVERSIGHT_ROLE="up") as served:
        with served.follow(session, bob) as viewer:
            assert read(viewer, 1).rows == [1]
            process, said = served.process, served.log
            process.send_signal(signal.SIGINT)
            with pytest.raises(ConnectionClosed) as closed:
                read(viewer, 2)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert process.wait(20) in (0, -signal.SIGINT)
        assert "Application shutdown complete" in said.read_text()
