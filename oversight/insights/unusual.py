"""Anomalies as pages tell them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from agents.insights.sentences import Sentence, sentence
from agents.models import Anomaly, Session

_OF_SESSION = 6


@dataclass(frozen=True, slots=True)
class Unusual:
    anomaly: Anomaly
    said: Sentence


def told(rows: QuerySet[Anomaly]) -> list[Unusual]:
    return [Unusual(one, sentence(one)) for one in rows]


def of_session(session: Session) -> list[Unusual]:
    """What stood out in a session the most, in its order."""
    rows = Anomaly.objects.filter(session=session).order_by("level", "seq")
    return told(rows[:_OF_SESSION])
