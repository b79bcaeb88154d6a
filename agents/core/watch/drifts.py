"""Numbers and shares against what is usual for the agent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean, median

from agents.core import anomaly
from agents.core.habits import HOURS, WINDOW, Habits
from agents.core.watch.seen import Call, Decision, End, Finding, Level, Seen, Turn, finding

BLOCK = 10  # calls whose failures make one observation
LEAST_BURN = 1.0  # dollars an hour above the usual
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that each call or turn has; less than ``least`` above the usual is no matter."""

    kind: str
    least: float


SLOW_CALL = Measure("slow_call", 1000)  # milliseconds
LARGE_RESULT = Measure("large_result", 2000)  # characters
SLOW_TURN = Measure("slow_turn", 5000)  # milliseconds
TOKENS = Measure("token_burst", 500)
COST = Measure("cost_spike", 10_000)  # millionths of a dollar


def point(
    habits: Habits, seen: Call | Turn, measure: Measure, subject: str, value: float
) -> Iterator[Finding]:
    usual = habits.usual(f"{measure.kind} {subject}", value)
    if len(usual) < anomaly.FEWEST or value < measure.least:
        return
    middle = median(usual)
    if value < 2 * middle or value - middle < measure.least:
        return
    z = anomaly.robust_z(value, usual)
    if z <= anomaly.NOTICE:
        return
    level: Level = "alert" if z > _alarm(len(usual)) else "notice"
    about = {"value": value, "usual": middle, "z": min(round(z, 1), 99.0), "n": len(usual)}
    yield finding(seen, measure.kind, level, subject, **about)


def _alarm(n: int) -> float:
    """What the usual spread is, few values tell badly: then it takes more to alarm."""
    return anomaly.ALERT * (1 + 10 / n - 10 / WINDOW)


def burn_rate(habits: Habits, turn: Turn, cost: float) -> Iterator[Finding]:
    """Dollars of this hour against those of the hours in which the agent worked.

    The dearest turn of each hour is left out: one turn is a spike, a rate is many.
    """
    hour = turn.at // _HOUR
    if not habits.hours or habits.hours[-1][0] < hour:
        habits.hours.append([hour, 0.0, 0.0])
    this = habits.hours[-1]
    this[1], this[2] = this[1] + cost, max(this[2], cost)
    habits.hours = [one for one in habits.hours if one[0] > hour - HOURS]
    spent, *usual = (one[1] - one[2] for one in reversed(habits.hours))
    if len(usual) < anomaly.FEWEST or spent <= LEAST_BURN:
        return
    middle = median(usual)
    if spent <= max(3 * middle, 1.5 * max(usual), middle + LEAST_BURN):
        return
    # Where hours differ much by themselves, three times the dearest is out of the ordinary too.
    z = anomaly.robust_z(spent * 1e6, [one * 1e6 for one in usual])
    if z > anomaly.NOTICE or spent > 3 * max(usual):
        found = finding(turn, "burn_rate", "alert", str(int(hour)), value=spent, usual=middle)
        yield replace(found, key=f"burn_rate {int(hour)}")


def share_drift(
    habits: Habits,
    seen: Call | Decision,
    kind: str,
    subject: str,
    yes: bool,
    least: float,
    size: int,
) -> Iterator[Finding]:
    """A share of yes-or-no outcomes, observed in blocks of ``size``."""
    drift = habits.drift(f"{kind} {subject}")
    drift.block.append(int(yes))
    if len(drift.block) < size:
        return
    drift.push(fmean(drift.block))
    drift.block = []
    usual = drift.usual
    if len(usual) * size < anomaly.FEWEST:
        return
    # One more yes than was seen: a share of nothing would make every single one an alarm.
    share = (sum(usual) * size + 1) / (len(usual) * size + 2)
    limit = anomaly.margin(anomaly.share_deviation(share, size))
    now = anomaly.ewma(drift.newest, share)
    high = now > share + max(limit, share / 2, least)
    yield from _drifted(habits, seen, kind, subject, high, now, share)


def level_drift(
    habits: Habits, end: End, kind: str, value: float, least: float, way: int
) -> Iterator[Finding]:
    """A number that each run has; ``way`` is the direction that is bad."""
    drift = habits.drift(f"{kind} ")
    drift.push(value)
    usual = drift.usual
    if len(usual) < anomaly.FEWEST:
        return
    middle = median(usual)
    limit = anomaly.margin(anomaly.deviation(usual))
    now = anomaly.ewma(drift.newest, middle)
    high = way * (now - middle) > max(limit, least)
    yield from _drifted(habits, end, kind, "", high, now, middle)


def _drifted(
    habits: Habits, seen: Seen, kind: str, subject: str, high: bool, now: float, usual: float
) -> Iterator[Finding]:
    """Told when it begins, not again while it lasts."""
    drift = habits.drift(f"{kind} {subject}")
    began, drift.high = high and not drift.high, high
    if began:
        yield finding(seen, kind, "alert", subject, value=now, usual=usual)
