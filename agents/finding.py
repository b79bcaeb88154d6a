"""A session by the id that a person types."""

from __future__ import annotations

from uuid import UUID

from django.core.management.base import CommandError

from agents.models import Session


def session_named(text: str) -> Session:
    """Raises ``CommandError`` with a sentence."""
    try:
        session = Session.objects.filter(uuid=UUID(text)).first()
    except ValueError:
        session = None
    if session is None:
        raise CommandError(f"There is no session {text!r}.")
    return session
