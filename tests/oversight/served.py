"""The product as its own process, on the test's database, and the sockets that watch it."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from websockets.sync.client import ClientConnection, connect

from agents.core import events
from agents.journal import Append, entry, journal
from agents.models import Session
from tests.servers import Popen, free_port, listens, started, wait_for
from tests.surroundings import product_env

ROW = re.compile(r'<li id="e-(\d+)"')


@dataclass
class Served:
    """A running process of Oversight."""

    port: int
    process: Popen
    log: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def watch(self, path: str, user: User | None, **options: Any) -> ClientConnection:
        """Open a live socket as a browser of this user's would."""
        headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie(user)}"} if user else {}
        known: dict[str, Any] = {"origin": self.origin, "additional_headers": headers}
        address = f"ws://127.0.0.1:{self.port}{path}"
        socket: ClientConnection = connect(address, proxy=None, **{**known, **options})
        return socket

    def follow(self, session: Session, user: User, after: int = 0) -> ClientConnection:
        return self.watch(f"/live/sessions/{session.uuid}/?after={after}", user)


@contextmanager
def serve(tmp_path: Path, command: str = "up", port: int = 0, **env: object) -> Iterator[Served]:
    """Start it on the test's own database; its sessions and people are the test's."""
    port = port or free_port()
    name = connection.settings_dict["NAME"]
    surroundings = product_env(
        OVERSIGHT_DATA=settings.OVERSIGHT_DATA,
        DATABASE_URL=f"sqlite:///{name}",
        PORT=port,
        **env,
    )
    log = tmp_path / "served.log"
    python = [sys.executable]
    ours = [*python, "manage.py", command]
    uvicorn = [*python, "-m", "uvicorn", "oversight.asgi:application", "--port", str(port)]
    with started(uvicorn if command == "uvicorn" else ours, log, surroundings) as process:
        wait_for(lambda: listens(port), f"manage.py {command}", 90, process)
        yield Served(port, process, log)


def cookie(user: User) -> str:
    """The key of a fresh session of the user's."""
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def append(session: Session, count: int, text: str = "note", batch: int = 20) -> None:
    """Facts at the end of a session's log, by a process that rings no bell the server hears."""
    left = count
    while left:
        size = min(batch, left)
        facts = [entry(events.Message("ann", text), "human:1", 0) for _ in range(size)]
        journal.append(Append(session.pk, facts))
        left -= size


@dataclass
class Seen:
    """What came out of one socket."""

    rows: list[int] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    frames: int = 0

    def take(self, frame: str) -> None:
        self.frames += 1
        if frame.startswith("{"):
            self.told.append(json.loads(frame))
        else:
            self.rows += [int(seq) for seq in ROW.findall(frame)]


def read(socket: ClientConnection, upto: int, seconds: float = 60) -> Seen:
    """Everything until the row ``upto`` has come."""
    seen = Seen()
    until = time.monotonic() + seconds
    while not seen.rows or seen.rows[-1] < upto:
        seen.take(str(socket.recv(timeout=max(0.01, until - time.monotonic()))))
    return seen


def items(socket: ClientConnection, element: str, seconds: float = 30) -> str:
    """The HTML of an item of a list, once it is sent."""
    until = time.monotonic() + seconds
    while True:
        frame = str(socket.recv(timeout=max(0.01, until - time.monotonic())))
        for item in json.loads(frame).get("items", []):
            if item["id"] == element:
                return str(item["html"])
