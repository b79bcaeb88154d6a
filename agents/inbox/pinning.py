"""Which sessions a person keeps at hand. It decides nothing and is no part of any log."""

from __future__ import annotations

from django.contrib.auth.models import User

from agents.models import Pin, Session

MOST = 50  # pins of one person


def pin(user: User, session: Session) -> None:
    """Keep the session at hand; of too many pins the oldest goes."""
    Pin.objects.get_or_create(user=user, session=session)
    kept = Pin.objects.filter(user=user).order_by("-id").values_list("pk", flat=True)
    Pin.objects.filter(pk__in=list(kept[MOST:])).delete()


def unpin(user: User, session: Session) -> None:
    Pin.objects.filter(user=user, session=session).delete()
