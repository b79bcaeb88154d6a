"""Steering a session: message, pause, resume, stop, stop everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from django.contrib.auth.models import User

from agents import roles
from agents.core import events
from agents.inbox.access import actor, cleaned, name, session_for, write, write_all
from agents.inbox.decisions import decided
from agents.inbox.pricing import must_be_priced
from agents.inbox.refusals import Conflict, Invalid, NotAllowed
from agents.journal import Append, Entry, entry
from agents.models import Approval, Session

State = Approval.State
LONGEST_MODEL = 100  # characters, of a model's name


def steer(
    user: User, session_id: UUID, text: str, *, replaces: bool = False, withholds: bool = False
) -> Session:
    """Tell the model something; it reads it before its next step.

    Where it refused or could not answer: ``replaces`` what it was told last, ``withholds`` what
    the tools returned last.
    """
    text = cleaned(text).strip()
    if not text:
        raise Invalid("A message needs a text.")
    fact = events.Message(name(user), text, replaces=replaces, withholds=withholds)
    return steering(user, session_id, lambda row: [fact])


def pause(user: User, session_id: UUID, reason: str = "") -> Session:
    """Take effect before the next step; what runs is finished and recorded."""

    reason = cleaned(reason)

    def facts(row: Session) -> list[events.Fact]:
        return [] if row.pausing else [events.Paused(name(user), reason)]

    return steering(user, session_id, facts)


def resume(user: User, session_id: UUID, model: str = "", reason: str = "") -> Session:
    """Go on after a pause, a question about the budget, or before a retry is due; with another
    ``model`` in a new epoch, if one is named."""
    model, reason = cleaned(model).strip(), cleaned(reason)
    if len(model) > LONGEST_MODEL:
        raise Invalid("That is no model's name.")

    def facts(row: Session) -> list[events.Fact]:
        if model:
            must_be_priced(model, row.limits)
        waits = row.pausing or row.resume_at or row.status == Session.Status.WAITING_INPUT
        return [events.Resumed(name(user), reason, model=model)] if waits else []

    return steering(user, session_id, facts)


def stop(user: User, session_id: UUID, kill: bool = False, reason: str = "") -> Session:
    """Stop: no later claim succeeds, what has started is recorded. Kill: take the lease away at
    once; what was in flight goes to outcome review."""
    session = session_for(user, "steer", session_id)
    reason = cleaned(reason)
    write(session.pk, lambda row: _stopping(row, user, kill, reason))
    session.refresh_from_db()
    return session


def stop_all(user: User, reason: str = "") -> int:
    """Stop every session that this person may steer; how many that were."""
    if not roles.can(user, "steer"):
        raise NotAllowed("Only operators can stop sessions.")
    live = roles.visible_sessions(user).exclude(status__in=Session.ENDED).filter(stopping=False)
    mine = [session for session in live if roles.can(user, "steer", session)]
    reason = cleaned(reason) or "stop all"
    return write_all(
        Append(session.pk, guard=lambda row: _stopping(row, user, False, reason))
        for session in mine
    )


def _stopping(row: Session, user: User, kill: bool, reason: str) -> list[Entry]:
    if row.ended:
        raise Conflict(f"The session has already ended: {row.get_status_display()}.")
    if row.stopping and not (kill and not row.killing):
        return []
    if kill:
        row.term += 1
        row.lease_owner, row.lease_until = "", None
    pending = row.approvals.filter(state__in=[State.PENDING, State.APPROVED])
    cancelled = [decided(approval, "cancelled", user, reason) for approval in pending]
    fact = events.StopRequested(name(user), kill, reason)
    return [entry(fact, actor(user)), *cancelled]


def steering(
    user: User,
    session_id: UUID,
    facts: Callable[[Session], Iterable[events.Fact]],
    verb: roles.Verb = "steer",
) -> Session:
    """Append what ``facts`` makes of the locked row, unless the session is over."""
    session = session_for(user, verb, session_id)

    def guard(row: Session) -> list[Entry]:
        if row.ended or row.stopping:
            raise Conflict(f"The session has already ended: {row.get_status_display()}.")
        return [entry(fact, actor(user)) for fact in facts(row)]

    write(session.pk, guard)
    session.refresh_from_db()
    return session
