"""Whether a decision left time to read what was decided.

The clock starts when the call was asked for, or when the same person had decided the one before:
whoever works through a queue has had the time in between, and no more. Votes within a second of
each other came from one press, so their texts and their time count together. The estimate is kind:
fifty characters a second is about twice what a quick reader manages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db.models import Q
from django.db.models.functions import Length

from agents.core import spread
from agents.insights.figures import Figure, Key, Part, gathered
from agents.models import DayFigure, Vote

SPEED = 50  # characters a second
AT_ONCE = timedelta(seconds=1)
_BEFORE = timedelta(hours=12)  # how far back a person's last decision is looked for


class Ballot(NamedTuple):
    user: int
    at: datetime
    asked: datetime
    length: int  # characters that were shown
    agent: str
    group: int | None


@dataclass(slots=True)
class Press:
    """What one person decided at once."""

    ballots: list[Ballot]
    since: datetime  # from when on they could read it

    @property
    def seconds(self) -> float:
        return (self.ballots[0].at - self.since).total_seconds()

    @property
    def fast(self) -> bool:
        """Whether nobody could have read it all in that time."""
        return self.seconds * SPEED < sum(ballot.length for ballot in self.ballots)


def readings(day: date, begins: datetime, ends: datetime, scope: Q) -> Iterator[Figure]:
    """How often each person decided with and without time to read."""
    parts = (
        (_key(ballot, press), _part(press))
        for press in presses(_ballots(begins - _BEFORE, ends, scope))
        for ballot in press.ballots
        if ballot.at >= begins
    )
    yield from gathered(day, parts)


def presses(ballots: list[Ballot]) -> Iterator[Press]:
    """``ballots`` in the order of their time, put together by person and press."""
    last: dict[int, Press] = {}
    for ballot in ballots:
        before = last.get(ballot.user)
        if before and ballot.at - before.ballots[-1].at <= AT_ONCE:
            before.ballots.append(ballot)
            before.since = min(before.since, ballot.asked)
            continue
        if before:
            yield before
        free = before.ballots[-1].at if before else ballot.asked
        last[ballot.user] = Press([ballot], max(free, ballot.asked))
    yield from last.values()


def _key(ballot: Ballot, press: Press) -> Key:
    outcome = "fast" if press.fast else "read"
    subject = DayFigure.Subject.READING
    return Key(subject, ballot.agent, ballot.group, str(ballot.user), outcome=outcome)


def _part(press: Press) -> Part:
    ms = round(press.seconds * 1000 / len(press.ballots))
    return Part(1, ms, bucket=spread.bucket(ms))


def _ballots(begins: datetime, ends: datetime, scope: Q) -> list[Ballot]:
    rows = Vote.objects.filter(scope, at__gte=begins, at__lt=ends).order_by("at", "id")
    shown = Length("approval__arguments") + Length("approval__reason")
    fields = ("user_id", "at", "approval__requested_at", "shown")
    agent = ("approval__session__agent", "approval__session__group_id")
    found = rows.annotate(shown=shown).values_list(*fields, *agent)
    return [Ballot(*row) for row in found]
