"""Runs that may be killed at any moment, and their recovery."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import failpoints, house
from tests.bench.script import Script, task

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from agents.doorbell import News

LOOK = 0.02  # seconds


def main(command: str, folder: Path, runs: int, steps: int) -> int:
    """Run what is not finished; with ``recover``, settle what is unknown and finish everything."""
    prepare(folder)
    return run(command, folder, runs, steps)


def run(command: str, folder: Path, runs: int, steps: int) -> int:
    """Like ``main``, where Django is loaded and the database migrated."""
    with house.logs_to(folder / "log"):
        open_runs(runs, steps)
        asyncio.run(_drive(folder, recovering=command == "recover"))
        figures = report(folder, runs, steps)
    print(json.dumps(figures), flush=True)
    good = not figures["duplicates"] and not figures["lost_events"]
    return 0 if good and (command == "crash" or figures["completed"] == runs) else 1


def prepare(folder: Path) -> None:
    """Load Django with its data in ``folder``, and migrate, if need be once more."""
    folder.mkdir(parents=True, exist_ok=True)
    house.setup(folder / "data")
    migrated = folder / "migrated"
    if not migrated.exists():
        house.migrate()
        migrated.touch()


def open_runs(runs: int, steps: int) -> None:
    """Start each run once, however often this is called."""
    from agents import supervisor
    from tests.bench.tools import append_line, hold

    hold(append_line)
    failpoints.install()
    house.furnish(append_line.name, {"risk": "high", "effect": "irreversible", "timeout": 30})
    for run in range(runs):
        supervisor.start(None, "bench", task(run, steps), key=f"run-{run}")


async def _drive(folder: Path, *, recovering: bool) -> None:
    from agents.doorbell import bell

    threads = ThreadPoolExecutor(1, thread_name_prefix="people")
    loop = asyncio.get_running_loop()
    judge = await loop.run_in_executor(threads, _judge) if recovering else None
    stop = bell.listen(_acknowledging(folder))
    try:
        async with house.engine(Script()) as running:
            people = partial(loop.run_in_executor, threads, _waiting, folder, judge)
            while await people() or running.driven:
                await asyncio.sleep(LOOK)
    finally:
        stop()
        await loop.run_in_executor(threads, _close)
        threads.shutdown()


def _acknowledging(folder: Path) -> Callable[[News], None]:
    """Write down what the engine holds to be durable, to be compared with what is there later."""
    from tests.bench.tools import append

    def heard(news: News) -> None:
        lines = (f"{session},{seq}\n" for session, seq in news.seqs.items())
        append(folder / "acknowledged.txt", "".join(lines))

    return heard


def _waiting(folder: Path, judge: User | None) -> bool:
    """Whether there is more to come; while recovering, after people have done their part."""
    from agents.models import Approval, Outcome, Session

    active = Session.objects.filter(status__in=(Session.Status.QUEUED, Session.Status.RUNNING))
    if judge is None:
        return active.exists()
    settle(folder, judge)
    approve(judge)
    asked = Approval.objects.filter(state=Approval.State.PENDING)
    doubtful = Outcome.objects.filter(state=Outcome.State.OPEN)
    return active.exists() or asked.exists() or doubtful.exists()


def _judge() -> User:
    from django.contrib.auth.models import User

    from agents import roles

    user, _ = User.objects.get_or_create(username="judge")
    for role in ("approver", "adjudicator"):
        roles.grant(user, role)
    return user


def settle(folder: Path, judge: User) -> None:
    """The file says what happened."""
    from agents import inbox
    from agents.models import Outcome

    lines = set(effects(folder))
    for outcome in Outcome.objects.filter(state=Outcome.State.OPEN):
        given = json.loads(outcome.arguments)
        happened = f"{given['run']},{given['step']}" in lines
        decision = "happened" if happened else "not_happened"
        inbox.settle(judge, outcome.uuid, decision, "The line is there." if happened else "")


def approve(judge: User) -> None:
    """A call that did not happen asks again, whatever it was allowed before."""
    from agents import inbox
    from agents.models import Approval

    for approval in Approval.objects.filter(state=Approval.State.PENDING):
        inbox.approve(judge, approval.uuid, approval.digest)


def _close() -> None:
    from django.db import connection

    connection.close()


def effects(folder: Path) -> list[str]:
    path = folder / "effects.txt"
    return path.read_text().splitlines() if path.exists() else []


def report(folder: Path, runs: int, steps: int) -> dict[str, int]:
    from agents.models import Outcome, Session

    lines = Counter(effects(folder))
    outcomes = Counter(Outcome.objects.values_list("state", flat=True))
    completed = Session.objects.filter(status=Session.Status.COMPLETED).count()
    return {
        "runs": runs,
        "steps": steps,
        "completed": completed,
        "unknown": outcomes.total(),
        "happened": outcomes["happened"],
        "not_happened": outcomes["not_happened"],
        "open": outcomes["open"],
        "effects": len(lines),
        "duplicates": lines.total() - len(lines),
        "lost_events": _lost(folder),
    }


def _lost(folder: Path) -> int:
    """Events that the engine said were durable and that are not there."""
    from django.db.models import Count

    from agents.models import Event

    path = folder / "acknowledged.txt"
    heads: dict[int, int] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        session, seq = map(int, line.split(","))
        heads[session] = max(seq, heads.get(session, 0))
    there: dict[int, int] = dict(
        Event.objects.order_by().values_list("session").annotate(Count("seq"))
    )
    return sum(max(0, seq - there.get(session, 0)) for session, seq in heads.items())
