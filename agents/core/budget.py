"""Budgets: what is used, when to warn, when to stop, what the next call may cost. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.core import context, events, wording
from agents.core.state import CallStatus, State

DIMENSIONS = (
    "steps",
    "tool_calls",
    "tokens",
    "usd",
    "active_seconds",
    "approvals",
    "high_executions",
)
MOST = 1e12  # of anything: beyond it a figure is a slip of the finger
WARN_AT = 0.8
HARD_STOP = 1.1  # of a limit; nobody is there to say that a last turn is worth more
_FRACTIONAL = frozenset({"usd", "active_seconds"})


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens of one model."""

    input: float
    output: float
    cache_read: float
    cache_write: float  # kept for five minutes
    cache_write_1h: float | None = None  # kept for an hour; None is twice the input's price


@dataclass(frozen=True, slots=True)
class Meter:
    """How much of one limit is used, in the dimension's own unit."""

    dimension: str
    used: float
    limit: float


def cost(usage: Mapping[str, Any], price: Price | None) -> float | None:
    """Dollars for one answer's ``usage``; None where the model has no price."""
    if price is None:
        return None
    written = _count(usage, "cache_creation_input_tokens")
    for_an_hour = _count(usage.get("cache_creation") or {}, "ephemeral_1h_input_tokens")
    for_an_hour = min(for_an_hour, written)
    hourly = 2 * price.input if price.cache_write_1h is None else price.cache_write_1h
    return (
        _count(usage, "input_tokens") * price.input
        + (written - for_an_hour) * price.cache_write
        + for_an_hour * hourly
        + _count(usage, "cache_read_input_tokens") * price.cache_read
        + _count(usage, "output_tokens") * price.output
    ) / 1_000_000


def validate(limits: Mapping[str, Any]) -> list[str]:
    """What is wrong with ``limits``, one sentence each; empty when nothing is."""
    problems = (_problem(dimension, value) for dimension, value in limits.items())
    return [problem for problem in problems if problem]


def meters(state: State, now: datetime | None = None) -> list[Meter]:
    """One meter for each limit that is set. ``now`` counts the calls that are running."""
    return [
        Meter(dimension, _used(state, dimension, now), limit)
        for dimension in DIMENSIONS
        if (limit := state.limits.get(dimension)) is not None
    ]


def check(
    state: State, now: datetime | None = None
) -> events.BudgetWarned | events.BudgetReached | None:
    """The next fact about the budgets, asked for before each model call.

    A limit is reached at 100 %, or when the next call and a last one to wrap up are forecast to
    exceed it; a warning is due at 80 % (guards.md section 8). Each is said once until the limit
    changes.
    """
    gauges = [meter for meter in meters(state, now) if meter.dimension not in state.reached]
    for meter in gauges:
        if _exhausted(state, meter):
            needed = forecast(state, meter.dimension)
            return events.BudgetReached(meter.dimension, meter.used, meter.limit, needed)
    for meter in gauges:
        if meter.dimension not in state.warned and _nearly(state, meter):
            left = _turns_left(state, meter)
            note = wording.budget_note(meter.dimension, meter.used, meter.limit, left)
            return events.BudgetWarned(meter.dimension, meter.used, meter.limit, note)
    return None


def _exhausted(state: State, meter: Meter) -> bool:
    if meter.used >= meter.limit:
        return True
    # The last turn, in which the agent says where it stands, must have its room.
    return meter.used + 2 * forecast(state, meter.dimension) > meter.limit


def _nearly(state: State, meter: Meter) -> bool:
    """At 80 %, or where one more call is all that fits: of few and large steps none may end
    between 80 % and the end, and the agent should hear of it before people do."""
    return meter.used >= WARN_AT * meter.limit or _turns_left(state, meter) == 1


def _turns_left(state: State, meter: Meter) -> int | None:
    """How many calls fit before the limit is reached; None where nobody can tell."""
    if not state.step:
        return None
    if meter.dimension == "steps":
        return int(meter.limit - meter.used)
    needed = forecast(state, meter.dimension)
    return int((meter.limit - meter.used) / needed) - 1 if needed else None


