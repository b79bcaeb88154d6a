"""What is unusual, in numbers: robust z-scores, drift, surprise. No state, no clock.

The formulas and limits are those of the field: a modified z-score over the median absolute
deviation (Iglewicz and Hoaglin), an exponentially weighted moving average with three-sigma limits
(Roberts), and surprise in bits under a bigram model with add-k smoothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

FEWEST = 20  # observations, below which nothing is usual yet
NOTICE, ALERT = 3.5, 6.0  # z-scores
LAMBDA = 0.2  # weight of the newest observation
LIMIT = 3.0  # sigmas
ADDED = 0.5  # the k that every transition is given
SPAN = 8  # steps over which surprise is averaged

START, END = "^", "$"


def robust_z(value: float, usual: Sequence[float]) -> float:
    """How many robust deviations ``log1p(value)`` lies from the median of the usual values'.

    Where more than half of them are equal the mean absolute deviation stands in; where all are,
    the answer is infinite for more than twice the usual value, and 0 otherwise.
    """
    x = math.log1p(value)
    logs = [math.log1p(one) for one in usual]
    middle = median(logs)
    away = [abs(one - middle) for one in logs]
    if (mad := median(away)) > 0:
        return 0.6745 * (x - middle) / mad
    if (mean := fmean(away)) > 0:
        return (x - middle) / (1.2533 * mean)
    return math.inf if value > 2 * math.expm1(middle) else 0.0


def ewma(values: Iterable[float], begin: float) -> float:
    average = begin
    for value in values:
        average += LAMBDA * (value - average)
    return average


def margin(sigma: float) -> float:
    """How far an EWMA of observations with this deviation may stray."""
    return LIMIT * sigma * math.sqrt(LAMBDA / (2 - LAMBDA))


def share_deviation(share: float, n: int) -> float:
    """The deviation of a share of ``n`` yes-or-no outcomes."""
    return math.sqrt(share * (1 - share) / n)


def deviation(values: Sequence[float]) -> float:
    """A standard deviation that outliers do not move."""
    middle = median(values)
    away = [abs(one - middle) for one in values]
    return median(away) / 0.6745 or 1.2533 * fmean(away)


@dataclass(frozen=True, slots=True)
class Transition:
    before: str
    after: str
    bits: float
    seen: int  # times in the runs that the model knows


@dataclass(frozen=True, slots=True)
class Surprise:
    """``score`` is the largest mean over ``SPAN`` steps, in bits."""

    score: float
    oddest: Transition


def transitions(run: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip((START, *run), (*run, END), strict=True))


def surprise(run: Sequence[str], counts: Mapping[str, Mapping[str, int]]) -> Surprise:
    """How little a run is like those whose transitions were counted.

    The vocabulary is what was counted, the end and one token for all that is unknown.
    """
    known = {after for row in counts.values() for after in row} | {END}
    size = len(known) + 1
    steps = []
    for before, after in transitions(run):
        row = counts.get(before, {})
        seen = row.get(after, 0)
        share = (seen + ADDED) / (sum(row.values()) + ADDED * size)
        steps.append(Transition(before, after, -math.log2(share), seen))
    bits = [step.bits for step in steps]
    # A shorter run is averaged over the same span: one odd step alone is not an odd run.
    windows = range(max(1, len(bits) - SPAN + 1))
    score = max(sum(bits[n : n + SPAN]) / SPAN for n in windows)
    return Surprise(score, max(steps, key=lambda step: step.bits))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
