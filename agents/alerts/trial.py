"""A test: an alert about nothing, through the same outbox, couriers and senders."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from agents.models import Alert, AlertRule, AlertTarget, Delivery


def send_test(targets: list[AlertTarget], rule: AlertRule | None = None) -> list[Delivery]:
    """Put a test on its way to each target."""
    now = timezone.now()
    of = f" of the rule {rule.name}" if rule else ""
    with transaction.atomic():
        alert = Alert.objects.create(
            rule_name=rule.name if rule else "",
            trigger="test",
            first_at=now,
            last_at=now,
            text=f"This is a test{of}: alerts reach this target.",
            path="/sessions/",
        )
        return [
            Delivery.objects.create(alert=alert, target=target, target_name=target.name)
            for target in targets
        ]
