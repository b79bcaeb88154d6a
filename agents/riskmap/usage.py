"""How often each tool was called lately, and how often people said no: as Insights counts it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from django.db.models import Sum
from django.utils import timezone

from agents.models import DayFigure
from agents.riskmap.calls import DAYS, since

__all__ = ["DAYS", "Usage", "usage"]

_SAID = ("approved", "edited", "answered", "denied")  # by people


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one tool, over the last thirty days."""

    calls: int = 0
    decided: int = 0  # by people
    denied: int = 0

    @property
    def denial_rate(self) -> float | None:
        """The share of decided calls that people denied; None where none was decided."""
        return self.denied / self.decided if self.decided else None


def usage() -> dict[str, Usage]:
    """By tool, as of the last roll-up; one that was not called is left out."""
    subjects = (DayFigure.Subject.CALL, DayFigure.Subject.APPROVAL)
    rows = DayFigure.objects.filter(subject__in=subjects, day__gt=timezone.localdate(since()))
    counts: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    totals = rows.order_by().values_list("name", "subject", "outcome")
    for name, subject, outcome, count in totals.annotate(Sum("count")):
        counts[name][subject, outcome] += count
    return {name: _usage(count) for name, count in counts.items()}


def _usage(count: Counter[tuple[str, str]]) -> Usage:
    subject = DayFigure.Subject
    calls = sum(number for (kind, _), number in count.items() if kind == subject.CALL)
    decided = sum(count[subject.APPROVAL, word] for word in _SAID)
    return Usage(calls, decided, count[subject.APPROVAL, "denied"])
