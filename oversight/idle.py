"""Why a session that nobody has stopped does nothing at the moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from agents import slots
from agents.models import Session

_WAITS = {
    "model": "Waiting for the model's endpoint",
    "tool": "Waiting for a tool",
}


@dataclass(frozen=True, slots=True)
class Idle:
    """``until`` is when it goes on by itself; None where that depends on others."""

    title: str
    said: str
    until: datetime | None = None

    @property
    def left(self) -> float:
        """Seconds."""
        return (self.until - timezone.now()).total_seconds() if self.until else 0.0


def idle(session: Session) -> Idle | None:
    """Why it waits for its time or for a slot; None where it does not."""
    if session.resume_at and session.waits_for and session.resume_at > timezone.now():
        return Idle(_WAITS[session.waits_for], session.activity, session.resume_at)
    if session.status != Session.Status.QUEUED:
        return None
    place = slots.place(session)
    return Idle("Queued", _place(place)) if place else None


def _place(place: slots.Place) -> str:
    whose = "of this agent " if place.full else ""
    said = f"{_count(place.working, 'session')} {whose}{_are(place.working)} at work"
    said += f", which is all that may be ({place.slots})." if place.full else "."
    ahead = _count(place.ahead, "session")
    return f"{said} {ahead} of this agent {'is' if place.ahead == 1 else 'are'} before this one."


def _count(number: int, noun: str) -> str:
    return f"{number or 'No'} {noun if number == 1 else noun + 's'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
