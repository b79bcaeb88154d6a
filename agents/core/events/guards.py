"""Loops and budgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.core.canonical import JsonObject


@dataclass(frozen=True, slots=True)
class LoopDetected:
    """``rung``: reflect, block, ask or wrap_up; ``notice`` only shows, and is on no ladder."""

    kind: ClassVar[str] = "loop_detected"
    rule: str
    rung: str
    evidence: JsonObject
    note: str = ""  # what the model is told


@dataclass(frozen=True, slots=True)
class BudgetWarned:
    kind: ClassVar[str] = "budget_warned"
    dimension: str
    used: float
    limit: float
    note: str = ""  # what the model is told


@dataclass(frozen=True, slots=True)
class BudgetReached:
    kind: ClassVar[str] = "budget_reached"
    dimension: str
    used: float
    limit: float
    forecast: float = 0.0  # what the next call was likely to use
    day: str = ""  # ISO date, where it is the cap of that day for all sessions
