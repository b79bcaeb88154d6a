"""The small live parts: a session's status, its card on the wall, an item of the inbox.

All of them are the same for every viewer: no forms, no names of who looks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from agents import inbox
from agents.core import titles
from agents.models import Approval, Outcome, Session
from oversight import meters, queries, spans, today, window
from oversight.partials import render

STATES = {
    "queued": ("Queued", "clock", ""),
    "running": ("Running", "circle", "running"),
    "waiting_approval": ("Waiting for approval", "hourglass", "waiting"),
    "waiting_input": ("Waiting for you", "hourglass", "waiting"),
    "paused": ("Paused", "pause", ""),
    "outcome_review": ("Outcome unknown", "circle-help", "review"),
    "completed": ("Done", "check", "completed"),
    "failed": ("Failed", "circle-x", "failed"),
    "cancelled": ("Stopped", "square", ""),
}


def state(session: Session) -> tuple[str, str, str]:
    """Word, icon and class of a session's chip."""
    if not session.ended and session.stopping:
        return "Stopping", "square", "failed"
    if session.status == "running" and session.pausing:
        return "Pausing after this step", "pause", "waiting"
    return STATES.get(session.status, (session.status, "circle-help", ""))


@dataclass(frozen=True, slots=True)
class Mark:
    """The bars of one kind in an activity strip, as one path in units of its view box."""

    kind: str
    path: str


_KINDS = {"m": "model", "t": "tool", "h": "human", "w": "human", "e": "error", "i": "idle"}


def strip(session: Session, asked: Approval | None = None) -> list[Mark]:
    """The last events as bars, and the wait that goes on: colour by kind, height by how long."""
    paths: dict[str, str] = {}
    events = session.strip
    if asked:
        waited = timezone.now() - asked.requested_at
        events = [*events, ("h", waited.total_seconds() * 1000)]
    for index, (letter, milliseconds) in enumerate(events[-46:]):
        height = round(min(3 + 5.5 * math.log10(1 + max(milliseconds, 0) / 50), 24), 1)
        kind = _KINDS.get(letter, "idle")
        paths[kind] = paths.get(kind, "") + f"M{index * 7} 24v{-height:g}h5v{height:g}z"
    return [Mark(kind, path) for kind, path in paths.items()]


def elapsed(session: Session) -> float:
    """Seconds from the start to the end, or to now."""
    return ((session.ended_at or timezone.now()) - session.created_at).total_seconds()


def shares(session: Session, waited: float) -> list[spans.Bar]:
    """Where the time went, as parts of one bar."""
    parts = {"model": session.model_ms, "tool": session.tool_ms, "human": waited}
    whole = sum(parts.values())
    bars, x = [], 0.0
    for kind, milliseconds in parts.items():
        width = 100 * milliseconds / whole if whole else 0.0
        if width:
            bars.append(spans.Bar(kind, round(x, 3), round(width, 3), kind))
        x += width
    return bars


def status_context(session: Session) -> dict[str, Any]:
    """What the status parts of a session's page need."""
    waited = queries.waited_ms(session)
    return {
        "session": session,
        "state": state(session),
        "elapsed": elapsed(session),
        "meters": meters.meters(session),
        "waited": waited,
        "shares": shares(session, waited),
        "tools": queries.tools_used(session),
    }


def render_status(session: Session) -> str:
    """Chip, elapsed time, figures and the current steps' times, out of band."""
    parts = [render("sessions/_status.html", oob=True, **status_context(session))]
    for step, group in window.tail(session, 2):
        lane = spans.lane(group, session.ended_at or timezone.now())
        parts.append(render("timeline/_meta.html", oob=True, step=step, lane=lane))
    return "".join(parts)


def render_card(session: Session, asked: Approval | None = None) -> str:
    """A session's card on the wall, with what it asks first."""
    return render(
        "sessions/_card.html",
        session=session,
        state=state(session),
        elapsed=elapsed(session),
        strip=strip(session, asked),
        meter=meters.tightest(session),
        asked=asked,
        asked_title=title(asked) if asked else "",
        asks=session.status in queries.NEEDS_PERSON,
        countdown=countdown(asked) if asked else None,
    )


def arguments(text: str) -> dict[str, Any]:
    """Stored arguments as an object; what is no object stands under one name."""
    value = json.loads(text)
    return value if isinstance(value, dict) else {"value": value}


def title(row: Approval | Outcome) -> str:
    """What the call does, with the arguments as they are by now."""
    return titles.title(row.tool, arguments(row.arguments), row.title)


def sign(approval: Approval) -> str:
    """What a card of it has shown: another sign, and the card is out of date."""
    return f"{approval.state} {approval.votes}/{approval.required} {approval.digest[:8]}"


@dataclass(frozen=True, slots=True)
class Countdown:
    """Time left of a time allowed."""

    until: datetime
    total: float  # seconds
    left: float  # seconds

    @property
    def per_cent(self) -> int:
        return max(0, min(100, round(100 * self.left / max(self.total, 1))))

    @property
    def soon(self) -> bool:
        return self.left < 120 or self.per_cent < 25


def countdown(approval: Approval) -> Countdown:
    left = (approval.decide_by - timezone.now()).total_seconds()
    total = (approval.decide_by - approval.requested_at).total_seconds()
    return Countdown(approval.decide_by, total, left)


def bulk(approval: Approval) -> bool:
    """Whether it may be decided together with others: LOW or MEDIUM, and one person decides."""
    return approval.state == Approval.State.PENDING and not inbox.not_grantable(approval)


def render_inbox_item(approval: Approval, *, selected: bool = False) -> str:
    """An approval in the list of the inbox."""
    return render(
        "approvals/_item.html",
        approval=approval,
        session=approval.session,
        title=title(approval),
        countdown=countdown(approval) if approval.state == "pending" else None,
        selected=selected,
        bulk=bulk(approval),
    )


def render_cards(found: Iterable[Session]) -> list[str]:
    """The sessions' cards; what they ask is read at once."""
    shown = list(found)
    waiting = [session.pk for session in shown if session.open_approvals]
    rows = Approval.objects.filter(session__in=waiting, state=Approval.State.PENDING)
    asked = {row.session_id: row for row in rows.order_by("-decide_by", "-id")}
    return [render_card(session, asked.get(session.pk)) for session in shown]


def render_stats(user: User) -> str:
    """The strip over the wall."""
    return render("sessions/_stats.html", stats=today.stats(user))
