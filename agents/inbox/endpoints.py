"""Lifting what holds a model endpoint."""

from __future__ import annotations

from django.contrib.auth.models import User

from agents import providers, roles
from agents.inbox.access import actor, name
from agents.inbox.refusals import Missing, NotAllowed
from agents.models import Provider


def clear_provider(user: User, provider: int) -> int:
    """Let everybody ask this endpoint again; how many sessions go on because of it."""
    if not roles.can(user, "administer"):
        raise NotAllowed("Only admins can clear an endpoint.")
    row = Provider.objects.filter(pk=provider).first()
    if row is None:
        raise Missing("There is no such endpoint.")
    return providers.clear(row.key, name(user), actor(user))
