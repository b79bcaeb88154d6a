"""The panels of the page of insights, each with its chart and the table that says the same."""

from __future__ import annotations

from oversight.insights.panels.calls import tools, tools_table, worth_showing
from oversight.insights.panels.lengths import times, times_table, waits, waits_table
from oversight.insights.panels.people import (
    decision_keys,
    decisions,
    decisions_table,
    idle_rules,
    readers,
    readers_table,
    rules,
    rules_table,
)
from oversight.insights.panels.spending import costs, costs_table
from oversight.insights.panels.table import PEOPLE, Table

__all__ = [
    "PEOPLE",
    "Table",
    "costs",
    "costs_table",
    "decision_keys",
    "decisions",
    "decisions_table",
    "idle_rules",
    "readers",
    "readers_table",
    "rules",
    "rules_table",
    "times",
    "times_table",
    "tools",
    "tools_table",
    "waits",
    "waits_table",
    "worth_showing",
]
