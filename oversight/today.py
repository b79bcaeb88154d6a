"""What the strip over the wall says of this moment and of today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from agents import spending
from agents.models import ModelPrice, Slots, TurnUse
from agents.roles import Person, rights, visible_approvals, visible_sessions
from oversight.queries import NEEDS_PERSON, STATUS, pending

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stats:
    running: int
    slots: int  # how many may run at once
    queued: int
    waiting: int
    longest_wait: float | None  # seconds
    failed: int
    ended: int
    spent: float | None  # dollars of today; None where no model has a price
    tokens: int  # of today, without those read from the cache
    cap: float | None  # dollars that all sessions may spend in a day
    median_wait: float | None  # seconds


def stats(user: Person) -> Stats:
    """The strip over the wall."""
    now = timezone.now()
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    hour = Q(ended_at__gte=now - HOUR)
    found = visible_sessions(user).aggregate(
        running=Count("id", filter=Q(status=STATUS.RUNNING)),
        queued=Count("id", filter=Q(status=STATUS.QUEUED)),
        waiting=Count("id", filter=Q(status__in=NEEDS_PERSON)),
        failed=Count("id", filter=hour & Q(status=STATUS.FAILED)),
        ended=Count("id", filter=hour),
    )
    usd, tokens = _spent(user, today)
    oldest = pending(user).order_by("requested_at").values_list("requested_at", flat=True).first()
    longest = (now - oldest).total_seconds() if oldest else None
    cap = spending.limits().get("usd") if rights(user).everywhere() else None
    slots = Slots.objects.values_list("sessions", flat=True).first() or Slots.DEFAULT
    return Stats(
        spent=usd,
        tokens=tokens,
        cap=cap,
        slots=slots,
        longest_wait=longest,
        median_wait=_median_wait(user, today),
        **found,
    )


def _spent(user: Person, since: datetime) -> tuple[float | None, int]:
    """Dollars and tokens of the day that began at ``since``, as its cap counts them; of the
    sessions that ``user`` may see. No dollars where no model has a price."""
    if rights(user).everywhere():
        found = spending.spent(since.date())
    else:
        turns = TurnUse.objects.filter(session__in=visible_sessions(user), at__gte=since)
        paid = F("fresh") + F("cache_write") + F("output")
        found = turns.aggregate(usd=Sum("cost", default=0), tokens=Sum(paid, default=0))
    priced = found["usd"] or ModelPrice.objects.exists()
    return float(found["usd"]) if priced else None, int(found["tokens"])


def _median_wait(user: Person, since: datetime) -> float | None:
    rows = visible_approvals(user).filter(decided_at__gte=since, decided_by__isnull=False)
    waits = sorted(
        (decided - asked).total_seconds()
        for asked, decided in rows.values_list("requested_at", "decided_at")[:500]
        if decided
    )
    return waits[len(waits) // 2] if waits else None
