"""Bears processes of `tests.bench` by fork, everything imported: a start takes a tenth of a second.

python -m tests.crash.nursery: one JSON order a line on standard input, one answer a line. The
processes begin with a copy of an empty, migrated database in a folder of the order's own.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from tests.bench import crash, house


def main() -> None:
    with house.folder() as template:
        _load(template)
        for line in sys.stdin:
            order = json.loads(line)
            answer = _wait(order["wait"]) if "wait" in order else _bear(template, order)
            print(json.dumps(answer), flush=True)


def _load(template: Path) -> None:
    crash.prepare(template)
    from django.db import connection

    for name in ("agents.supervisor", "tests.bench.tools"):
        importlib.import_module(name)  # what the children need as they go along
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _bear(template: Path, order: dict[str, Any]) -> int:
    folder = Path(order["folder"])
    if not (folder / "migrated").exists():
        (folder / "data").mkdir(parents=True)
        shutil.copy(template / "data" / "oversight.sqlite3", folder / "data")
        (folder / "migrated").touch()
    pid = os.fork()
    if pid == 0:
        _live(folder, order)
    return pid


def _live(folder: Path, order: dict[str, Any]) -> None:
    """The child: points Django at the order's folder and becomes the process that was ordered."""
    code = 1
    try:
        _move(folder, order)
        with (folder / "output").open("a") as output:
            sys.stdout = output
            code = crash.run(order["command"], folder, order["runs"], order["steps"])
    finally:
        os._exit(code)


def _move(folder: Path, order: dict[str, Any]) -> None:
    from django.conf import settings
    from django.db import connections

    os.environ |= {"CRASH_DIR": str(folder), **order["env"]}
    settings.OVERSIGHT_DATA = folder / "data"
    settings.OVERSIGHT_LEASE_SECONDS = order["lease"]
    connections.databases["default"]["NAME"] = str(folder / "data" / "oversight.sqlite3")


def _wait(pid: int) -> int:
    """The exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
