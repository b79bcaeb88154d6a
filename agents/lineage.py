"""Logs that begin in another session's log: a fork reads its prefix through, and copies nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q, QuerySet

from agents.models import Event, Session


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a log that stands in one session's own rows: ``after`` < seq <= ``upto``."""

    session: int
    uuid: UUID
    after: int
    upto: int | None  # None: to the end

    @property
    def rows(self) -> Q:
        found = Q(session_id=self.session)
        if self.after:
            found &= Q(seq__gt=self.after)
        return found if self.upto is None else found & Q(seq__lte=self.upto)


def stretches(session: int) -> list[Stretch]:
    """Where a session's log stands, newest stretch first."""
    found: list[Stretch] = []
    at: int | None = session
    upto: int | None = None
    while at is not None:
        row = Session.objects.values_list("uuid", "parent_id", "parent_seq").get(pk=at)
        uuid, parent, begins = row
        # A fork of a fork may have been made within what its parent itself read through.
        if upto is None or upto > begins:
            found.append(Stretch(at, uuid, begins, upto))
        at, upto = parent, begins if upto is None else min(upto, begins)
    return found


def log_of(session: Session | int) -> QuerySet[Event]:
    """A session's whole log, from its first event, in order."""
    if isinstance(session, Session) and session.parent_id is None:
        return Event.objects.filter(session=session).order_by("seq")
    return rows_of(stretches(session.pk if isinstance(session, Session) else session))


def rows_of(found: Iterable[Stretch]) -> QuerySet[Event]:
    condition = reduce(or_, (stretch.rows for stretch in found))
    return Event.objects.filter(condition).order_by("seq")


def shared(left: Session, right: Session) -> int:
    """How many events both logs have in common, because one was forked from the other."""
    if right.parent_id == left.pk:
        return right.parent_seq
    if left.parent_id == right.pk:
        return left.parent_seq
    alike = left.parent_id is not None and left.parent_id == right.parent_id
    return min(left.parent_seq, right.parent_seq) if alike else 0