def no_room(
    state: State, call: events.ToolCall, before: Iterable[events.Fact] = ()
) -> Meter | None:
    """The limit that a call would exceed; ``before`` are the facts of its turn that come before
    it. One turn may propose any number of calls, so they are counted before they are let
    through."""
    added = [dimension for fact in (*before, call) for dimension in _counted(fact)]
    for meter in meters(state):
        wanted = added.count(meter.dimension)
        if meter.dimension in _counted(call) and meter.used + wanted > meter.limit:
            return meter
    return None


def _counted(fact: events.Fact) -> tuple[str, ...]:
    """What a proposed call uses up if it runs."""
    if not isinstance(fact, events.ToolCall) or fact.verdict not in ("allow", "ask"):
        return ()
    asks = ("approvals",) if fact.verdict == "ask" else ()
    high = ("high_executions",) if fact.risk == "high" else ()
    return ("tool_calls", *asks, *high)


def overrun(state: State) -> Meter | None:
    """A limit that is exceeded by so much that not even a last turn is affordable."""
    spent = (m for m in meters(state) if m.dimension in ("tokens", "usd", "active_seconds"))
    return next((meter for meter in spent if meter.used > HARD_STOP * meter.limit), None)


def forecast(state: State, dimension: str) -> float:
    """What the next model call is likely to use, in tokens or dollars; nothing is known before
    the first.

    The conversation counts in full or as read from the cache, the answer as twice the longest so
    far or as the most that may be asked for.
    """
    if dimension not in ("tokens", "usd") or not state.step or state.started is None:
        return 0.0
    size = context.tokens(state)
    caches = bool(state.usage.cache_read or state.usage.cache_write)
    reread = min(size, state.context_tokens) if caches else 0.0
    answer = min(state.started.max_tokens, 2 * state.longest_answer)
    if dimension == "tokens":
        return size - reread + answer
    price = price_of(state)
    if price is None:
        return state.usage.usd / max(1, state.own_steps)
    fresh = price.cache_write if caches else price.input
    dollars = (size - reread) * fresh + reread * price.cache_read + answer * price.output
    return dollars / 1_000_000


def day_mark(day: str, dimension: str, limit: float) -> str:
    """Names a day's cap, so that a session that waits for it knows when it is another."""
    return f"day {day} {dimension} {limit:.12g}"


def price_of(state: State) -> Price | None:
    """What the session's model cost when the session started."""
    known = state.started.settings.get("price") if state.started else None
    return Price(**known) if known else None


def extended(dimension: str, used: float, limit: float, share: float) -> float:
    """The limit raised by ``share`` of itself, from what is used if that is more, and rounded up
    to a figure that a person would choose."""
    wanted = max(used, limit) * (1 + share)
    if dimension == "usd":
        return math.ceil(round(wanted * 100, 6)) / 100
    unit = {"tokens": 1_000, "active_seconds": 60}.get(dimension, 1)
    unit = unit if wanted >= 10 * unit else 1
    return math.ceil(round(wanted / unit, 6)) * unit


def _used(state: State, dimension: str, now: datetime | None) -> float:
    usage = state.usage
    match dimension:
        case "steps":
            return state.own_steps
        case "tokens":
            # What is read from the cache is metered apart: it is nearly free and would drown the
            # tokens that work costs.
            return usage.tokens - usage.cache_read
        case "active_seconds":
            return (usage.model_ms + usage.tool_ms) / 1000 + _running(state, now)
        case _:
            used: float = getattr(usage, dimension)
            return used


def _running(state: State, now: datetime | None) -> float:
    started = [call.started_at for call in state.calls if call.status is CallStatus.STARTED]
    return sum((now - at).total_seconds() for at in started if now and at)


def _problem(dimension: str, value: object) -> str:
    if dimension not in DIMENSIONS:
        return f"{dimension}: no such limit; choose from {', '.join(DIMENSIONS)}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"{dimension}: a number is needed"
    if value <= 0:
        return f"{dimension}: must be more than 0"
    if value >= MOST:
        return f"{dimension}: must be less than {MOST:,.0f}"
    if dimension not in _FRACTIONAL and value != int(value):
        return f"{dimension}: a whole number is needed"
    return ""


def _count(usage: Mapping[str, Any], key: str) -> int:
    return int(usage.get(key) or 0)
