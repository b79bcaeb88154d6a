"""The tools: how often they are called, and how often they fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from agents.core import spread
from agents.models import Tool
from oversight import wording
from oversight.insights import charts
from oversight.insights.figures import (
    Figures,
    total,
)
from oversight.insights.panels.table import Table


@dataclass(frozen=True, slots=True)
class ToolLine:
    name: str
    risk: str
    calls: int
    failed: int
    refused: int
    middle: float | None  # milliseconds
    busiest: int
    worst: float

    @property
    def rate(self) -> float:
        return self.failed / self.calls if self.calls else 0.0

    @property
    def percent(self) -> str:
        return f"{self.rate * 100:.1f}%"

    @property
    def alarming(self) -> bool:
        return self.rate >= 0.05 and self.failed >= 3

    @property
    def calls_bar(self) -> SafeString:
        said = f"{self.calls:,} calls"
        return charts.bar(self.calls / max(1, self.busiest), "tool", said)

    @property
    def failing_bar(self) -> SafeString:
        said = f"{self.failed:,} of {self.calls:,} failed"
        return charts.bar(self.rate / max(0.05, self.worst), "error", said)


def tools(figures: Figures) -> list[ToolLine]:
    """Every tool, the most called first."""
    known, risks = figures.calls, dict(Tool.objects.values_list("name", "risk"))
    counts = {
        name: (total(rows, "ok", "failed"), total(rows, "failed")) for name, rows in known.items()
    }
    busiest = max((calls for calls, _ in counts.values()), default=0)
    worst = max((failed / calls for calls, failed in counts.values() if calls), default=0.0)
    found = [
        ToolLine(
            name,
            risks.get(name, "high"),  # what nobody could run was judged HIGH, whatever it is
            *counts[name],
            total(rows, "refused"),
            spread.quantile(figures.call_lengths[name], 0.5),
            busiest,
            worst,
        )
        for name, rows in known.items()
    ]
    return sorted(found, key=lambda line: (-line.calls, line.name))


def worth_showing(lines: Sequence[ToolLine], most: int) -> list[ToolLine]:
    """The most called, and in the last places those that fail alarmingly though less called."""
    failing = sorted((x for x in lines[most:] if x.alarming), key=lambda line: -line.rate)[:2]
    return [*lines[: most - len(failing)], *failing]


def tools_table(figures: Figures) -> Table:
    head = ("Tool", "Risk", "Calls", "Failed", "Failing", "Never ran", "Median time")
    rows = [
        (
            line.name,
            line.risk.upper(),
            str(line.calls),
            str(line.failed),
            line.percent,
            str(line.refused),
            "" if line.middle is None else wording.duration(line.middle),
        )
        for line in tools(figures)
    ]
    return Table(head, rows, frozenset({0, 1}))
