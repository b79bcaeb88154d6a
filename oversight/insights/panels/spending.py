"""What the models cost."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString

from oversight import wording
from oversight.insights import charts
from oversight.insights.charts import Column
from oversight.insights.figures import (
    Figures,
    Subject,
    grouped,
    per_slot,
    spent,
)
from oversight.insights.panels.table import Table

_OTHERS = "Others"


@dataclass(frozen=True, slots=True)
class Costs:
    legend: list[tuple[str, str]]  # fill, agent
    svg: SafeString


def _ranked(figures: Figures, most: int = 3) -> list[str]:
    """The agents that cost most; what else there is comes last, together."""
    known = grouped(figures.of(Subject.TURN), lambda row: row.agent)
    dear = sorted(known, key=lambda agent: (-spent(known[agent]), agent))
    return dear if len(dear) <= most else [*dear[: most - 1], _OTHERS]


def costs(figures: Figures) -> Costs | None:
    """What the models cost, by day and agent; None where nothing has a price."""
    turns, period = list(figures.of(Subject.TURN)), figures.period
    if not spent(turns):
        return None
    ranked = _ranked(figures)
    series = [
        per_slot(
            (row for row in turns if (row.agent if row.agent in ranked else _OTHERS) == agent),
            period.slots,
            lambda row: float(row.cost),
        )
        for agent in ranked
    ]
    columns = []
    for slot in range(period.slots):
        values = [one[slot] for one in series]
        named = zip(ranked, values, strict=True)
        titles = [f"{agent}, {period.name(slot)}: {wording.money(v)}" for agent, v in named]
        columns.append(Column(period.label(slot), values, titles, wording.money(sum(values))))
    top = max(sum(column.values) for column in columns)
    ticks = [(value, _dollars(value, top)) for value in charts.ticks_of(top)]
    title = f"Cost of {wording.money(spent(turns))} over {period.slots} bars, by agent"
    fills = [charts.SERIES[n] for n in range(len(ranked))]
    if ranked[-1] == _OTHERS or len(ranked) == len(charts.SERIES) - 1:
        fills[-1] = "idle"
    return Costs(list(zip(fills, ranked, strict=True)), charts.stacked(columns, ticks, title))


def _dollars(value: float, top: float) -> str:
    if top >= 4:
        return f"${value:,.0f}"
    return f"${value:.2f}" if top >= 0.04 else f"${value:.4f}"


def costs_table(figures: Figures) -> Table:
    ranked = _ranked(figures, 1000)
    by_slot = grouped(figures.of(Subject.TURN), lambda row: str(row.slot))
    rows = []
    for slot in range(figures.period.slots):
        mine = by_slot.get(str(slot), [])
        values = [spent(row for row in mine if row.agent == agent) for agent in ranked]
        rows.append(
            (figures.period.name(slot), *(f"{v:.4f}" for v in values), f"{sum(values):.4f}")
        )
    return Table(("When", *(f"{agent}, dollars" for agent in ranked), "Together"), rows)
