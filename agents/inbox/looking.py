"""Who else has an approval before them. A hint for people; it decides nothing."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from agents.models import Approval, Look

FRESH = timedelta(seconds=30)


def look(user: User, approval: Approval) -> list[User]:
    """Say that ``user`` looks at it, and learn who else does."""
    now = timezone.now()
    if approval.state == Approval.State.PENDING:
        Look.objects.update_or_create(approval=approval, user=user, defaults={"seen_at": now})
    others = Look.objects.filter(approval=approval, seen_at__gt=now - FRESH).exclude(user=user)
    return [seen.user for seen in others.select_related("user").order_by("seen_at")]
