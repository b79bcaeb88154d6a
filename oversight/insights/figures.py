"""What the page of insights is made from: figures of a period, as one person may see them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from django.db.models import Q
from django.utils import timezone

from agents import roles
from agents.core import spread
from agents.insights import days
from agents.models import DayFigure, RollupState

Subject = DayFigure.Subject
RANGES = {"24h": "24 h", "7d": "7 days", "14d": "14 days", "30d": "30 days"}
USUAL = "14d"
_HOURS = 3  # of a slot of the shortest range


@dataclass(frozen=True, slots=True)
class Row:
    """A figure in its slot of the period; slots before it are negative."""

    slot: int
    subject: str
    agent: str
    name: str
    risk: str
    outcome: str
    count: int
    ms: int
    tokens: int
    cost: Decimal
    spread: str


@dataclass(frozen=True, slots=True)
class Period:
    """The last so many days, or the last 24 hours in slots of three."""

    key: str
    now: datetime

    @property
    def hourly(self) -> bool:
        return self.key == "24h"

    @property
    def slots(self) -> int:
        return 24 // _HOURS if self.hourly else int(self.key.removesuffix("d"))

    @property
    def first(self) -> date:
        return timezone.localtime(self.now).date() - timedelta(days=self.slots - 1)

    @property
    def begins(self) -> datetime:
        if self.hourly:
            return self._begin(0)
        return days.bounds(self.first)[0]

    def _begin(self, slot: int) -> datetime:
        return self.now - timedelta(hours=_HOURS * (self.slots - slot))

    def bounds(self, slot: int) -> tuple[datetime, datetime]:
        return self._begin(slot), self._begin(slot + 1)

    def label(self, slot: int) -> str:
        """Under a bar: the day of the month, or the hour at which the slot begins."""
        if self.hourly:
            return f"{timezone.localtime(self._begin(slot)):%H:%M}"
        return str((self.first + timedelta(days=slot)).day)

    def name(self, slot: int) -> str:
        """The slot in words."""
        if self.hourly:
            return f"from {self.label(slot)}"
        day = self.first + timedelta(days=slot)
        return f"{day.day} {day:%b}"

    @property
    def before(self) -> str:
        """What the period is compared with."""
        return {"24h": "the day before", "7d": "the week before"}.get(
            self.key, f"the {self.slots} days before"
        )


@dataclass(frozen=True)
class Figures:
    """Every row of a period and of the one before it."""

    period: Period
    now: list[Row]
    before: list[Row]
    as_of: datetime | None

    def of(self, subject: str) -> Iterator[Row]:
        return (row for row in self.now if row.subject == subject)

    @cached_property
    def calls(self) -> dict[str, list[Row]]:
        """The rows of each tool."""
        return grouped(self.of(Subject.CALL), lambda row: row.name)

    @cached_property
    def call_lengths(self) -> dict[str, Counter[int]]:
        return {name: lengths(rows) for name, rows in self.calls.items()}

    @cached_property
    def turn_lengths(self) -> Counter[int]:
        return lengths(self.of(Subject.TURN))

    def of_before(self, subject: str) -> Iterator[Row]:
        return (row for row in self.before if row.subject == subject)


def load(rights: roles.Rights, period: Period, agent: str) -> Figures:
    """The figures of the agents whose sessions this person may see."""
    rolled = RollupState.objects.filter(pk=1).values_list("rolled_at", flat=True).first()
    rows = list(_hourly(rights, period, agent) if period.hourly else _daily(rights, period, agent))
    now = [row for row in rows if row.slot >= 0]
    before = [row for row in rows if row.slot < 0]
    return Figures(period, now, before, period.now if period.hourly else rolled)


def agents(rights: roles.Rights, period: Period) -> list[str]:
    """The agents that have figures, for the choice of one."""
    since = timezone.localtime(period.now).date() - timedelta(days=30)
    rows = DayFigure.objects.filter(rights.scope("group"), subject=Subject.SESSION, day__gte=since)
    return sorted(set(rows.values_list("agent", flat=True)))


_FIELDS = "subject agent name risk outcome count ms tokens cost spread".split()


def _daily(rights: roles.Rights, period: Period, agent: str) -> Iterator[Row]:
    first = period.first
    rows = DayFigure.objects.filter(
        rights.scope("group"), day__gte=first - timedelta(days=period.slots)
    )
    if agent:
        rows = rows.filter(agent=agent)
    for day, *values in rows.values_list("day", *_FIELDS):
        yield Row((day - first).days, *values)


def _hourly(rights: roles.Rights, period: Period, agent: str) -> Iterator[Row]:
    def scope(prefix: str) -> Q:
        chosen = Q(**{f"{prefix}agent": agent}) if agent else Q()
        return rights.scope(f"{prefix}group") & chosen

    spans = [(slot, *period.bounds(slot)) for slot in range(period.slots)]
    begins = period.begins
    for slot, since, until in [(-1, begins - timedelta(days=1), begins), *spans]:
        for figure in days.span(period.first, since, until, scope):
            key = figure.key
            sums = (figure.count, figure.ms, figure.tokens, figure.cost)
            about = (key.subject, key.agent, key.name, key.risk, key.outcome)
            yield Row(slot, *about, *sums, spread.dump(figure.spread))


def total(rows: Iterable[Row], *outcomes: str) -> int:
    return sum(row.count for row in rows if not outcomes or row.outcome in outcomes)


def spent(rows: Iterable[Row]) -> float:
    return float(sum(row.cost for row in rows))


def lengths(rows: Iterable[Row]) -> Counter[int]:
    return spread.merged(row.spread for row in rows)


def grouped(rows: Iterable[Row], by: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[by(row)].append(row)
    return found


def per_slot(rows: Iterable[Row], slots: int, value: Callable[[Row], float]) -> list[float]:
    found = [0.0] * slots
    for row in rows:
        found[row.slot] += value(row)
    return found
