"""The round that keeps Insights up to date: one worker at a time, beside the engine's work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Max, Min, Q
from django.db.models.functions import Now
from django.utils import timezone

from agents.insights import days, filling, watching
from agents.models import DayFigure, RollupState, Session

log = structlog.get_logger(__name__)

EVERY = 60.0  # seconds
FILL = 20  # sessions a round
_CLAIM = timedelta(minutes=10)  # after which a worker that died in a round is given up
# Clocks of several machines differ, and what a transaction wrote is seen when it commits.
_LATE = timedelta(minutes=10)


def round_() -> bool:
    """Bring the figures up to date, unless another worker is at it; whether it was done."""
    RollupState.objects.get_or_create(pk=1)
    free = Q(claimed_until=None) | Q(claimed_until__lt=Now())
    until = timezone.now() + _CLAIM
    if not RollupState.objects.filter(free, pk=1).update(claimed_until=until):
        return False
    try:
        work()
    finally:
        RollupState.objects.filter(pk=1, claimed_until=until).update(claimed_until=None)
    return True


def work() -> None:
    """One round. May be ended anywhere and begun again: a day is replaced as a whole."""
    state = RollupState.objects.get(pk=1)
    now = timezone.now()
    if state.unfilled:
        filling.fill_older(FILL)
        # Old sessions came in: their days are worked out again, once all are there.
        if not RollupState.objects.get(pk=1).unfilled:
            state.rolled_at = None
            watching.forget()
    for day in due(state.rolled_at, now):
        days.replace(day)
    RollupState.objects.filter(pk=1).update(rolled_at=now)
    watching.look(now)


def rebuild(told: Callable[[str], None] = lambda words: None) -> None:
    """Everything again, from the logs."""
    RollupState.objects.get_or_create(pk=1)
    latest = Session.objects.aggregate(latest=Max("pk"))["latest"] or 0
    RollupState.objects.filter(pk=1).update(unfilled=latest, rolled_at=None)
    while left := filling.fill_older(100):
        told(f"{left} sessions left")
    with transaction.atomic():
        DayFigure.objects.all().delete()
        watching.forget()
    work()


def due(rolled_at: datetime | None, now: datetime) -> list[date]:
    """The days whose figures may have changed since."""
    today = timezone.localtime(now).date()
    if rolled_at is None:
        first = Session.objects.aggregate(first=Min("created_at"))["first"]
        begins = timezone.localtime(first).date() if first else today
    else:
        begins = timezone.localtime(rolled_at - _LATE).date()
    return [begins + timedelta(days=n) for n in range((today - begins).days + 1)]
