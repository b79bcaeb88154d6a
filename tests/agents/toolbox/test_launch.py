"""A server dies with its worker, and takes what it started with it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.servers import wait_for

ROOT = Path(__file__).parents[3]

WORKER = """
import asyncio, os, sys
from pathlib import Path
from agents.core.tools import ToolContext
from agents.toolbox.mcp import ServerConfig, Servers

async def main():
    servers = Servers([ServerConfig("unruly", (sys.executable, sys.argv[1]))])
    context = ToolContext("s", "c", "k", 1, Path("w"), Path("d"))
    print((await servers.call("unruly__process", {}, context)).content, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_and_its_daemon_die_with_the_worker(number: signal.Signals) -> None:
    with _worker() as worker:
        pids = _started(worker)
        worker.send_signal(number)
    wait_for(lambda: not any(map(psutil.pid_exists, pids)), "the end of both", 30)


def test_two_reasons_to_end_at_once_are_one() -> None:
    """As on a busy machine, where the launcher's own check is due before it hears of the death."""
    with _worker() as worker:
        pids = _started(worker)
        (launcher,) = psutil.Process(worker.pid).children()
        launcher.suspend()
        worker.kill()
        worker.wait()
        launcher.send_signal(signal.SIGALRM)
        launcher.resume()
    wait_for(lambda: not any(map(psutil.pid_exists, pids)), "the end of both", 30)


def _worker() -> subprocess.Popen[str]:
    script = str(Path(__file__).parent / "servers" / "unruly.py")
    command = [sys.executable, "-c", WORKER, script]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _started(worker: subprocess.Popen[str]) -> list[int]:
    """The server and its daemon, both alive."""
    assert worker.stdout is not None
    pids = [int(worker.stdout.readline()) for _ in range(2)]
    assert all(map(psutil.pid_exists, pids))
    return pids
