"""What turns cost: booked to their session, and to their day for the cap of all sessions."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, Sum
from django.utils import timezone

from agents.core import budget, events
from agents.core.state import State
from agents.models import Cap, DaySpend, Session

SHARDS = 16  # rows of a day, so that processes seldom wait for each other


@dataclass(slots=True)
class Spent:
    """What a batch adds to a day."""

    usd: Decimal = Decimal(0)
    tokens: int = 0  # without those read from the cache


@dataclass(slots=True)
class Spending:
    """What a batch of the journal spends."""

    days: dict[date, Spent] = field(default_factory=dict)

    def add(self, row: Session, usage: events.JsonObject, cost: float | None, at: datetime) -> None:
        """Book one answer of a model, kept or not. ``cost`` is None where it has no price."""
        if not usage:
            return
        read = int(usage.get("cache_read_input_tokens") or 0)
        keys = ("input_tokens", "cache_creation_input_tokens", "output_tokens")
        paid = sum(int(usage.get(key) or 0) for key in keys)
        row.tokens += paid + read
        row.cached_tokens += read
        day = self.days.setdefault(timezone.localdate(at), Spent())
        day.tokens += paid
        if cost is None:
            row.unpriced = True
            return
        dollars = Decimal(str(round(cost, 6)))
        row.cost = (row.cost or Decimal(0)) + dollars
        day.usd += dollars

    def save(self) -> None:
        """Add to the days' rows. The last thing a batch does: other processes wait for it."""
        for day, spent in sorted(self.days.items()):
            mine: dict[str, Any] = {"day": day, "shard": os.getpid() % SHARDS}
            more = {"usd": F("usd") + spent.usd, "tokens": F("tokens") + spent.tokens}
            if not DaySpend.objects.filter(**mine).update(**more):
                DaySpend.objects.get_or_create(**mine)
                DaySpend.objects.filter(**mine).update(**more)
        self.days.clear()


def limits() -> dict[str, float]:
    """The cap of a day for all sessions; empty where there is none."""
    row = Cap.objects.filter(name=Cap.DAY).first()
    caps = {"usd": row.usd, "tokens": row.tokens} if row else {}
    return {name: float(limit) for name, limit in caps.items() if limit is not None}


def spent(day: date) -> dict[str, float]:
    """What all sessions together have used on a day."""
    rows = DaySpend.objects.filter(day=day)
    found = rows.aggregate(usd=Sum("usd", default=0), tokens=Sum("tokens", default=0))
    return {name: float(used) for name, used in found.items()}


def reached(state: State | None = None) -> events.BudgetReached | None:
    """The day's cap if it has no room: for anything at all, or for this session's next call.

    Turns that other sessions have in flight are not counted until they are recorded.
    """
    caps, today = limits(), timezone.localdate()
    if not caps:
        return None
    used = spent(today)
    for name, limit in caps.items():
        needed = budget.forecast(state, name) if state else 0.0
        if used[name] >= limit or used[name] + needed > limit:
            return events.BudgetReached(name, used[name], limit, needed, today.isoformat())
    return None


def marks() -> set[str]:
    """The caps of this moment: whoever waits for another one need not."""
    today = timezone.localdate().isoformat()
    return {budget.day_mark(today, name, limit) for name, limit in limits().items()}
