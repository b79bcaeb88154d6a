"""What a value may be, wherever it was written: each check tells what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from agents.core import canonical

DAY = 24 * 3600  # seconds
Check: TypeAlias = Callable[[Any], Iterable[str]]


def number(low: float, high: float = math.inf) -> Check:
    def check(value: Any) -> Iterator[str]:
        if not _is_finite(value) or not low <= value <= high:
            limit = (
                f"from {low:.15g} to {high:.15g}" if math.isfinite(high) else f"at least {low:g}"
            )
            yield f"must be {limit}"

    return check


def finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def whole(value: Any, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def optional(check: Check) -> Check:
    return lambda value: () if value is None else check(value)


def patterns(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        yield "must be a list of tool names or patterns"


def table(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "must be a table"
    else:
        yield from plain(value)


def plain(value: Any) -> Iterator[str]:
    try:
        canonical.check(value)
    except canonical.BadJson as error:
        yield str(error)
