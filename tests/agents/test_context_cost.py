"""Long sessions through the engine, the SDK and an endpoint that bills caches as the API does."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from agents.core import events
from tests.bench import context as bench
from tests.endpoint.blocks import unmarked

pytestmark = pytest.mark.django_db(transaction=True)


def text(value: Any) -> str:
    """As it was sent, but for the breakpoints."""
    return json.dumps(unmarked(value), ensure_ascii=False, separators=(",", ":"))


def prompt(usage: events.JsonObject) -> int:
    keys = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(int(usage[key]) for key in keys)


def epochs(run: bench.Run) -> list[int]:
    """The epoch of each turn."""
    epoch, found = 0, []
    for fact in run.facts:
        if isinstance(fact, events.ContextCompacted):
            epoch = fact.epoch
        elif isinstance(fact, events.Thinking):
            found.append(epoch)
    return found


def assert_prefixes_are_reused(run: bench.Run) -> int:
    """Within an epoch each request begins with the one before, byte for byte, and the endpoint
    read all of that from its cache; how many pairs there were."""
    bodies = [json.loads(raw) for raw in run.bodies]
    assert len(bodies) == len(run.turns)
    pairs = 0
    asked = list(zip(bodies, run.turns, epochs(run), strict=True))
    for (before, then, old), (after, now, new) in pairwise(asked):
        assert text([before["system"], before["tools"]]) == text([after["system"], after["tools"]])
        if old != new:
            continue
        assert text(after["messages"]).startswith(text(before["messages"])[:-1] + ",")
        assert now.usage["cache_read_input_tokens"] == prompt(then.usage)
        assert now.usage["input_tokens"] == 0
        pairs += 1
    return pairs


def test_600_steps_fit_the_window_and_cost_a_fifth_of_the_recipe() -> None:
    run = bench.product(600, 1_000)
    assert (run.session.status, run.session.result) == ("completed", "All recalled.")
    assert (run.session.steps, run.session.tool_calls) == (601, 600)
    assert run.largest < 0.9 * bench.WINDOW
    booked = float(run.session.cost or 0) * 1_000
    assert booked == pytest.approx(run.cost(601), rel=0.01), "the row says what the log says"
    assert bench.floor(run, 200) < run.cost(200) <= 0.20 * bench.recipe(run, 200)
    assert run.cost(200) <= 0.40 * bench.full_history(run, 200)
    assert assert_prefixes_are_reused(run) == 600 - epochs(run)[-1]


def test_large_results_cost_less_than_under_either_policy_too() -> None:
    run = bench.product(200, 4_000)
    assert (run.session.status, run.session.result) == ("completed", "All recalled.")
    assert run.largest < 0.9 * bench.WINDOW
    assert run.cost(200) < bench.recipe(run, 200)
    assert run.cost(200) < bench.full_history(run, 200)
