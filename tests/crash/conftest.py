"""A nursery for the whole run, and what the tests do with its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers import ROOT
from tests.surroundings import product_env


@dataclass
class Nursery:
    server: subprocess.Popen[str]

    def tell(self, order: dict[str, object]) -> int:
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(json.dumps(order) + "\n")
        self.server.stdin.flush()
        return int(json.loads(self.server.stdout.readline()))


@dataclass
class Stage:
    """A folder of runs, and the processes that work on them."""

    nursery: Nursery
    folder: Path
    runs: int = 1
    steps: int = 5
    lease: int = 30  # seconds
    alive: list[int] = field(default_factory=list)

    def start(self, command: str, failpoint: str = "") -> int:
        env = {"OVERSIGHT_FAILPOINT": failpoint}
        order = {"command": command, "runs": self.runs, "steps": self.steps, "env": env}
        pid = self.nursery.tell({**order, "folder": str(self.folder), "lease": self.lease})
        self.alive.append(pid)
        return pid

    def wait(self, pid: int) -> int:
        """The exit code, negative for a signal."""
        self.alive.remove(pid)
        return self.nursery.tell({"wait": pid})

    def run(self, command: str, failpoint: str = "") -> int:
        return self.wait(self.start(command, failpoint))

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text()[-3000:] if path.exists() else ""


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    command = [sys.executable, "-m", "tests.crash.nursery"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=product_env(), stdin=pipe, stdout=pipe, text=True
    ) as server:
        yield Nursery(server)
        assert server.stdin
        server.stdin.close()


@pytest.fixture
def stage(nursery: Nursery, tmp_path: Path) -> Iterator[Stage]:
    one = Stage(nursery, tmp_path / "crash")
    yield one
    for pid in list(one.alive):
        os.kill(pid, signal.SIGKILL)
        one.wait(pid)


def until_stopped(pid: int, seconds: float = 30) -> None:
    """Return once the process stands still under SIGSTOP."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if _status(pid) == "T":
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} was never stopped")


def until_written(pid: int, path: Path, seconds: float = 5) -> None:
    """Return once the process has added to the file, or is over."""
    size = path.stat().st_size if path.exists() else 0
    until = time.monotonic() + seconds
    while time.monotonic() < until and _status(pid) != "Z":
        if path.exists() and path.stat().st_size > size:
            return
        time.sleep(0.005)


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
