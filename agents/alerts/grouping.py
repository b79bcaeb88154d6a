"""Occurrences become alerts: the first at once, the rest together when the cooldown is over."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import Count, Max, Min, QuerySet
from django.utils import timezone

from agents.alerts import wording
from agents.models import Alert, AlertRule, Delivery, Occurrence

log = structlog.get_logger(__name__)

AT_ONCE = 100  # alerts of one rule and group in one round, where each occurrence is its own


def due(last: datetime | None, now: datetime, cooldown: int) -> bool:
    """Whether what waits may be told: ``last`` is when its group was last told of, the cooldown
    is in seconds."""
    return last is None or now >= last + timedelta(seconds=cooldown)


def gather() -> int:
    """Make alerts of all occurrences that are due; how many alerts. Safe beside other couriers:
    one at a time works on a rule."""
    waiting = Occurrence.objects.filter(alert=None)
    rules = list(waiting.order_by().values_list("rule_id", flat=True).distinct())
    return sum(_gather_rule(rule) for rule in rules)


def _gather_rule(pk: int) -> int:
    with transaction.atomic():
        waiting = Occurrence.objects.filter(rule_id=pk, alert=None)
        if not AlertRule.objects.filter(pk=pk, enabled=True).exists():
            # Nobody wants to hear of it any more.
            waiting.delete()
            return 0
        rule = _locked(pk)
        if rule is None:
            return 0
        keys = list(waiting.order_by("key").values_list("key", flat=True).distinct())
        return sum(_gather_group(rule, waiting.filter(key=key), key) for key in keys)


def _locked(pk: int) -> AlertRule | None:
    rows = AlertRule.objects.filter(pk=pk)
    if connection.features.has_select_for_update_skip_locked:
        # Only against other couriers: an append that refers to the rule does not wait.
        rows = rows.select_for_update(skip_locked=True, no_key=True)
    return rows.first()


def _gather_group(rule: AlertRule, waiting: QuerySet[Occurrence], key: str) -> int:
    if not rule.cooldown:
        each = list(waiting.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        return sum(_alert(rule, key, waiting.filter(pk=one)) for one in each)
    told = Alert.objects.filter(rule=rule, key=key).aggregate(at=Max("created_at"))
    if not due(told["at"], timezone.now(), rule.cooldown):
        return 0
    return _alert(rule, key, waiting)


def _alert(rule: AlertRule, key: str, waiting: QuerySet[Occurrence]) -> int:
    """One alert about all that waits in this group."""
    now = timezone.now()
    alert = Alert.objects.create(
        rule=rule, rule_name=rule.name, trigger=rule.trigger, key=key, first_at=now, last_at=now
    )
    waiting.update(alert=alert)
    # Counted afterwards: more may have come in between.
    about = Occurrence.objects.filter(alert=alert)
    span = about.aggregate(count=Count("pk"), first_at=Min("at"), last_at=Max("at"))
    if not span["count"]:
        alert.delete()
        return 0
    for name, value in span.items():
        setattr(alert, name, value)
    wording.compose(alert, rule)
    alert.save()
    send(alert, rule)
    return 1


def send(alert: Alert, rule: AlertRule) -> None:
    """Put the alert on its way to each target of the rule."""
    Delivery.objects.bulk_create(
        Delivery(alert=alert, target=target, target_name=target.name) for target in rule.receivers()
    )
    log.info("alert", alert=str(alert.uuid), rule=alert.rule_name, count=alert.count)
