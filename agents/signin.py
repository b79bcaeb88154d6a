"""Ways in without a password: a one-time link on the machine itself, and bearer tokens."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from agents import roles
from agents.models import ApiToken, RoleAssignment, SignInLink

FIRST_ADMIN = "admin"
_TOKEN_PREFIX = "ovs_"  # noqa: S105  # nosec B105 - lets scanners of leaked secrets recognise one
_SEEN_EVERY = timedelta(minutes=1)


class LinkRefused(Exception):
    """The link does not work (any more); the message says why, for a page."""


def issue_link(user: User, minutes: int = 10) -> str:
    """A token that signs ``user`` in once, within so many minutes, from this machine."""
    token = secrets.token_urlsafe(32)
    expires_at = timezone.now() + timedelta(minutes=minutes)
    SignInLink.objects.create(user=user, digest=_digest(token), expires_at=expires_at)
    return token


def redeem(token: str, *way: str) -> User:
    """Spend the link and return its user. ``way`` are the addresses from here to the browser,
    empty where one is not known. Raises ``LinkRefused``."""
    if not way or not all(map(is_loopback, way)):
        raise LinkRefused("This link works only on the machine that Oversight runs on.")
    now = timezone.now()
    links = SignInLink.objects.filter(digest=_digest(token), user__is_active=True)
    # One statement decides, so that of two clicks at once only one is let in.
    if not links.filter(used_at=None, expires_at__gt=now).update(used_at=now):
        raise LinkRefused("This link has been used or has expired. Ask for a new one.")
    return links.select_related("user").get().user


def is_loopback(hop: str) -> bool:
    try:
        address = ipaddress.ip_address(hop)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def first_admin() -> str | None:
    """The token of the first admin's link, for as long as nobody has ever signed in.

    On a database without people that admin is made.
    """
    with transaction.atomic():
        people = list(User.objects.all()[:2])
        if people and not _never_came(people):
            return None
        user = people[0] if people else _make_first_admin()
    return issue_link(user)


def _never_came(people: list[User]) -> bool:
    """Whether the only person is the first admin, whose link was lost before it was used."""
    only = people[0]
    used = SignInLink.objects.filter(user=only, used_at__isnull=False).exists()
    return len(people) == 1 and not used and not only.has_usable_password()


def _make_first_admin() -> User:
    user = User(username=FIRST_ADMIN)
    user.set_unusable_password()
    user.save()
    roles.grant(user, RoleAssignment.Role.ADMIN)
    return user


def issue_token(user: User, label: str = "") -> str:
    """A bearer token for the API; it is shown this once and kept as its hash."""
    token = _TOKEN_PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(user=user, digest=_digest(token), label=label)
    return token


def tokens_of(user: User) -> list[ApiToken]:
    """The person's own tokens that work, the newest first."""
    return list(ApiToken.objects.filter(user=user, revoked=False).order_by("-pk"))


def revoke_token(user: User, pk: int) -> bool:
    """Take back one of the person's own tokens; whether there was one."""
    return bool(ApiToken.objects.filter(user=user, pk=pk, revoked=False).update(revoked=True))


def user_of_token(text: str) -> User | None:
    """Whose token this is; None if it is unknown or revoked, or its user is inactive."""
    tokens = ApiToken.objects.filter(digest=_digest(text), revoked=False, user__is_active=True)
    token = tokens.select_related("user").first()
    if token is None:
        return None
    _mark_used(token)
    return token.user


def _mark_used(token: ApiToken) -> None:
    # Not on every request: a poll must not become a write.
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > _SEEN_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
