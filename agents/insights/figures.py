"""A figure: what one span of time came to for one agent and one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from agents.core import spread
from agents.models import DayFigure


class Key(NamedTuple):
    """What a figure is about; the meaning of ``name`` and ``outcome`` depends on the subject."""

    subject: str
    agent: str
    group: int | None
    name: str = ""
    risk: str = ""
    outcome: str = ""


class Part(NamedTuple):
    """Some of a figure: rows that are alike."""

    n: int
    ms: int = 0
    tokens: int = 0
    cost: Decimal | None = None
    bucket: int | None = None


@dataclass(slots=True)
class Figure:
    """``ms``, ``tokens`` and ``cost`` are sums; ``spread`` counts by bucket of milliseconds."""

    key: Key
    day: date
    count: int = 0
    ms: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)
    spread: Counter[int] = field(default_factory=Counter)

    def add(self, part: Part) -> None:
        self.count += part.n
        self.ms += part.ms
        self.tokens += part.tokens
        self.cost += part.cost or 0
        if part.bucket is not None:
            self.spread[part.bucket] += part.n

    def row(self) -> DayFigure:
        subject, agent, group, name, risk, outcome = self.key
        return DayFigure(
            day=self.day,
            subject=subject,
            agent=agent,
            group_id=group,
            name=name[:300],
            risk=risk,
            outcome=outcome,
            count=self.count,
            ms=self.ms,
            tokens=self.tokens,
            cost=self.cost,
            spread=spread.dump(self.spread),
        )


def gathered(day: date, parts: Iterable[tuple[Key, Part]]) -> Iterator[Figure]:
    found: dict[Key, Figure] = {}
    for key, part in parts:
        if key not in found:
            found[key] = Figure(key, day)
        found[key].add(part)
    yield from found.values()
