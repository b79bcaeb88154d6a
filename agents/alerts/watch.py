"""What no event says: calls that wait too long, workers that are heard of no more."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from agents.alerts import happenings
from agents.alerts.outbox import listening, raise_alert, write
from agents.models import AlertRule, Approval, Occurrence, Worker

Trigger = AlertRule.Trigger

MOST = 2_000  # calls of one rule looked at in one round


def watch() -> None:
    """Note what has become true since the last look. Noted once, however often and by whomever."""
    for rule in listening({Trigger.APPROVAL_WAITING}):
        _waiting(rule)
    _silent()


def _waiting(rule: AlertRule) -> None:
    late = Approval.objects.filter(
        state=Approval.State.PENDING, requested_at__lte=Now() - timedelta(minutes=rule.minutes)
    )
    uuids = list(late.order_by("-requested_at").values_list("uuid", flat=True)[:MOST])
    if not uuids:
        return
    known = Occurrence.objects.filter(rule=rule, subject__in=map(happenings.waiting_subject, uuids))
    noted = set(known.values_list("subject", flat=True))
    fresh = [uuid for uuid in uuids if happenings.waiting_subject(uuid) not in noted]
    if fresh:
        rows = late.filter(uuid__in=fresh[:500]).select_related("session")
        with transaction.atomic():
            write([rule], [happenings.still_waiting(approval) for approval in rows])


def _silent() -> None:
    """Workers of other machines; those of this one are found at once by ``leases.bury``."""
    limit = timedelta(seconds=settings.OVERSIGHT_LEASE_SECONDS)
    for name, sessions in Worker.objects.filter(
        seen_at__lt=Now() - limit, sessions__gt=0
    ).values_list("name", "sessions"):
        raise_alert(happenings.worker_lost(name, sessions))
