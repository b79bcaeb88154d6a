"""Sending one alert to one target, on a thread that may block: what came of it."""

from __future__ import annotations

import re
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage

from agents.alerts import signing, webhook
from agents.alerts.wording import link, plain
from agents.core import canonical, events
from agents.models import Alert, AlertTarget

APPRISE = 12.0  # seconds for one Apprise service
SUBJECT = 120  # characters

Kind = AlertTarget.Kind


@dataclass(frozen=True, slots=True)
class Parcel:
    """All that sending needs, so that the thread does not ask the database."""

    kind: str
    address: str
    keys: list[str] = field(repr=False)  # the webhook's keys, or the one Apprise URL
    message_id: str
    type: str
    at: str
    text: str
    url: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """``problem`` is empty when the target took the alert."""

    problem: str = ""
    status: int | None = None
    wait: float = 0.0  # seconds that the target asks for
    gone: bool = False  # the target wants no more


def parcel(alert: Alert, target: AlertTarget) -> Parcel:
    """Raises ``sealing.Unreadable``."""
    url = link(alert.path)
    items = [
        {**{k: v for k, v in item.items() if k != "path"}, "url": link(item["path"])}
        for item in alert.data.get("items", [])
    ]
    return Parcel(
        kind=target.kind,
        address=target.address,
        keys=target.keys() if target.kind != Kind.EMAIL else [],
        message_id=alert.message_id,
        type=alert.trigger.replace("_", "."),
        at=events.timestamp(alert.last_at),
        text=alert.text,
        url=url,
        data={
            "rule": alert.rule_name,
            "count": alert.count,
            "first_at": events.timestamp(alert.first_at),
            "last_at": events.timestamp(alert.last_at),
            "text": alert.text,
            "url": url,
            "items": items,
        },
    )


def send(given: Parcel) -> Sent:
    """Never raises: every failure is a sentence, without the target's secrets."""
    senders = {Kind.WEBHOOK: _webhook, Kind.EMAIL: _email, Kind.APPRISE: _apprise}
    try:
        return senders[Kind(given.kind)](given)
    except Exception as error:  # noqa: BLE001 - a service's plugin may fail in any way
        return Sent(_said(error, given))


def body(given: Parcel) -> bytes:
    """The same bytes on every attempt."""
    told = {"type": given.type, "timestamp": given.at, "data": given.data}
    return canonical.event_text(told).encode()


def _webhook(given: Parcel) -> Sent:
    content = body(given)
    signed = signing.headers(given.message_id, int(time.time()), content, given.keys)
    answer = webhook.post(given.address, content, signed)
    if 200 <= answer.status < 300:
        return Sent(status=answer.status)
    wait = float(answer.retry_after) if answer.retry_after.isdecimal() else 0.0
    said = f"The receiver answered {answer.status}."
    if 300 <= answer.status < 400:
        said = f"The receiver answered {answer.status}; redirects are not followed."
    return Sent(said, answer.status, wait, gone=answer.status == HTTPStatus.GONE)


def _email(given: Parcel) -> Sent:
    if not settings.EMAIL_HOST:
        return Sent("No mail server is known; set EMAIL_HOST.")
    subject = plain(given.text.partition("\n")[0], SUBJECT)
    domain = urlsplit(given.url).hostname or "oversight"
    message = EmailMessage(
        subject=f"[Oversight] {subject}",
        body=f"{given.text}\n\n{given.url}\n\nAlert {given.message_id}\n",
        to=[one.strip() for one in given.address.split(",")],
        # The same on every attempt, so that a mailbox can drop repeats.
        headers={
            "Message-ID": f"<{given.message_id}@{domain}>",
            "Date": formatdate(),
            "Auto-Submitted": "auto-generated",
        },
    )
    return Sent() if message.send() else Sent("The mail server took no message.")


def _apprise(given: Parcel) -> Sent:
    # Its hundred services take half a second to import, which only this needs.
    from apprise import Apprise, AppriseAsset, NotifyFormat  # noqa: PLC0415 - see above

    asset = AppriseAsset(app_id="Oversight", http_redirects=False, secure_logging=True)
    service = Apprise(asset=asset)
    if not service.add(given.keys[0]):
        return Sent("Apprise does not understand this URL.")
    for one in service:
        # Elsewhere it is a token or a topic, of which no name server should hear.
        if one.host and "{host}" in " ".join(one.templates):
            with suppress(socket.gaierror):  # then the service says so itself
                webhook.check(one.host.strip("[]"), one.port or 443)
    done = service.notify(
        body=f"{given.text}\n{given.url}\nAlert {given.message_id}",
        title="Oversight",
        body_format=NotifyFormat.TEXT,
        timeout=APPRISE,
    )
    if done:
        return Sent()
    told = " ".join(str(getattr(entry, "message", entry)) for entry in done.logs())
    return Sent(_without(told, given) or "The service did not take it.")


def _said(error: Exception, given: Parcel) -> str:
    match error:
        case TimeoutError():
            return "The receiver did not answer in time."
        case ConnectionRefusedError():
            return "Nobody listens at the receiver's address."
        case ssl.SSLCertVerificationError():
            return f"The receiver's certificate is not valid: {error.verify_message}."
        case _:
            return _without(f"{type(error).__name__}: {error}", given)


def _without(text: str, given: Parcel) -> str:
    """The text less every part of the target's secrets."""
    parts = [part for key in given.keys for part in (key, *re.split(r"[/:@?&=]+", key))]
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= 6:
            text = text.replace(part, "[redacted]")
    return plain(text, 280)
