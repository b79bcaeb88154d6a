"""The five numbers over the page, each against the period before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.utils.safestring import SafeString

from agents.core import spread
from oversight import wording
from oversight.insights import charts
from oversight.insights.figures import (
    Figures,
    Row,
    Subject,
    grouped,
    lengths,
    per_slot,
    spent,
    total,
)
from oversight.insights.panels import PEOPLE

_ENDED = ("completed", "failed")


@dataclass(frozen=True, slots=True)
class Kpi:
    name: str
    value: str
    change: str
    mood: str  # good, bad or nothing
    icon: str
    spark: SafeString


def kpis(figures: Figures) -> Iterator[Kpi]:
    yield _sessions(figures)
    yield _finished(figures)
    yield _waiting(figures)
    yield _expired(figures)
    yield _cost(figures)


def _spark(figures: Figures, subject: str, value: Callable[[Row], float], name: str) -> SafeString:
    return _sparks(figures, per_slot(figures.of(subject), figures.period.slots, value), name)


def _sparks(figures: Figures, values: list[float], name: str) -> SafeString:
    return charts.spark(values, f"{name}, by {'hour' if figures.period.hourly else 'day'}")


def _by_slot(
    figures: Figures, subject: str, value: Callable[[list[Row]], float | None]
) -> list[float]:
    """A figure that cannot be added up; where a slot has none, the one before it stands."""
    found = grouped(figures.of(subject), lambda row: str(row.slot))
    known = [value(found.get(str(slot), [])) for slot in range(figures.period.slots)]
    first = next((one for one in known if one is not None), 0.0)
    values: list[float] = []
    for one in known:
        values.append(one if one is not None else values[-1] if values else first)
    return values


def _way(change: float) -> str:
    return "arrow-up" if change > 0 else "arrow-down" if change < 0 else "minus"


def _sessions(figures: Figures) -> Kpi:
    now = total(figures.of(Subject.SESSION), "started")
    before = total(figures.of_before(Subject.SESSION), "started")
    change = (now - before) / before if before else 0.0
    more = "more" if change > 0 else "fewer"
    said = f"{abs(change):.0%} {more} than {figures.period.before}" if before and change else ""
    if change > 2:  # a share of next to nothing says nothing
        said = f"up from {before:,}"
    words = said or ("as many as before" if before else f"none in {figures.period.before}")
    drawn = _spark(figures, Subject.SESSION, _started, "Sessions started")
    return Kpi("Sessions", f"{now:,}", words, "", _way(change), drawn)


def _started(row: Row) -> float:
    return row.count if row.outcome == "started" else 0


def _finished(figures: Figures) -> Kpi:
    now, before = _share(figures.of(Subject.SESSION)), _share(figures.of_before(Subject.SESSION))
    name = "Finished without error"
    drawn = _sparks(figures, _by_slot(figures, Subject.SESSION, _share), name)
    if now is None:
        return Kpi(name, "–", "none has finished", "", "minus", drawn)
    points = 0.0 if before is None else round((now - before) * 100, 1)
    said = f"{abs(points):.1f} points {'better' if points > 0 else 'worse'}" if points else ""
    mood = "good" if points > 0 else "bad" if points < 0 else ""
    value = f"{now * 100:.1f}".removesuffix(".0") + "%"
    return Kpi(name, value, said or "as before", mood, _way(points), drawn)


def _share(rows: Iterable[Row]) -> float | None:
    known = list(rows)
    ended = total(known, *_ENDED)
    return total(known, "completed") / ended if ended else None


def _waiting(figures: Figures) -> Kpi:
    now, before = (
        _middle(figures.of(Subject.APPROVAL)),
        _middle(figures.of_before(Subject.APPROVAL)),
    )
    name = "Median approval wait"
    drawn = _sparks(figures, _by_slot(figures, Subject.APPROVAL, _middle), name)
    if now is None:
        return Kpi(name, "–", "nobody was asked", "", "minus", drawn)
    change = 0.0 if before is None else round((now - before) / 1000)
    way = "slower" if change > 0 else "faster"
    said = f"{wording.spoken(abs(change))} {way}" if change else "as before"
    mood = "bad" if change > 0 else "good" if change < 0 else ""
    return Kpi(name, wording.spoken(now / 1000), said, mood, _way(change), drawn)


def _middle(rows: Iterable[Row]) -> float | None:
    return spread.quantile(lengths(row for row in rows if row.outcome in PEOPLE), 0.5)


def _expired(figures: Figures) -> Kpi:
    now = total(figures.of(Subject.APPROVAL), "expired")
    change = now - total(figures.of_before(Subject.APPROVAL), "expired")
    more = "more" if change > 0 else "fewer"
    said = f"{abs(change)} {more} than before" if change else "as many as before"
    mood = "bad" if change > 0 else "good" if change < 0 else ""
    drawn = _spark(figures, Subject.APPROVAL, _expiry, "Approvals that expired")
    return Kpi("Expired approvals", f"{now:,}", said, mood, _way(change), drawn)


def _expiry(row: Row) -> float:
    return row.count if row.outcome == "expired" else 0


def _cost(figures: Figures) -> Kpi:
    now, sessions = spent(figures.of(Subject.TURN)), total(figures.of(Subject.SESSION), "started")
    each = f"{wording.money(now / sessions)} per session" if sessions else "no session"
    drawn = _spark(figures, Subject.TURN, lambda row: float(row.cost), "Cost")
    return Kpi("Cost", wording.money(now), each, "", "minus", drawn)
