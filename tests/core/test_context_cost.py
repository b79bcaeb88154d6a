"""What keeping context costs, billed as the API bills caches: context-cost.md, measured.

Costs are in uncached input tokens of the main model; the answers' own tokens are left out, because
every policy pays the same for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agents.core import compaction, context, summaries
from agents.core.model import Turn
from agents.core.state import Param
from tests.core.sessions import Session, text
from tests.endpoint.billing import Cache

SUMMARY = "s" * 2_048  # 512 tokens
SUMMARY_IN, SUMMARY_OUT = 1 / 3, 5 / 3
TASK = "t" * 800
SYSTEM = [text("y" * 4_000)]
TOOLS = [
    {"name": "look", "description": "d" * 1_950, "input_schema": {"type": "object"}},
]
Policy = Callable[[int, int], float]


class Till:
    """Adds up what requests cost."""

    def __init__(self) -> None:
        self.cache = Cache()
        self.total = 0.0

    def main(self, body: dict[str, Any]) -> dict[str, int]:
        bill = self.cache.bill(body)
        self.total += bill.input_tokens + 0.1 * bill.read + 1.25 * sum(bill.written.values())
        usage = bill.usage(49)
        return {key: value for key, value in usage.items() if isinstance(value, int)}

    def summary(self, chars: int) -> dict[str, int]:
        self.total += SUMMARY_IN * chars / 4 + SUMMARY_OUT * 512
        return {"input_tokens": chars // 4, "output_tokens": 512}


def session(till: Till, steps: int, result: int, compact: bool) -> tuple[Session, int]:
    """Run a session to its end; the session, and the largest conversation it sent."""
    run = Session(task=TASK, system=SYSTEM, tools=TOOLS, window=100_000)
    largest = 0
    for step in range(steps):
        plan = compaction.due(run.state) if compact else None
        if plan:
            request = summaries.request(run.state, plan)
            usage = till.summary(len(request.messages[0]["content"][0]["text"]))
            turn = Turn([text(SUMMARY)], "end_turn", usage, "claude-haiku-5-5")
            fact = summaries.compacted(run.state, plan, turn, 0.01)
            run.say(fact)
        usage = till.main(context.request(run.state).body())
        largest = max(largest, sum(usage.values()))
        run.usage = usage
        run.call("look", {"at": f"{step:04}", "why": "w" * 150}, "r" * (result - 4) + f"{step:04}")
    return run, largest


def ours(steps: int, result: int) -> float:
    till = Till()
    session(till, steps, result, compact=True)
    return till.total


def full_history(steps: int, result: int) -> float:
    till = Till()
    session(till, steps, result, compact=False)
    return till.total


def recipe(steps: int, result: int) -> float:
    """The article's: past 10 messages, everything but the last 10 is summarised on every step."""
    run, _ = session(Till(), steps, result, compact=False)
    till = Till()
    history = run.state.history
    for step in range(steps):
        shown: Sequence[Param] = history[: 1 + 2 * step]
        if len(shown) > 10:
            till.summary(sum(map(_size, shown[:-10])))
            shown = [{"role": "user", "content": [text(SUMMARY)]}, *shown[-10:]]
        body = {"model": "m", "system": _marked(SYSTEM), "tools": TOOLS, "messages": shown}
        till.main(body)
    return till.total


def _marked(blocks: Sequence[Any]) -> list[Any]:
    return [*blocks[:-1], {**blocks[-1], "cache_control": {"type": "ephemeral"}}]


def _size(message: Param) -> int:
    """The recipe reads the first 200 characters of each message."""
    block = message["content"][0]
    return min(200, len(str(block.get("text") or block.get("content") or block["input"])))


@pytest.mark.parametrize(("steps", "result"), [(200, 1_000), (200, 4_000)])
def test_rent_or_buy_is_a_fifth_of_the_recipe_and_less_than_half_of_full_history(
    steps: int, result: int
) -> None:
    mine, full, article = (policy(steps, result) for policy in (ours, full_history, recipe))
    assert mine <= (0.40 if result == 1_000 else 1.0) * full
    assert mine <= (0.20 if result == 1_000 else 1.0) * article


def test_a_long_session_stays_inside_its_window() -> None:
    run, largest = session(Till(), 600, 4_000, compact=True)
    assert largest < 90_000
    assert run.state.epoch > 1
