"""How lengths are spread: counts by logarithmic bucket, small enough to keep for every day.

A bucket is a sixth of an e-fold wide, so a quantile is right to about 8 per cent.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

FINENESS = 6  # buckets for each factor of e


def bucket(length: float) -> int:
    """The bucket of a length of 0 or more, in whatever unit."""
    return math.floor(math.log(max(length, 0.0) + 1) * FINENESS)


def edge(number: float) -> float:
    """The length at which a bucket begins."""
    return math.exp(number / FINENESS) - 1


def dump(counts: Counter[int]) -> str:
    return " ".join(f"{number}:{count}" for number, count in sorted(counts.items()))


def load(text: str) -> Counter[int]:
    pairs = (pair.partition(":") for pair in text.split())
    return Counter({int(number): int(count) for number, _, count in pairs})


def merged(texts: Iterable[str]) -> Counter[int]:
    whole: Counter[int] = Counter()
    for text in texts:
        whole.update(load(text))
    return whole


def quantile(counts: Counter[int], share: float) -> float | None:
    """The length that ``share`` (0 to 1) of all stay below; None where there is nothing."""
    total = sum(counts.values())
    if not total:
        return None
    left = share * total
    number = 0
    for number, count in sorted(counts.items()):
        if left <= count:
            return edge(number + left / count)
        left -= count
    return edge(number + 1)


def between(counts: Counter[int], low: float, high: float) -> float:
    """About how many lengths lie from ``low`` up to ``high``; buckets on an edge are shared."""
    found = 0.0
    for number, count in counts.items():
        begins, ends = edge(number), edge(number + 1)
        found += count * max(0.0, min(high, ends) - max(low, begins)) / (ends - begins)
    return found
