"""What the disk allows: the same bytes a step in bare sqlite3, as durable."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tests.bench import house

WORKLOADS = ((100, 40), (20, 200))
ROWS = 4  # events of a step: thinking, tool_call, tool_started, tool_result


def compare() -> int:
    """Print one JSON line for each workload: the engine's figures, the floor's and the ratio."""
    for sessions, steps in WORKLOADS:
        engine = _engine(sessions, steps)
        bare = floor(sessions, steps, round(engine["bytes_per_step"] / ROWS))
        ratio = round(bare["steps_per_s"] / engine["steps_per_s"], 1)
        line = {"sessions": sessions, "steps": steps, **engine, "floor": bare, "ratio": ratio}
        print(json.dumps(line), flush=True)
    return 0


def _engine(sessions: int, steps: int) -> dict[str, float]:
    # A process of its own, so that one workload's memory is not the next one's.
    command = [sys.executable, "-m", "tests.bench", "steps", str(sessions), str(steps)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    figures: dict[str, float] = json.loads(answer)
    return figures


def floor(sessions: int, steps: int, size: int) -> dict[str, float]:
    """Insert ``ROWS`` texts of ``size`` bytes a step, all sessions' together in each commit."""
    with house.folder() as folder:
        bare = _open(folder / "floor.sqlite3")
        wall, cpu = time.perf_counter(), time.process_time()
        for step in range(steps):
            _step(bare, sessions, step, "x" * max(1, size - 30))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        bare.close()
    count = max(1, sessions * steps)
    return {
        "steps_per_s": round(sessions * steps / wall, 1),
        "cpu_ms_per_step": round(cpu * 1000 / count, 4),
    }


def _open(path: Path) -> sqlite3.Connection:
    bare = sqlite3.connect(path, isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE event (session, seq, text, UNIQUE (session, seq))")
    return bare


def _step(bare: sqlite3.Connection, sessions: int, step: int, text: str) -> None:
    for commit, rows in enumerate((2, 1, 1)):
        first = step * ROWS + (0, 2, 3)[commit]
        values = [(one, first + row, text) for one in range(sessions) for row in range(rows)]
        bare.execute("BEGIN IMMEDIATE")
        bare.executemany("INSERT INTO event VALUES (?, ?, ?)", values)
        bare.execute("COMMIT")
