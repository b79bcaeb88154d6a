"""Web and workers as processes of their own, on PostgreSQL and Redis, with folders of their own."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.house import FIRST_ADMIN, House
from tests.servers import Popen, Postgres, started, stop
from tests.surroundings import product_env


@pytest.fixture
def web(postgresql: Postgres, redis_url: str, tmp_path: Path) -> Iterator[House]:
    env = {
        "DATABASE_URL": postgresql.new_database(),
        "REDIS_URL": redis_url,
        "OVERSIGHT_LEASE_SECONDS": "6",
        "OVERSIGHT_REHEARSAL_SPEED": "30",
    }
    house = House(tmp_path / "web", env, serving="web")
    house.data.mkdir(parents=True)
    house.command("migrate", "-v0")
    house.command("user", FIRST_ADMIN, "--password", "a good long password", "--role", "admin")
    house.start()
    try:
        yield house
    finally:
        if house.process:
            stop(house.process)


@contextmanager
def worker(web: House, name: str) -> Iterator[Popen]:
    """As on a machine of its own: another data folder, so a dead one is known by its lease only."""
    folder = web.folder.parent / name
    folder.mkdir()
    env = product_env(OVERSIGHT_DATA=folder / "data", **web.env)
    command = [sys.executable, "manage.py", "work"]
    with started(command, folder / "work.log", env) as process:
        yield process


def test_a_session_moves_from_a_killed_worker_to_another_and_nothing_runs_twice(web: House) -> None:
    with worker(web, "first") as first:
        session = web.run("[refunds] Close the week's books.")
        web.wait(session, lambda row: row["status"] == "waiting_approval")
        first.kill()
        first.wait()
    before = web.events(session)
    for approval in web.pending(session):
        decision = {"decision": "approve", "digest": approval["digest"]}
        web.post(f"approvals/{approval['id']}/decision", decision)
    with worker(web, "second"):
        ended = web.wait_end(session)
    log = web.events(session)
    assert ended["status"] == "completed"
    assert log[: len(before)] == before
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    calls = Counter(one["call_id"] for one in web.of_kind(session, "tool_started"))
    assert set(calls.values()) == {1}
    assert "intact" in web.command("verify", session)


def test_a_worker_that_is_killed_in_the_middle_is_replaced_once_its_lease_is_out(
    web: House,
) -> None:
    with worker(web, "first") as first:
        session = web.run("[long] Audit everything.")
        web.wait(session, lambda row: row["steps"] > 3)
        first.kill()
        first.wait()
    with worker(web, "second"):
        web.wait(session, lambda row: row["steps"] > 8)
        web.post(f"sessions/{session}/stop", {})
        ended = web.wait_end(session)
    log = web.events(session)
    assert ended["status"] == "cancelled"
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    results = Counter(one["call_id"] for one in web.of_kind(session, "tool_result"))
    assert set(results.values()) == {1}
