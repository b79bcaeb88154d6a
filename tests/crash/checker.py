"""Reads the database and the file of effects, and trusts nothing else: no code of the product."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

Logs = Mapping[int, Sequence[str]]  # session -> the digests of its events, in order

_EVENTS = """
    SELECT e.session_id, s.uuid, e.seq, e.step, e.kind, e.text, e.version, e.at, e.actor, e.term,
           e.digest
    FROM agents_event e JOIN agents_session s ON s.id = e.session_id
    ORDER BY e.session_id, e.seq
"""


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(folder / "data" / "oversight.sqlite3", timeout=20)
    database.row_factory = sqlite3.Row
    try:
        yield database
    finally:
        database.close()


def logs(folder: Path) -> Logs:
    """Every log, number by number. Fails on a gap or a second event of one number."""
    found: dict[int, list[str]] = defaultdict(list)
    with opened(folder) as database:
        rows = database.execute(
            "SELECT session_id, seq, digest FROM agents_event ORDER BY session_id, seq"
        )
        for session, seq, digest in rows:
            found[session].append(digest)
            assert seq == len(found[session]), f"session {session}: {seq} is out of order"
    return found


def has_grown(before: Logs, after: Logs) -> None:
    """What was there is still there, in its place."""
    for session, digests in before.items():
        kept = after.get(session, [])[: len(digests)]
        assert list(kept) == list(digests), f"session {session} lost or changed its past"


def holds_what_was_acknowledged(folder: Path, found: Logs) -> int:
    """How many acknowledgements were checked."""
    lines = _lines(folder / "acknowledged.txt")
    for line in lines:
        session, seq = map(int, line.split(","))
        assert seq <= len(found.get(session, [])), f"event {seq} of session {session} is lost"
    return len(lines)


def chain_is_whole(folder: Path) -> int:
    """Compute every digest again; how many events that were."""
    heads: dict[int, str] = defaultdict(str)
    count = 0
    with opened(folder) as database:
        for row in database.execute(_EVENTS):
            digest = _digest(heads[row["session_id"]], row)
            assert digest == row["digest"], f"{row['session_id']}:{row['seq']} breaks the chain"
            heads[row["session_id"]] = digest
            count += 1
        for session, head in database.execute("SELECT id, head FROM agents_session"):
            assert head == heads[session], f"session {session} has another head than its log"
    return count


def _digest(previous: str, row: sqlite3.Row) -> str:
    at = datetime.fromisoformat(row["at"]).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    names = [str(uuid.UUID(row["uuid"])), row["seq"], row["step"], row["kind"], at]
    header = [*names, row["actor"], row["term"], row["version"]]
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{text}\n{row['text']}".encode()).hexdigest()


def effects_are(folder: Path, runs: int, steps: int) -> None:
    """Every line once, and no other."""
    counted = Counter(_lines(folder / "effects.txt"))
    twice = [line for line, times in counted.items() if times > 1]
    assert not twice, f"happened twice: {twice}"
    wanted = {f"{run},{step}" for run in range(runs) for step in range(1, steps + 1)}
    assert set(counted) == wanted


def none_twice(folder: Path) -> None:
    counted = Counter(_lines(folder / "effects.txt"))
    assert all(times == 1 for times in counted.values()), counted.most_common(3)


def each_call_is_answered(folder: Path) -> None:
    """One result for each call; a second start only after a person said it had not happened."""
    asked: Counter[tuple[int, str]] = Counter()
    answered: Counter[tuple[int, str]] = Counter()
    started: Counter[tuple[int, str]] = Counter()
    undone: Counter[tuple[int, str]] = Counter()
    keys: Counter[str] = Counter()
    for session, kind, data in _facts(folder):
        match kind:
            case "thinking":
                uses = [block for block in data["content"] if block["type"] == "tool_use"]
                asked.update((session, block["id"]) for block in uses)
            case "tool_result":
                answered[session, data["call_id"]] += 1
            case "tool_started":
                started[session, data["call_id"]] += 1
                keys[data["idempotency_key"]] += 1
            case "outcome_settled" if data["decision"] == "not_happened":
                undone[session, data["call_id"]] += 1
    assert asked == answered
    assert max(asked.values()) == 1
    assert all(times == 1 for times in keys.values()), "one key was used for two starts"
    assert all(times <= 1 + undone[call] for call, times in started.items())


def _facts(folder: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    with opened(folder) as database:
        rows = database.execute("SELECT session_id, kind, text FROM agents_event ORDER BY id")
        for session, kind, text in rows:
            yield session, kind, json.loads(text)


def outcomes(folder: Path) -> Counter[str]:
    """How many calls were in doubt, by what was said of them."""
    with opened(folder) as database:
        return Counter(state for (state,) in database.execute("SELECT state FROM agents_outcome"))


def late_evidence(folder: Path) -> int:
    with opened(folder) as database:
        count: int = database.execute("SELECT COUNT(*) FROM agents_lateevidence").fetchone()[0]
    return count


def everything(folder: Path, runs: int, steps: int) -> None:
    """All that must be true once every run is finished."""
    found = logs(folder)
    assert len(found) == runs
    assert chain_is_whole(folder) == sum(map(len, found.values()))
    assert holds_what_was_acknowledged(folder, found)
    each_call_is_answered(folder)
    effects_are(folder, runs, steps)
    with opened(folder) as database:
        states = {state for (state,) in database.execute("SELECT status FROM agents_session")}
    assert states == {"completed"}


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
