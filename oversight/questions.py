"""What a session asks people: about its budget, a loop, a refusal, the day's cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from agents import roles
from agents.core import budget, events
from agents.core.wording import amount, budget_name
from agents.models import Event, Session
from oversight import loops, meters, queries

_ASKING = {"budget": "budget_reached", "loop": "loop_detected"}
_TITLES = {
    "refusal": "The model refused",
    "provider": "The model's endpoint refuses",
    "overflow": "The conversation is too long",
    "context": "The conversation could not be summarised",
}


@dataclass(frozen=True, slots=True)
class Extension:
    """A limit that one press sets."""

    value: str  # what the button sends
    label: str


@dataclass(frozen=True, slots=True)
class May:
    """What this person may do about it."""

    extend: bool
    steer: bool
    administer: bool


@dataclass(frozen=True, slots=True)
class Question:
    """``kind``: budget, loop, day or other."""

    kind: str
    title: str
    may: May
    said: str = ""
    meter: meters.Meter | None = None
    extensions: Sequence[Extension] = ()
    fields: Sequence[meters.Field] = ()
    calls: Sequence[Mapping[str, Any]] = ()
    words: str = ""  # what the agent keeps saying, or said when it refused
    blocked: bool = False
    retells: bool = False  # what the model was told last may be said another way
    wraps_up_at: datetime | None = None


def question(session: Session, user: User) -> Question | None:
    """What the session asks, as this person may answer it; None if it asks nothing."""
    if session.status != Session.Status.WAITING_INPUT:
        return None
    rights = roles.rights(user)
    may = May(
        extend=rights.can("extend", session),
        steer=rights.can("steer", session),
        administer=rights.can("administer"),
    )
    kind = session.question.split(" ")[0]
    log = Event.objects.filter(session=session, kind=_ASKING.get(kind, ""))
    asked = log.order_by("-seq").first()
    match queries.record(asked, str(session.uuid)).fact if asked else None:
        case events.BudgetReached() as fact:
            return _budget(session, fact, may)
        case events.LoopDetected() as fact:
            return _loop(session, fact, may)
    if kind == "day":
        return Question("day", "The cap of the day is reached", may, session.asking)
    title = _TITLES.get(kind, "It asks for a person")
    retells = kind in ("refusal", "overflow")
    return Question("other", title, may, words=session.asking, retells=retells)


def _budget(session: Session, fact: events.BudgetReached, may: May) -> Question:
    one = fact.dimension
    said = session.asking if fact.used < fact.limit else "Nothing runs until somebody answers."
    end = "has no room for another call" if fact.used < fact.limit else "is used up"
    return Question(
        "budget",
        f"The {budget_name(one)} budget {end}",
        may,
        said,
        meter=meters.meter(one, fact.used, fact.limit, session),
        extensions=[
            _extension(fact, 0.5, "Extend by 50 %"),
            _extension(fact, 1.0, "Double it"),
        ],
        fields=meters.fields({}, session.limits),
    )


def _extension(fact: events.BudgetReached, share: float, label: str) -> Extension:
    # What the next calls need is counted as used, or the session would ask again at once.
    used = fact.used + 2 * fact.forecast
    limit = budget.extended(fact.dimension, used, fact.limit, share)
    figure = amount(fact.dimension, limit)
    unit = " min" if fact.dimension == "active_seconds" else ""
    return Extension(f"{fact.dimension}={limit:.12g}", f"{label}, to {figure}{unit}")


def _loop(session: Session, fact: events.LoopDetected, may: May) -> Question:
    return Question(
        "loop",
        loops.title(fact),
        may,
        "A note to the agent did not help. Nothing runs until somebody answers.",
        calls=loops.calls(fact),
        words=str(fact.evidence.get("text", "")),
        blocked=_has_block(session),
        wraps_up_at=session.resume_at,
    )


def _has_block(session: Session) -> bool:
    """Whether the guard keeps calls from running."""
    log = Event.objects.filter(session=session, kind__in=("loop_detected", "resumed"))
    for stored in log.order_by("-seq")[:20]:
        fact = queries.record(stored, str(session.uuid)).fact
        if isinstance(fact, events.Resumed) and fact.answer == "lift_block":
            return False
        if isinstance(fact, events.LoopDetected) and fact.rung == "block":
            return True
    return False
