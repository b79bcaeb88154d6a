"""Worker processes of the product on the test's own database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.db import connection

from tests.servers import ROOT
from tests.surroundings import product_env


@contextmanager
def worker_processes(count: int, **env: object) -> Iterator[list[subprocess.Popen[str]]]:
    """``manage.py work``, ``count`` times, each ready; ended in the end."""
    variables = product_env(OVERSIGHT_DATA=settings.OVERSIGHT_DATA, DATABASE_URL=_database(), **env)
    if redis := os.environ.get("REDIS_URL"):
        variables["REDIS_URL"] = redis
    command = [sys.executable, "manage.py", "work"]
    started = [
        subprocess.Popen(command, cwd=ROOT, env=variables, text=True, stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    try:
        for process in started:
            assert process.stdout
            assert "runs sessions" in process.stdout.readline()
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.communicate(timeout=30)


def _database() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    parts = urlsplit(os.environ["DATABASE_URL"])
    return parts._replace(path=f"/{quote(name)}").geturl()
