"""The real parts that tests run against: found, started on free ports, and stopped."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# --- what is there ------------------------------------------------------------------------------


def _on_path(*names: str) -> Callable[[], str | None]:
    return lambda: next(filter(None, map(shutil.which, names)), None)


def _postgres() -> str | None:
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    places = os.pathsep.join([*map(str, reversed(homes)), os.environ.get("PATH", "")])
    return shutil.which("postgres", path=places)


# The part, how it is found, and the Debian package that brings it.
PARTS: dict[str, tuple[Callable[[], str | None], str]] = {
    "chromium": (_on_path("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "node": (_on_path("node", "nodejs"), "nodejs"),
    "npm": (_on_path("npm"), "npm"),
    "postgresql": (_postgres, "postgresql"),
    "redis": (_on_path("redis-server", "valkey-server"), "redis-server"),
}


def find(part: str) -> str | None:
    """The program's path, if it is installed."""
    return PARTS[part][0]()


def missing(part: str) -> str:
    """The sentence that says what to install."""
    return f"{part} is not installed; on Debian: apt-get install {PARTS[part][1]}"


def without(sentence: str) -> NoReturn:
    """Skip the test; in CI fail it, where everything must be there."""
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def require(part: str) -> str:
    """The program's path; a test that cannot have it is skipped, and in CI fails."""
    return find(part) or without(missing(part))


# --- processes ----------------------------------------------------------------------------------


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(
    true: Callable[[], object], what: str, seconds: float = 60, process: Popen | None = None
) -> None:
    """Return once it is true; raise after so many seconds, or when the process has ended."""
    until = time.monotonic() + seconds
    while not true():
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{what}: the process ended with {process.returncode}")
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether somebody accepts connections on 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


Popen = subprocess.Popen[bytes]


def stop(process: Popen, how: signal.Signals = signal.SIGTERM, seconds: float = 20) -> int:
    """End the process and return its exit code; one that does not obey is killed."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@contextmanager
def started(
    command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, **popen: Any
) -> Iterator[Popen]:
    """Run a program with its output in a file; at the end it is stopped."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=popen.pop("cwd", ROOT),
            env=env,
            **popen,
        )
    try:
        yield process
    finally:
        stop(process)


# --- PostgreSQL ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Postgres:
    """A running server of the tests' own."""

    port: int

    def url(self, database: str = "oversight") -> str:
        """What DATABASE_URL says for one of its databases."""
        return f"postgresql://oversight@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Create an empty database; return its DATABASE_URL."""
        name = f"d{uuid.uuid4().hex}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)


def _not_root() -> dict[str, Any]:
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("There is no user postgres or nobody to run PostgreSQL as.")


def _make_cluster(programs: Path, folder: Path, user: dict[str, Any]) -> None:
    if user:
        os.chown(folder, user["user"], user["group"])
    command = [
        str(programs / "initdb"),
        "-D",
        str(folder / "data"),
        "-U",
        "oversight",
        "-A",
        "trust",
    ]
    command += ["-E", "UTF8", "--no-locale", "--no-sync"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **user)
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stdout}{done.stderr}")


def _answers(server: Postgres) -> bool:
    try:
        psycopg.connect(server.url("postgres"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def run_postgresql() -> Iterator[Postgres]:
    """A PostgreSQL server with an empty database `oversight`."""
    programs = Path(find("postgresql") or "").parent
    user = _not_root()
    server = Postgres(free_port())
    with tempfile.TemporaryDirectory(prefix="oversight-pg-") as name:
        folder = Path(name)
        _make_cluster(programs, folder, user)
        settings = {"port": server.port, "listen_addresses": "127.0.0.1", "max_connections": 200}
        # It outlives no crash of the machine, as no test has one; emptying its tables takes seconds
        # otherwise, after every test.
        settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [f"--{key}={value}" for key, value in settings.items()]
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", "", *options]
        with started(command, folder / "log", cwd="/", **user) as process:
            wait_for(lambda: _answers(server), "PostgreSQL", 90, process)
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                connection.execute("CREATE DATABASE oversight")
            yield server
            # SIGINT ends it without waiting for whoever is still connected.
            stop(process, signal.SIGINT)


# --- Redis --------------------------------------------------------------------------------------


@contextmanager
def run_redis() -> Iterator[str]:
    """A Redis server that keeps nothing; gives its REDIS_URL."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="oversight-redis-") as name:
        command = [find("redis") or "", "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", name]
        with started(command, Path(name) / "log") as process:
            wait_for(lambda: listens(port), "Redis", 90, process)
            yield f"redis://127.0.0.1:{port}/0"


# --- fixtures -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """A real PostgreSQL server; `postgresql.new_database()` gives a DATABASE_URL."""
    require("postgresql")
    with run_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The REDIS_URL of a real Redis server."""
    require("redis")
    with run_redis() as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the distribution's Chromium; start it with CHROMIUM_FLAGS."""
    expect.set_options(timeout=30_000)  # a busy machine is no failure
    return require("chromium")


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node."""
    return require("node")


@cache
def _node_packages() -> Path:
    """The packages of tests/node, installed once for each version of the lock file."""
    wanted = CACHE / "node"
    lock = (ROOT / "tests/node/package-lock.json").read_bytes()
    if (wanted / "installed").exists() and (wanted / "installed").read_bytes() == lock:
        return wanted
    CACHE.mkdir(exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=CACHE))
    shutil.copytree(ROOT / "tests/node", draft, dirs_exist_ok=True)
    command = [require("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=draft, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(draft)
        without(f"npm could not install the packages of tests/node: {done.stderr[-500:]}")
    (draft / "installed").write_bytes(lock)
    shutil.rmtree(wanted, ignore_errors=True)
    return draft.rename(wanted)


@pytest.fixture(scope="session")
def filesystem_mcp_server(node: str) -> list[str]:
    """The command of the MCP project's filesystem server; append the folders it may touch."""
    package = _node_packages() / "node_modules/@modelcontextprotocol/server-filesystem"
    return [node, str(package / "dist/index.js")]


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which finds what assistive technology would trip over."""
    require("node")
    return (_node_packages() / "node_modules/axe-core/axe.min.js").read_text()
