"""One session worth a replay: twelve steps, a failure, and a change that two people approved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from agents.core import events
from agents.core.events import Fact
from tests.oversight import stories
from tests.oversight.stories import Told

TITLE = "Take order totals off floats"
_SQL = (
    "ALTER TABLE orders\n  ALTER COLUMN total TYPE numeric(12,2)\n  USING round(total::numeric, 2);"
)
_READ = "orders-prod__query"
_TITLES = {
    f"orders-{where}__execute_sql": f"Run SQL on orders-{where}" for where in ("staging", "prod")
}

# Seconds of the model and of the tool, the tool, its arguments, what it gave, and what was said.
_FIRST: tuple[tuple[float, float, str, dict[str, Any], str, str], ...] = (
    (
        3.2,
        0.9,
        "read_file",
        {"path": "bugs/1482.md"},
        "Totals are off by a cent after refunds.",
        "I’ll start with the bug report.",
    ),
    (
        4.0,
        5.8,
        "find_records",
        {"table": "schema"},
        "orders.total  double precision\norders.tax  numeric(12,2)",
        "Where are totals kept?",
    ),
    (
        2.4,
        0.9,
        "read_file",
        {"path": "schema/orders.sql"},
        "create table orders (\n  id bigint,\n  total double precision,\n  tax numeric(12,2)\n);",
        "Now the table itself.",
    ),
    (
        11.2,
        1.2,
        "write_file",
        {"path": "plan.md", "content": "1. Dry run\n2. Staging\n3. Production"},
        "Wrote plan.md",
        "Floats lose the cent. I’ll write down a plan: dry run, staging, production.",
    ),
    (
        3.1,
        4.1,
        _READ,
        {"sql": "SELECT count(*) FROM orders WHERE total <> round(total::numeric, 2)"},
        "count\n  318",
        "How many rows are wrong?",
    ),
    (
        6.0,
        25.0,
        "orders-staging__dry_run",
        {"sql": _SQL},
        "ok, 2,104,377 rows would change type, 318 values",
        "I’ll try the change on staging without keeping it.",
    ),
)


def told(*, again: bool = False) -> list[Told]:
    """The session's log. ``again``: the check of step 8 works at once."""
    found: list[Told] = [
        (0.0, 0, stories.started(agent="ledger-fixer", task=f"{TITLE}.", limits=_LIMITS))
    ]
    at = 1.0
    for step, (thinks, takes, tool, arguments, gave, said) in enumerate(_FIRST, 1):
        found += _step(step, at, thinks, takes, tool, arguments, gave, said)
        at += thinks + takes
    found += _asked(7, at, "orders-staging__execute_sql", "medium", 27.0, 9.0)
    at += 44.6
    found += _checked(at, works=again)
    at += 8.0 if again else 26.0
    found.append((at - 0.5, 8, events.Message("Mira Okafor", "Keep the lock short, please.")))
    found += _asked(9, at, "orders-prod__execute_sql", "high", 408.0, 38.2, people=2)
    at += 12 + 408 + 38
    for step, tool, said in (
        (10, "run_nightly_report", "Rerun the report."),
        (11, _READ, "Compare."),
    ):
        sql = {"sql": "SELECT day, diff FROM ledger_compare LIMIT 31"} if tool == _READ else {}
        found += _step(step, at, 4.0, 12.0, tool, sql, "31 days, 0.00 apart", said)
        at += 16.0
    end = "Totals are numeric now. 318 orders were corrected, and **31 days agree to the cent**."
    found += [
        (at + 14.7, 12, stories.turn(end, stop_reason="end_turn", duration_ms=14_700)),
        (at + 14.8, 12, events.Complete(end)),
    ]
    return found


_LIMITS = {"steps": 40, "usd": 3, "tokens": 600_000}


def _step(
    step: int,
    at: float,
    thinks: float,
    takes: float,
    tool: str,
    arguments: dict[str, Any],
    gave: str,
    said: str,
) -> Iterator[Told]:
    call = f"m{step}"
    yield at + thinks, step, stories.turn(said, cost=0.03, duration_ms=round(thinks * 1e3))
    yield at + thinks, step, _call(call, tool, "safe", "allow", arguments)
    yield at + thinks, step, events.ToolStarted(call, tool, arguments, "d", "k", 1)
    yield at + thinks + takes, step, _result(call, tool, gave, round(takes * 1e3))


def _call(
    call: str, tool: str, risk: str, verdict: str, arguments: dict[str, Any], people: int = 1
) -> Fact:
    effect = "read" if risk == "safe" else "irreversible"
    rule = f"{tool} is {risk.upper()}"
    known: dict[str, Any] = {"effect": effect, "required": people, "title": _TITLES.get(tool, "")}
    return events.ToolCall(call, tool, arguments, risk, verdict, rule, **known)


def _result(call: str, tool: str, gave: str, ms: int, fault: str | None = None) -> Fact:
    return events.ToolResult(call, tool, not fault, gave, error_class=fault, duration_ms=ms)


def _checked(at: float, *, works: bool) -> Iterator[Told]:
    yield at + 4, 8, stories.turn("Do staging and the ledger agree?", duration_ms=4000, cost=0.03)
    tool, arguments = "ledger__compare", {"database": "orders-staging", "days": 31}
    if not works:
        yield at + 4, 8, _call("m8", tool, "safe", "allow", arguments)
        yield at + 4, 8, events.ToolStarted("m8", tool, arguments, "d", "k", 1)
        lost = _result("m8", tool, "deadline exceeded after 8 s", 8000, "timeout")
        yield at + 12, 8, lost
        yield at + 16, 8, stories.turn("It was too slow; one week first.", duration_ms=4000)
        arguments = {**arguments, "days": 7}
        at += 12
    yield at + 4, 8, _call("m8b", tool, "safe", "allow", arguments)
    yield at + 4, 8, events.ToolStarted("m8b", tool, arguments, "d", "k", 1)
    yield at + 8, 8, _result("m8b", tool, "7 days, 0.00 apart", 4000)


def _asked(
    step: int, at: float, tool: str, risk: str, waits: float, takes: float, people: int = 1
) -> Iterator[Told]:
    thought = "The dry run matched and the report agrees. The table will be locked for a while."
    said = stories.turn("I’ll apply the change.", thought, duration_ms=8000, cost=0.05)
    arguments: dict[str, Any] = {"sql": _SQL, "lock_timeout": "5s"}
    request = stories.asked(tool, risk, people, **arguments)
    assert isinstance(request, events.ApprovalRequested)
    why, title = "The dry run changed 318 values, all of them by a cent.", _TITLES[tool]
    request = replace(request, reason=why, title=title)
    call, place = request.call_id, (request.approval_id, request.call_id)
    yield at + 8, step, said
    yield at + 8, step, _call(call, tool, risk, "ask", arguments, people)
    yield at + 8, step, request
    if people == 2:
        voted = (*place, "Jonas Lind", "approved", "", request.digest, 1, 2)
        yield at + 8 + waits * 0.9, step, events.VoteCast(*voted)
    decided = (*place, "approved", "Mira Okafor", "The lock is fine, traffic is low.")
    waited = round(waits * 1000)
    yield at + 8 + waits, step, events.ApprovalDecided(*decided, request.digest, waited_ms=waited)
    begun = (call, tool, arguments, request.digest, "k", 1, request.approval_id)
    yield at + 8 + waits, step, events.ToolStarted(*begun, title=title)
    gave = f"ALTER TABLE, 2,104,377 rows in {takes} s"
    yield at + 8 + waits + takes, step, _result(call, tool, gave, round(takes * 1000))
