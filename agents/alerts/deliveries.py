"""Deliveries: taken by one courier at a time, tried again for three days, never lost."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.alerts.sending import Parcel, Sent, parcel
from agents.models import Alert, AlertTarget, Delivery
from agents.sealing import Unreadable

log = structlog.get_logger(__name__)

State = Delivery.State

CLAIM = timedelta(seconds=30)  # longer than any attempt: then the courier that took it has died
GIVE_UP = timedelta(days=3)
KEEP = timedelta(days=30)
BASE, FACTOR, CAP = 2.0, 3.0, 6 * 3600.0  # seconds
PER_TARGET = 2  # at once in one process, so that a slow target keeps nobody else waiting
LOOK = 200  # deliveries looked at in one round


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that this process is to make: the attempt's number is its fence."""

    pk: int
    target: int
    attempt: int
    parcel: Parcel


def backoff(attempt: int, luck: float) -> float:
    """Seconds before the next try; ``luck`` from 0 to 1 spreads them over half to the whole."""
    return min(CAP, BASE * FACTOR ** min(attempt - 1, 20)) * (0.5 + luck / 2)


def take(limit: int, busy: Iterable[int] = ()) -> list[Taken]:
    """Claim what is due; ``busy`` holds the target of each delivery that is being made here."""
    if limit <= 0 or not due().exists():  # no transaction for nothing: SQLite has one writer
        return []
    load = Counter(busy)
    full = [target for target, count in load.items() if count >= PER_TARGET]
    with transaction.atomic():
        rows = due().exclude(target__in=full).order_by("next_at", "pk")
        rows = rows.select_related("alert", "target")
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        taken: list[Taken] = []
        for row in rows[:LOOK]:
            assert row.target is not None
            if len(taken) == limit or load[row.target.pk] >= PER_TARGET:
                continue
            if one := _claim(row, row.target):
                load[row.target.pk] += 1
                taken.append(one)
    return taken


def due() -> QuerySet[Delivery]:
    now = timezone.now()
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return Delivery.objects.filter(
        free, state=State.PENDING, next_at__lte=now, target__enabled=True
    )


def _claim(row: Delivery, target: AlertTarget) -> Taken | None:
    row.attempts += 1
    row.claimed_until = timezone.now() + CLAIM
    row.save(update_fields=["attempts", "claimed_until"])
    try:
        made = parcel(row.alert, target)
    except Unreadable as error:
        _put_off(row.pk, row.attempts, row.since, Sent(str(error)))
        return None
    return Taken(row.pk, target.pk, row.attempts, made)


def record(taken: Taken, sent: Sent) -> None:
    """Write down what became of an attempt, unless another was begun since."""
    if not sent.problem:
        done = _ours(taken.pk, taken.attempt).update(
            state=State.DELIVERED,
            delivered_at=timezone.now(),
            status=sent.status,
            last_error="",
            claimed_until=None,
        )
        log.info("alert_delivered", delivery=taken.pk, attempt=taken.attempt, counted=bool(done))
        return
    since = Delivery.objects.values_list("since", flat=True).filter(pk=taken.pk).first()
    if since is not None:
        _put_off(taken.pk, taken.attempt, since, sent)
    if sent.gone:
        AlertTarget.objects.filter(pk=taken.target).update(enabled=False)
        log.warning("alert_target_gone", target=taken.target)


def _put_off(pk: int, attempt: int, since: datetime, sent: Sent) -> None:
    """Try again later, or no more."""
    now = timezone.now()
    given_up = sent.gone or now - since > GIVE_UP
    pause = max(backoff(max(attempt, 1), random.random()), min(sent.wait, CAP))  # noqa: S311 - spread, not secret
    said = f"{sent.problem} Its target is now disabled." if sent.gone else sent.problem
    _ours(pk, attempt).update(
        state=State.FAILED if given_up else State.PENDING,
        next_at=now + timedelta(seconds=pause),
        status=sent.status,
        last_error=said[:300],
        claimed_until=None,
    )
    log.warning(
        "alert_not_delivered", delivery=pk, attempt=attempt, problem=said, given_up=given_up
    )


def again(deliveries: Collection[int]) -> int:
    """Send these once more, from now on, under the same message ids; how many."""
    now = timezone.now()
    return Delivery.objects.filter(pk__in=deliveries, target__isnull=False).update(
        state=State.PENDING, attempts=0, since=now, next_at=now, claimed_until=None
    )


def _ours(pk: int, attempt: int) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=pk, attempts=attempt, state=State.PENDING)


def expire() -> None:
    """Give up what waited three days for a target that stayed disabled or was removed."""
    stale = Delivery.objects.filter(state=State.PENDING, since__lt=timezone.now() - GIVE_UP)
    stale.filter(target__isnull=True).update(state=State.FAILED, last_error="The target is gone.")
    stale.filter(target__enabled=False).update(
        state=State.FAILED, last_error="The target was disabled for three days."
    )


def forget() -> None:
    """Remove alerts that are a month old and on their way no more."""
    old = Alert.objects.filter(created_at__lt=timezone.now() - KEEP)
    old.exclude(deliveries__state=State.PENDING).delete()
