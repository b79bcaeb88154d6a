"""Send an email, into a folder.

Its effect is *keyed* because this mailbox drops repeats: the message is filed under its
idempotency key and linked into place, which fails if that name exists. A real mail server does
not do that; a tool that talks to one must say *irreversible*.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agents.core.risk import Effect, Risk
from agents.core.tools import InvalidArguments, ToolContext
from agents.toolbox.tool import tool

SENDER = "Fernhill Supplies <shop@fernhill.example>"
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")


@tool(risk=Risk.MEDIUM, effect=Effect.KEYED, timeout=15, open_world=True)
def send_email(
    context: ToolContext,
    to: Annotated[list[str], Field(min_length=1, max_length=20), "Addresses, name@host"],
    subject: Annotated[str, Field(min_length=1, max_length=200)],
    body: Annotated[str, Field(min_length=1, max_length=50_000), "Plain text"],
) -> str:
    """Send a plain-text email from the shop's address.

    This is a sandbox: the message is filed in a local mailbox folder and leaves this machine never.
    """
    message = _message(to, subject, body)
    name = hashlib.sha256(context.idempotency_key.encode()).hexdigest()[:32] + ".eml"
    new = _file_once(context.data / "mailbox", name, message.as_bytes(policy=SMTP))
    again = "" if new else " It had been sent before under this key and was not sent again."
    return f"Sent to {', '.join(to)}, filed in the sandbox mailbox as {name}.{again}"


def _message(to: list[str], subject: str, body: str) -> EmailMessage:
    for address in to:
        if not _ADDRESS.fullmatch(address):
            raise InvalidArguments(f"to: {address[:100]!r} is not an address", effects=False)
    if re.search(r"[\x00-\x1f\x7f]", subject):
        raise InvalidArguments("subject: must be one line", effects=False)
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = ", ".join(to)
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message.set_content(body)
    return message


def _file_once(mailbox: Path, name: str, content: bytes) -> bool:
    """Whether the message is new; one that is there already stays as it is."""
    mailbox.mkdir(parents=True, exist_ok=True)
    draft = mailbox / f".{secrets.token_hex(8)}.draft"
    with draft.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, mailbox / name)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
