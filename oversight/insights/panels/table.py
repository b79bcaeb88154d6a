"""A table that says what a chart shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PEOPLE = ("approved", "edited", "denied", "answered")


@dataclass(frozen=True, slots=True)
class Table:
    """The first column names the row; all others are numbers unless they are ``words``."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: frozenset[int] = frozenset({0})

    @property
    def cells(self) -> Iterator[list[tuple[str, bool]]]:
        for row in self.rows:
            yield [(text, n not in self.words) for n, text in enumerate(row)]
