"""The session that waits for a second person: every kind of row that an operator meets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from agents.core import events
from agents.core.events import Fact
from agents.models import Approval, Session, Vote
from tests.oversight import stories
from tests.oversight.stories import Told

TITLE = "Migrate order totals to numeric"
TASK = (
    "Stop the nightly report from rounding order totals. "
    "Change the column type safely, staging first."
)
LIMITS = {"usd": 4, "tokens": 600_000, "steps": 60}
SECONDS_AGO = 559
ALTER = (
    "ALTER TABLE orders\n  ALTER COLUMN total TYPE numeric(12,2)\n  USING round(total::numeric, 2);"
)
_SQL, _SHELL = "orders__execute_sql", "shell__run"
_TITLES = {_SQL: "Run SQL on {database}", _SHELL: "Run {command}"}
READS = (
    ("read_file", "bugs/1184.md", "The nightly report is off by a cent on 31 of 412,806 orders."),
    ("search_files", "total", "models/orders.py:41: total = FloatField()"),
    ("query__read_schema", "orders", "total float8, paid_at timestamptz, 2.1 M rows"),
    ("write_file", "notes/plan.md", "Written."),
)


def tell(by: User, first: User) -> Session:
    start = datetime.now(UTC) - timedelta(seconds=SECONDS_AGO)
    known = {"agent": "ledger-fixer", "model": "claude-sonnet-5-5", "limits": LIMITS}
    told = [
        (0.0, 0, stories.started(agent="ledger-fixer", task=TASK, limits=LIMITS, by="Olu Bello")),
        *_reads(),
        *_staging(),
        *_check(),
        *_production(),
    ]
    more = {"title": TITLE, "task": TASK, "status": "waiting_approval", "start": start}
    session = stories.tell(told, by, **known, **more)
    # What was decided on the way woke it.
    Session.objects.filter(pk=session.pk).update(status="waiting_approval")
    waiting = session.approvals.get(state="pending")
    Vote.objects.create(approval=waiting, user=first, decision="approve", digest=waiting.digest)
    Approval.objects.filter(pk=waiting.pk).update(votes=1)
    return session


def _reads() -> Iterator[Told]:
    at = 0.0
    for step, (tool, what, found) in enumerate(READS, 1):
        at += 6 + step
        yield at, step, stories.turn("I look before I change anything.", cost=0.11)
        yield at + 0.1, step, _call(tool, "safe", "allow", path=what)
        yield at + 0.1, step, events.ToolStarted(*_ids(tool), {"path": what}, "d", "k", 1, "")
        yield at + 1.4, step, stories.result(tool, found, ms=1300)
        at += 1.4
    summary = "The column is float8; the plan is to change staging, compare, then production."
    shown: list[events.JsonObject] = [{"role": "user", "content": [{"type": "text", "text": TASK}]}]
    facts = events.ContextCompacted(
        1, 38_200, 1_450, summary, shown, 1, cost=0.02, through_step=len(READS)
    )
    yield at + 1, len(READS), facts


def _staging() -> Iterator[Told]:
    yield 50, 5, stories.turn("On staging first.", cost=0.14, duration_ms=4_200)
    yield 50.1, 5, _call(_SQL, "medium", "ask", database="staging", sql=ALTER)
    request = _asked(_SQL, "medium", database="staging", sql=ALTER)
    yield 50.2, 5, request
    decided = stories.decided(request, by="Mira Okafor")
    assert isinstance(decided, events.ApprovalDecided)
    yield 72.2, 5, replace(decided, reason="Staging is fine.")
    yield 72.4, 5, _started(_SQL, "a", database="staging", sql=ALTER)
    done = "ALTER TABLE: 412,806 rows rewritten in 18.4 s, 0 mismatched"
    yield 90.8, 5, stories.result(_SQL, done, ms=18_400)


def _check() -> Iterator[Told]:
    command = "python -m reports.check --since 1 Oct"
    yield 95, 6, stories.turn("Now the totals against the ledger.", cost=0.13)
    yield 95.1, 6, _call(_SHELL, "low", "allow", command=command)
    yield 95.2, 6, _started(_SHELL, "", command=command)
    lost = "ConnectionResetError: ledger-db:5432"
    yield 102, 6, events.ToolRetried(*_ids(_SHELL), 1, "unavailable", lost, 2000, attempts=3)
    days = [
        f"2026-10-{day:02}  ledger  84,1{day}.55  report  84,1{day}.55  ok" for day in range(1, 32)
    ]
    yield 118, 6, stories.result(_SHELL, "\n".join(days), ms=14_000)


def _production() -> Iterator[Told]:
    thought = (
        "Staging matched and the report agrees with the ledger. Production has 2.1 M rows, so the "
        "lock will be longer.\nAn online change would need a second column and a backfill; forty "
        "seconds at night are cheaper than that, and the plan says so."
    )
    yield 139, 7, stories.turn("Staging is verified. I ask for production now.", thought, cost=0.15)
    asks = _call(_SQL, "high", "ask", database="production", sql=ALTER)
    assert isinstance(asks, events.ToolCall)
    yield 139.1, 7, replace(asks, required=2)
    request = _asked(_SQL, "high", 2, database="production", sql=ALTER)
    late = datetime.now(UTC) + timedelta(minutes=3, seconds=12)
    why = (
        "The nightly report rounds totals because the column is float8. The same change passed on "
        "staging with 0 mismatched rows of 412,806, so I want to apply it to production."
    )
    request = replace(request, decide_by=late.isoformat(), reason=why)
    yield 139.2, 7, request
    vote = events.VoteCast(
        request.approval_id, request.call_id, "Jonas Lind", "approved", "", request.digest, 1, 2
    )
    yield 519, 7, vote


def _ids(tool: str) -> tuple[str, str]:
    return f"call-{tool}", tool


def _call(tool: str, risk: str, verdict: str, **arguments: Any) -> Fact:
    made = stories.call(tool, risk, verdict, **arguments)
    assert isinstance(made, events.ToolCall)
    return replace(made, title=_TITLES.get(tool, ""))


def _asked(tool: str, *more: Any, **arguments: Any) -> events.ApprovalRequested:
    made = stories.asked(tool, *more, **arguments)
    assert isinstance(made, events.ApprovalRequested)
    return replace(made, title=_TITLES[tool])


def _started(tool: str, approval: str, **arguments: Any) -> Fact:
    title = _TITLES[tool]
    return events.ToolStarted(*_ids(tool), arguments, "d", "k", 1, approval, title=title)
