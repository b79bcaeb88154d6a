"""python -m tests.bench [steps | crash | recover | context | page]

`steps`, `crash` and `recover` want two numbers: sessions or runs, and steps.

Each prints one JSON line. `crash` and `recover` keep everything in $CRASH_DIR: kill `crash` as
often as you like, start it again with the same numbers, and end with `recover`. Without arguments:
two workloads and, beside them, what the bare database can do with the same bytes. `context` prints
a table: what keeping context costs under several policies. `page` measures the page of a session of
10,000 events and the wall of 500, on the server and in a browser.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from tests.bench import house


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    for name in ("steps", "crash", "recover"):
        command = commands.add_parser(name)
        command.add_argument("sessions", type=int)
        command.add_argument("steps", type=int)
    commands.add_parser("context")
    commands.add_parser("page")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was made is removed
    match given.command:
        case "steps":
            return _steps(given.sessions, given.steps)
        case "crash" | "recover":
            return _crash(given.command, given.sessions, given.steps)
        case "context":
            return _context()
        case "page":
            return _page()
        case _:
            return _default()


def _steps(sessions: int, steps: int) -> int:
    with house.scratch() as env, house.folder() as data:
        house.setup(data, **env)
        with house.logs_to(data / "log"):
            house.migrate()
            from django.db import connection

            from tests.bench.steps import measure

            figures = measure(sessions, steps)
            connection.close()
    print(json.dumps(figures), flush=True)
    return 0


def _page() -> int:
    with house.folder() as data:
        house.setup(data)
        with house.logs_to(data / "log"):
            house.migrate()
            from tests.bench.page import measure

            figures = measure(data)
    print(json.dumps(figures), flush=True)
    return 0


def _context() -> int:
    with house.scratch() as env, house.folder() as data:
        house.setup(data, **env)
        with house.logs_to(data / "log"):
            house.migrate()
            from tests.bench.context import table

            lines = table()
    print("\n".join(lines), flush=True)
    return 0


def _crash(command: str, runs: int, steps: int) -> int:
    if not os.environ.get("CRASH_DIR"):
        print("Say in CRASH_DIR where the state is kept.", file=sys.stderr)
        return 2
    from tests.bench.crash import main as crash

    return crash(command, Path(os.environ["CRASH_DIR"]), runs, steps)


def _default() -> int:
    from tests.bench.floor import compare

    return compare()


if __name__ == "__main__":
    sys.exit(main())
