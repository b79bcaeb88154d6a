"""The served product as its user has it: a process, its data folder, its pages and its API."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.servers import ROOT, Popen, free_port, listens, stop, wait_for
from tests.surroundings import product_env

FIRST_ADMIN = "admin"
LINK = re.compile(r"http://\S+/signin/link/\S+")
Json = dict[str, Any]


@dataclass
class House:
    """`manage.py up`, or `web`, over a data folder; it can be killed and started again."""

    folder: Path
    env: dict[str, str]
    port: int = field(default_factory=free_port)
    serving: str = "up"
    process: Popen | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "up.log"

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", self.serving],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=self._surroundings(),
            )
        wait_for(lambda: listens(self.port), f"manage.py {self.serving}", 60, self.process)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the process; its exit code."""
        assert self.process is not None
        return stop(self.process, how, 40)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def command(self, *words: object) -> str:
        """Run one of the product's own commands; what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *map(str, words)],
            cwd=ROOT,
            env=self._surroundings(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def link(self) -> str:
        """The one-time link that the start printed."""
        wait_for(lambda: LINK.search(self.log.read_text()), "the sign-in link", 60, self.process)
        found = LINK.search(self.log.read_text())
        assert found is not None
        return found[0]

    @cached_property
    def token(self) -> str:
        return self.command("token", FIRST_ADMIN).strip()

    def get(self, path: str) -> Any:
        return self._call(path, None)

    def post(self, path: str, body: Json) -> Any:
        return self._call(path, body)

    def _call(self, path: str, body: Json | None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.origin}/api/v1/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def run(self, task: str, agent: str = "assistant") -> str:
        """Start a session by the API; its id."""
        started: str = self.post("sessions", {"agent": agent, "task": task})["id"]
        return started

    def session(self, session: str) -> Json:
        found: Json = self.get(f"sessions/{session}")
        return found

    def events(self, session: str) -> list[Json]:
        found: list[Json] = self.get(f"sessions/{session}/events?limit=1000")
        return found

    def of_kind(self, session: str, kind: str) -> list[Json]:
        return [event["data"] for event in self.events(session) if event["kind"] == kind]

    def pending(self, session: str) -> list[Json]:
        found: list[Json] = self.get(f"approvals?status=pending&session={session}")
        return found

    def wait_pending(self, session: str, seconds: float = 30) -> Json:
        """The approval that the session waits for."""
        wait_for(lambda: self.pending(session), "an approval", seconds, self.process)
        return self.pending(session)[0]

    def wait(self, session: str, ready: Callable[[Json], object], seconds: float = 40) -> Json:
        """Wait until the session looks as wanted."""
        wait_for(lambda: ready(self.session(session)), f"session {session}", seconds, self.process)
        return self.session(session)

    def wait_end(self, session: str, seconds: float = 40) -> Json:
        return self.wait(session, lambda row: row["ended_at"], seconds)

    def _surroundings(self) -> dict[str, str]:
        return product_env(OVERSIGHT_DATA=self.data, PORT=self.port, **self.env)


@contextmanager
def open_house(folder: Path, env: Mapping[str, object], port: int = 0) -> Iterator[House]:
    """A house of one's own; at the end its process is stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    surroundings = {name: str(value) for name, value in env.items()}
    house = House(folder, surroundings, port or free_port())
    try:
        house.start()
        yield house
    finally:
        if house.process is not None:
            stop(house.process)
