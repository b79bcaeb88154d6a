"""Where people are signed in: Django's sessions, kept with whose they are and from which device."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

from agents.models import SignIn

DEVICE, SINCE, SEEN = "device", "since", "seen"  # what a session says of itself
SEEN_EVERY = 300  # seconds: a page must not become a write


class SessionStore(DatabaseStore):
    """Django's database sessions in our table."""

    def __init__(self, session_key: str | None = None) -> None:
        # A cookie may hold what no column takes; the keys that are given out are of these.
        known = session_key is not None and session_key.isascii() and session_key.isalnum()
        super().__init__(session_key if known else None)

    @classmethod
    def get_model_class(cls) -> type[SignIn]:
        return SignIn

    def create_model_instance(self, data: dict[str, Any]) -> SignIn:
        return _described(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> SignIn:
        return _described(await super().acreate_model_instance(data), data)


def _described(row: AbstractBaseSession, data: Mapping[str, Any]) -> SignIn:
    assert isinstance(row, SignIn)
    row.user_id = data.get(SESSION_KEY)
    row.device = str(data.get(DEVICE, ""))[:200]
    row.since = datetime.fromtimestamp(data.get(SINCE) or timezone.now().timestamp(), UTC)
    return row


def note(session: SessionBase, device: str) -> None:
    """Note that this browser was here, at most every few minutes."""
    now = int(timezone.now().timestamp())
    if now - session.get(SEEN, 0) < SEEN_EVERY and session.get(DEVICE) == device[:200]:
        return
    session.setdefault(SINCE, now)
    session[SEEN], session[DEVICE] = now, device[:200]


def mark(key: str | None) -> str:
    """What a page calls a sign-in: its key is a way in and never leaves the server."""
    return hashlib.sha256(f"sign-in {key}".encode()).hexdigest()[:16]


def sign_ins(user: User) -> list[SignIn]:
    """Where this person is signed in, the latest seen first."""
    rows = SignIn.objects.filter(user=user, expire_date__gt=timezone.now())
    return list(rows.order_by("-seen_at"))


def end(user: User, wanted: str) -> bool:
    """Sign one of the person's browsers out, by its mark; whether there was one."""
    keys = [row.pk for row in sign_ins(user) if mark(row.pk) == wanted]
    return bool(SignIn.objects.filter(user=user, pk__in=keys).delete()[0])


def end_others(user: User, own: str | None) -> int:
    """Sign out every browser of the person but this one; how many there were."""
    return SignIn.objects.filter(user=user).exclude(pk=own).delete()[0]
