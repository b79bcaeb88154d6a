"""The engine's suite once more, on real PostgreSQL and Redis.

python -m tests.on_postgres [paths] [pytest arguments]

With paths, only those are run.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.servers import ROOT, find, missing, run_postgresql, run_redis


def selected(arguments: list[str]) -> list[str]:
    """What is run beside pytest's ``arguments``: nothing where they name tests themselves."""
    named = any((ROOT / one.split("::")[0]).exists() for one in arguments)
    return [] if named else ["tests/core", "tests/agents", "tests/rules"]


def main(arguments: list[str]) -> int:
    """Start both servers, run pytest on them, and return its exit code."""
    absent = [missing(part) for part in ("postgresql", "redis") if not find(part)]
    if absent:
        print("Not run on PostgreSQL and Redis:", *absent, sep="\n", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    folders = selected(arguments)
    with run_postgresql() as database, run_redis() as redis:
        env = os.environ | {"DATABASE_URL": database.url(), "REDIS_URL": redis}
        # The server goes away as a whole; dropping the database would wait for open connections.
        command = [sys.executable, "-m", "pytest", "--reuse-db", *folders, *arguments]
        return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
