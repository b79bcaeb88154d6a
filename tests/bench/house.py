"""A data folder, a database and a running engine for one benchmark process."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import psycopg
from psycopg import sql

from tests.surroundings import strip

if TYPE_CHECKING:
    from agents.core.model import Model
    from agents.supervisor import Supervisor

KEPT = ("OVERSIGHT_LEASE_SECONDS", "OVERSIGHT_LOG_LEVEL", "OVERSIGHT_FAILPOINT")


def setup(data: Path, **env: str) -> None:
    """Load Django on the product's own settings, with ``data`` as its folder."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    strip(os.environ)
    os.environ |= {**kept, "OVERSIGHT_DATA": str(data), **env}
    os.environ["DJANGO_SETTINGS_MODULE"] = "oversight.settings"
    import django

    django.setup()


def migrate() -> None:
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    connection.close()


@contextmanager
def scratch() -> Iterator[dict[str, str]]:
    """The environment of a database that nobody else uses and that is gone afterwards.

    Where DATABASE_URL names a PostgreSQL, a database of its own on that server; where it names
    anything else, that; without one, SQLite in the data folder.
    """
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield {}
        return
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield {"DATABASE_URL": _renamed(url, name)}
        finally:
            statement = "DROP DATABASE IF EXISTS {} WITH (FORCE)"
            server.execute(sql.SQL(statement).format(sql.Identifier(name)))


def _renamed(url: str, name: str) -> str:
    from urllib.parse import urlsplit, urlunsplit

    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="oversight-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def logs_to(path: Path) -> Iterator[None]:
    """Every log line is still written, but to a file: standard error stays free."""
    stderr: TextIO = sys.stderr
    with path.open("a") as file:
        sys.stderr = file
        try:
            yield
        finally:
            sys.stderr = stderr


@asynccontextmanager
async def engine(model: Model) -> AsyncIterator[Supervisor]:
    """The engine as a worker runs it, with ``model`` in place of the network."""
    from agents.doorbell import bell
    from agents.journal import journal
    from agents.supervisor import Supervisor

    await bell.open()
    supervisor = Supervisor(model=model)
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.drain()
        await bell.close()
        journal.close()


def furnish(tool: str, catalogue: Mapping[str, object]) -> None:
    """The agent ``bench`` with one tool, which it may use without being asked."""
    from agents.models import AgentDefinition, Tool

    Tool.objects.get_or_create(name=tool, defaults={**catalogue, "reviewed": True})
    AgentDefinition.objects.get_or_create(
        name="bench",
        defaults={"system": "You work.", "tools": [tool], "max_auto_risk": "high"},
    )
