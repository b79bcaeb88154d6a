"""Which row of guards.md section 1 a test stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])

LAST = 56
# Rows that are about code which is not there, and why no test can run them.
NO_BEHAVIOUR = {
    48: "a missing import in the seed: nothing of it is here, and the linter finds such names",
}
covered: dict[int, list[str]] = {}


def row(number: int) -> Callable[[Test], Test]:
    """Mark a test as the one of guards row ``number``."""

    def mark(test: Test) -> Test:
        covered.setdefault(number, []).append(f"{test.__module__}.{test.__name__}")
        return test

    return mark
