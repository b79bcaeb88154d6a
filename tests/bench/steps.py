"""How fast sessions step, what a step costs, and how near that is to what the disk allows."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from django.db import connection

from agents import supervisor
from agents.models import Session
from tests.bench import house
from tests.bench.script import Script, task
from tests.bench.tools import hold, look_up


def measure(sessions: int, steps: int) -> dict[str, float]:
    """The figures of one workload, on a database that is migrated and empty."""
    hold(look_up)
    house.furnish(look_up.name, {"risk": "safe", "effect": "read", "timeout": 30})
    empty = size()
    for run in range(sessions):
        supervisor.start(None, "bench", task(run, steps))
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(_work())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    _check(sessions, steps)
    count = max(1, sessions * steps)
    return {
        "steps_per_s": round(sessions * steps / wall, 1),
        "cpu_ms_per_step": round(cpu * 1000 / count, 3),
        "bytes_per_step": round((size() - empty) / count, 1),
        "rss_mb": round(peak(), 1),
    }


async def _work() -> None:
    async with house.engine(Script()) as running:
        while running.driven or await asyncio.to_thread(_unfinished):
            await asyncio.sleep(0.02)


def _unfinished() -> bool:
    waiting = Session.objects.exclude(status__in=Session.ENDED).exists()
    connection.close()
    return waiting


def _check(sessions: int, steps: int) -> None:
    """A figure counts only if the work was done."""
    done = Session.objects.filter(status=Session.Status.COMPLETED, tool_calls=steps).count()
    if done != sessions:
        raise SystemExit(f"Only {done} of {sessions} sessions completed all their steps.")


def size() -> int:
    """Bytes of the database on disk, once its write-ahead log is part of it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = str(connection.settings_dict["NAME"])
    files = [Path(path), Path(f"{path}-wal")]
    return sum(file.stat().st_size for file in files if file.exists())


def peak() -> float:
    """The most memory this process has had resident, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
