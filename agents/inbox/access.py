"""What a person can reach, and how what they write gets into the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from uuid import UUID

from django.contrib.auth.models import User

from agents import roles
from agents.core import canonical
from agents.core.events import Record
from agents.inbox.refusals import Invalid, Missing, NotAllowed, Refused
from agents.journal import Append, Entry, journal
from agents.models import Approval, Session

MAX_TEXT = 20_000  # characters a person may send to the model at once


def write(session: int, guard: Callable[[Session], Iterable[Entry]]) -> None:
    journal.append(Append(session, guard=guard))


def write_all(appends: Iterable[Append]) -> int:
    """Append together; how many wrote anything. One that is refused does not hold the others up."""
    futures = [journal.submit(append) for append in appends]
    return sum(_landed(future) for future in futures)


def _landed(future: Future[list[Record]]) -> bool:
    try:
        return bool(future.result())
    except Refused:
        return False


def approval_for(user: User, approval_id: UUID) -> Approval:
    approval = roles.visible_approvals(user).filter(uuid=approval_id).first()
    if approval is None:
        raise Missing("There is no such approval.")
    if not roles.can(user, "decide", approval.session):
        raise NotAllowed("Only approvers can decide.", approval)
    return approval


def session_for(user: User, verb: roles.Verb, session_id: UUID) -> Session:
    session = roles.visible_sessions(user).filter(uuid=session_id).first()
    if session is None:
        raise Missing("There is no such session.")
    if not roles.can(user, verb, session):
        raise NotAllowed("Only operators can do this.")
    return session


def current(approval_id: UUID) -> Approval:
    return Approval.objects.select_related("session", "decided_by").get(uuid=approval_id)


def cleaned(text: str) -> str:
    """What a person wrote, fit for both databases. Raises ``Invalid`` if it is too long."""
    if len(text) > MAX_TEXT:
        raise Invalid(f"At most {MAX_TEXT} characters, please.")
    return canonical.clean_text(text)


def name(user: User) -> str:
    return user.get_full_name() or user.get_username()


def actor(user: User) -> str:
    return f"human:{user.pk}"
