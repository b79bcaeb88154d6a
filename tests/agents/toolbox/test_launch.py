"""A server dies with its worker, and takes what it started with it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

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
    script = str(Path(__file__).parent / "servers" / "unruly.py")
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        pids = [int(worker.stdout.readline()) for _ in range(2)]
        assert all(psutil.pid_exists(pid) for pid in pids)
        worker.send_signal(number)
    deadline = time.monotonic() + 5
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(psutil.pid_exists(pid) for pid in pids)
