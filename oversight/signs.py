"""What makes an item of a list worth showing again, and which of it a page has already.

A page carries a stamp of each item that it shows and says them on every connect. So a socket
begins where its page stands: whichever process rendered that, and however long it was cut off.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qs
from uuid import UUID

from django.db.models import QuerySet

from agents.models import Approval, Outcome, Session
from oversight.queries import NEEDS_PERSON

Thing: TypeAlias = Session | Approval | Outcome
Key: TypeAlias = tuple[str, UUID]  # kind and id: together the id of its element

# The first says whether and where it stands in a list.
_COLUMNS = {
    "session": ("status", "last_seq", "pausing", "stopping", "asking", "open_approvals", "term"),
    "approval": ("state", "votes", "required", "digest", "decide_by"),
    "outcome": ("state",),
}
_BORN = {"session": "created_at", "approval": "requested_at", "outcome": "started_at"}
_TOLD = re.compile(r"([sao])([0-9a-f]{32})([0-9a-f]{8})")
_KINDS = {kind[0]: kind for kind in _COLUMNS}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Sign(NamedTuple):
    into: str  # the list that it belongs to; empty once it is over
    born: datetime
    parts: tuple[object, ...]

    @property
    def stamp(self) -> str:
        return _stamp(self.parts)


Signs: TypeAlias = Mapping[Key, Sign]


def signs(rows: QuerySet[Session] | QuerySet[Approval] | QuerySet[Outcome]) -> dict[Key, Sign]:
    kind = str(rows.model._meta.model_name)
    found = rows.order_by().values_list("uuid", _BORN[kind], *_COLUMNS[kind])
    return {(kind, row[0]): Sign(_into(kind, row[2]), row[1], row[2:]) for row in found}


def of(thing: Thing) -> tuple[Key, Sign]:
    kind = str(thing._meta.model_name)
    parts = tuple(getattr(thing, column) for column in _COLUMNS[kind])
    return (kind, thing.uuid), Sign(_into(kind, parts[0]), getattr(thing, _BORN[kind]), parts)


def stamp(thing: Thing) -> str:
    """The stamp of what is rendered from this row."""
    return of(thing)[1].stamp


def _stamp(parts: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:8]


def _into(kind: str, state: str) -> str:
    match kind:
        case "session" if state in Session.ENDED:
            return ""
        case "session":
            return "asking" if state in NEEDS_PERSON else "active"
        case "approval":
            return "inbox" if state == Approval.State.PENDING else ""
        case _:
            return "inbox" if state == Outcome.State.OPEN else ""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows, as it says itself."""

    stamps: Mapping[Key, str]
    more: bool  # whether it shows more than it could say
    cut: Collection[str]  # lists that hide some of what belongs to them
    newest: datetime  # what began later was not there when it was made

    @classmethod
    def said(cls, query: str) -> Page:
        """Nonsense says nothing, and then everything is sent."""
        found = {name: values[0] for name, values in parse_qs(query).items()}
        told = _TOLD.findall(found.get("have", ""))
        stamps = {(_KINDS[kind], UUID(uuid)): stamp for kind, uuid, stamp in told}
        cut = frozenset(found.get("cut", "").split(","))
        return cls(stamps, "more" in found, cut, _moment(found.get("newest", "")))

    def lacks(self, key: Key, sign: Sign) -> bool:
        """Whether it should show this and does not: hidden by a cut is not lacking."""
        missing = key not in self.stamps and sign.into != ""
        return missing and (sign.into not in self.cut or sign.born > self.newest)

    def outdated(self, key: Key, sign: Sign) -> bool:
        """Whether it shows, or may show, another state of this."""
        if key in self.stamps:
            return self.stamps[key] != sign.stamp
        return self.more and sign.into != ""


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return _LONG_AGO
    return found if found.tzinfo else _LONG_AGO
