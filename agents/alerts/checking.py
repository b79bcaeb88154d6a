"""What may stand in a target, for the admin and for ``configure`` alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from agents.alerts import signing
from agents.models import AlertTarget
from agents.sealing import Unreadable

Kind = AlertTarget.Kind


def target_problems(row: AlertTarget) -> dict[str, list[str]]:
    """What is wrong, by field; ``secret`` is one."""
    match Kind(row.kind):
        case Kind.WEBHOOK:
            found = {"address": [*_webhook(row.address)], "secret": [*_key(row)]}
        case Kind.EMAIL:
            found = {"address": [*_mail(row.address)], "secret": [*_none(row.sealed)]}
        case Kind.APPRISE:
            found = {"address": [*_none(row.address)], "secret": [*_apprise(row)]}
        case kind:
            assert_never(kind)
    return {field: said for field, said in found.items() if said}


def _none(value: str) -> Iterator[str]:
    if value:
        yield "is not used by this kind of target; leave it empty"


def _webhook(address: str) -> Iterator[str]:
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable, parts = "", urlsplit("")
    if not usable or not address.isascii() or not address.isprintable() or " " in address:
        yield "must be an http or https address"
    elif "@" in parts.netloc:
        yield "must not carry a password; the signature says who sends"


def _key(row: AlertTarget) -> Iterator[str]:
    try:
        signing.key_of(row.secret)
    except (ValueError, Unreadable) as error:
        yield str(error)


def _mail(addresses: str) -> Iterator[str]:
    if not addresses.strip():
        yield "is needed: where the mail goes"
        return
    for address in addresses.split(","):
        try:
            validate_email(address.strip())
        except ValidationError:
            yield f"{address.strip()[:80]!r} is no e-mail address"


def _apprise(row: AlertTarget) -> Iterator[str]:
    # A hundred services take a moment to import, which only this kind needs.
    from apprise import Apprise  # noqa: PLC0415 - see above

    try:
        if not row.secret or not Apprise.instantiate(row.secret, suppress_exceptions=True):
            yield "must be a URL that Apprise understands, such as slack://... or tgram://..."
    except Unreadable as error:
        yield str(error)
