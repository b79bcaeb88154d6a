"""One observation after the other: what is unusual about it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median
from typing import assert_never

from agents.core import anomaly
from agents.core.habits import Habits, Run
from agents.core.risk import Risk
from agents.core.watch.drifts import (
    BLOCK,
    COST,
    LARGE_RESULT,
    SLOW_CALL,
    SLOW_TURN,
    TOKENS,
    burn_rate,
    level_drift,
    point,
    share_drift,
)
from agents.core.watch.seen import (
    Call,
    Decision,
    End,
    Finding,
    Happening,
    Level,
    Seen,
    Turn,
    finding,
)

LEARNING = 20  # runs of an agent
FEWEST_RUNS = 30  # before a sequence of calls is judged
DENIALS = 3  # in one run
PRESSES = 6  # decisions, of which there are fewer
_REMEMBERED = 2000  # findings, so that none is told twice


def watch(habits: Habits, seen: Seen) -> Iterator[Finding]:
    """What is unusual about ``seen``; it then belongs to the habits."""
    for found in _watch(habits, seen):
        if found.key in habits.told:
            continue
        habits.told[found.key] = found.at
        while len(habits.told) > _REMEMBERED:
            habits.told.pop(next(iter(habits.told)))
        yield found


def _watch(habits: Habits, seen: Seen) -> Iterator[Finding]:
    match seen:
        case Call():
            yield from _call(habits, seen)
        case Turn():
            yield from _turn(habits, seen)
        case Happening():
            yield finding(seen, seen.kind, "alert", seen.detail, detail=seen.detail)
        case Decision():
            yield from share_drift(habits, seen, "denial_drift", "", seen.denied, 0.2, PRESSES)
        case End():
            yield from _end(habits, seen)
        case _:
            assert_never(seen)


def _call(habits: Habits, call: Call) -> Iterator[Finding]:
    run = habits.run(call.session)
    token = "ok" if call.ok else "denied" if call.denied else "err"
    run.tokens.append(f"{call.tool}:{token}")
    if call.denied:
        run.denials += 1
        if run.denials == DENIALS:
            yield finding(call, "denials", "alert", "", count=run.denials)
    yield from _firsts(habits, run, call)
    if not call.executed:
        return
    if call.ok:
        # How long a failure takes says something else than how long the work takes.
        yield from point(habits, call, SLOW_CALL, call.tool, call.duration_ms)
        yield from point(habits, call, LARGE_RESULT, call.tool, call.size)
    yield from share_drift(habits, call, "error_drift", call.tool, not call.ok, 0.1, BLOCK)


def _firsts(habits: Habits, run: Run, call: Call) -> Iterator[Finding]:
    level: Level = "alert" if habits.runs >= LEARNING else "notice"
    if call.risk >= Risk.MEDIUM and call.tool not in habits.risky:
        habits.risky.append(call.tool)
        risk = call.risk.word
        yield finding(call, "first_risky_use", level, call.tool, risk=risk, runs=habits.runs)
    if call.executed and call.host and call.host not in habits.hosts:
        yield _new_host(habits, call, level)
    if call.risk >= Risk.HIGH and run.outside:
        pair = f"{run.outside} > {call.tool}"
        if pair not in habits.pairs:
            habits.pairs.append(pair)
            yield finding(call, "high_after_outside", level, call.tool, source=run.outside)
    if call.outside and call.ok:
        run.outside = call.tool


def _new_host(habits: Habits, call: Call, level: Level) -> Finding:
    habits.hosts.append(call.host)
    del habits.hosts[:-2000]
    lately = sum(run > habits.runs - LEARNING for run in habits.novelties)
    habits.novelties.append(habits.runs)
    del habits.novelties[:-LEARNING]
    # Whoever meets new hosts all the time browses: another one is nothing to wake somebody for.
    calm: Level = level if lately < DENIALS else "notice"
    return finding(call, "new_host", calm, call.host, tool=call.tool, known=len(habits.hosts) - 1)


def _turn(habits: Habits, turn: Turn) -> Iterator[Finding]:
    run = habits.run(turn.session)
    run.turns += 1
    run.prompt += turn.prompt
    run.cached += turn.cached
    yield from point(habits, turn, SLOW_TURN, turn.model, turn.duration_ms)
    burst = list(point(habits, turn, TOKENS, turn.model, turn.output))
    yield from burst
    if turn.cost is None:
        return
    run.cost += turn.cost
    spike = point(habits, turn, COST, turn.model, turn.cost * 1e6)
    # What was written was paid for: one cause is told once, unless the cost is the odder of both.
    told = {"notice", *(found.level for found in burst)} if burst else set()
    yield from (found for found in spike if found.level not in told)
    yield from burn_rate(habits, turn, turn.cost)


def _end(habits: Habits, end: End) -> Iterator[Finding]:
    run = habits.open.pop(end.session, None)
    if run is None:
        return
    if run.turns and run.cost:
        cents = math.log1p(run.cost / run.turns * 1e6)
        yield from level_drift(habits, end, "cost_drift", cents, least=0.5, way=1)
    if run.prompt:
        ratio = run.cached / run.prompt
        yield from level_drift(habits, end, "cache_drift", ratio, least=0.15, way=-1)
    yield from _sequence(habits, end, run)
    habits.runs += 1


def _sequence(habits: Habits, end: End, run: Run) -> Iterator[Finding]:
    found = anomaly.surprise(run.tokens, habits.counts())
    scores = habits.scores
    bar = _bar(scores) if len(scores) >= FEWEST_RUNS else math.inf
    if found.score > bar:
        step = found.oddest
        parts = {"before": step.before, "after": step.after, "seen": step.seen}
        parts |= {"score": round(found.score, 2), "usual": round(median(scores), 2)}
        yield finding(end, "odd_sequence", "alert", "", **parts)
    # What was odd does not make the next odd run usual.
    habits.learn(run.tokens, min(found.score, bar))


def _bar(scores: list[float]) -> float:
    """Beyond the 99th percentile, and by a clear step: one run in a hundred is there by itself."""
    high = anomaly.percentile(scores, 0.99)
    return max(1.5 * high, high + 3 * anomaly.deviation(scores))
