"""Secrets at rest: sealed under a key made from ``SECRET_KEY``, so that a copy of the database
alone gives none of them away."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


class Unreadable(ValueError):
    """Sealed under another key."""


def seal(secret: str) -> str:
    """An empty secret stays empty."""
    return _fernet().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Raises ``Unreadable``."""
    if not sealed:
        return ""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable(
            "The secret was sealed under another OVERSIGHT_SECRET_KEY; enter it again."
        ) from None


def _fernet() -> Fernet:
    key = hashlib.sha256(b"oversight sealing\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
