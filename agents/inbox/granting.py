"""Grants: leave for calls to come, given with an approval, listed, revoked."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from agents import roles
from agents.core import canonical, events
from agents.core.grants import covers
from agents.core.risk import Risk
from agents.inbox.access import actor, approval_for, cleaned, current, name, write
from agents.inbox.decisions import Approve, deciding
from agents.inbox.refusals import Conflict, Invalid, Missing, NotAllowed
from agents.journal import Append, ClaimRefused, Entry, entry
from agents.models import Approval, Grant, Session


@dataclass(frozen=True, slots=True)
class Scope:
    """What a grant covers: one tool, or one tool with one call's arguments; until when."""

    these_arguments: bool = True
    seconds: float | None = None  # None: to the session's end


def grant(user: User, approval_id: UUID, digest: str, scope: Scope, reason: str = "") -> Approval:
    """Approve the call, and let the calls of the session that are like it run unasked: those
    that wait already and those to come. Never for HIGH, nor where two people are needed."""
    approval = approval_for(user, approval_id)
    act = _Grant(scope, cleaned(reason))
    write(approval.session_id, deciding(user, approval_id, digest, act))
    return current(approval.uuid)


def not_grantable(approval: Approval) -> str:
    """Why there can be no grant for calls like this one; empty if there can."""
    if Risk.of(approval.risk) >= Risk.HIGH:
        return "HIGH calls are always asked about: they cannot be granted."
    if approval.required > 1:
        return "A call that needs two people cannot be granted."
    return ""


def covered(approval: Approval, scope: Scope) -> list[Approval]:
    """The calls that wait in the same session and that the grant would let run now."""
    fact = _fact(approval, None, scope, "")
    waiting = {"state": Approval.State.PENDING, "decide_by__gt": Now()}
    others = Approval.objects.filter(session=approval.session, **waiting)
    return [other for other in others.exclude(pk=approval.pk) if _covers(fact, other)]


def revoke(user: User, grant_id: UUID, reason: str = "") -> Grant:
    """From now on such calls ask again, those that have not begun included."""
    found = Grant.objects.filter(uuid=grant_id, session__in=roles.visible_sessions(user)).first()
    if found is None:
        raise Missing("There is no such grant.")
    if not (roles.can(user, "decide", found.session) or roles.can(user, "steer", found.session)):
        raise NotAllowed("Only approvers and operators can revoke a grant.")
    fact = events.GrantRevoked(str(found.uuid), name(user), found.tool, cleaned(reason))

    def guard(row: Session) -> list[Entry]:
        if row.ended or Grant.objects.filter(uuid=grant_id, revoked_at__isnull=False).exists():
            raise Conflict("This grant is over already.")
        return [entry(fact, actor(user))]

    write(found.session_id, guard)
    found.refresh_from_db()
    return found


def in_force(session: Session) -> list[Grant]:
    """The session's grants that still let calls run."""
    if session.ended:
        return []
    now = timezone.now()
    return [
        one
        for one in session.grants.filter(revoked_at=None).select_related("given_by")
        if one.until is None or one.until > now
    ]


class GrantOver(ClaimRefused):
    """The grant under which a call was to run lets nothing run any more."""

    def __init__(self, grant: Grant, why: str) -> None:
        super().__init__(f"the grant is over: {why}")
        self.grant, self.why = grant, why


def use(grant_id: str, risk: str) -> Callable[[Session], list[Entry]]:
    """The guard of a claim under a grant: in time, not revoked, and whoever gave it could still
    approve such a call."""

    def guard(row: Session) -> list[Entry]:
        given = Grant.objects.select_related("given_by").get(uuid=grant_id, session=row)
        if why := _why_over(given, row, risk):
            raise GrantOver(given, why)
        return []

    return guard


def end(over: GrantOver, term: int) -> Append:
    """Take a grant back that lets nothing run any more: its calls ask again."""
    given = over.grant

    def guard(row: Session) -> list[Entry]:
        if Grant.objects.filter(pk=given.pk, revoked_at__isnull=False).exists():
            raise ClaimRefused("the grant was revoked meanwhile")
        fact = events.GrantRevoked(str(given.uuid), "the runtime", given.tool, over.why)
        return [entry(fact, "policy:rights")]

    return Append(given.session_id, term=term, guard=guard)


def _why_over(given: Grant, row: Session, risk: str) -> str:
    if Grant.objects.filter(Q(until__lte=Now()) | Q(revoked_at__isnull=False), pk=given.pk):
        return "its time is over"
    call = Approval(session=row, tool=given.tool, risk=risk, required=1)
    if roles.may_decide(given.given_by, call):
        return "whoever gave it may no longer decide such calls"
    return ""


class _Grant:
    def __init__(self, scope: Scope, reason: str) -> None:
        self.scope, self.reason = scope, reason

    def __call__(self, approval: Approval, user: User) -> list[Entry]:
        if why_not := not_grantable(approval):
            raise Invalid(why_not)
        given = _fact(approval, user, self.scope, self.reason)
        entries = [entry(given, actor(user), approval.step)]
        for one in [approval, *covered(approval, self.scope)]:
            if one.pk == approval.pk or roles.may_decide(user, one) is None:
                entries += Approve(self.reason)(one, user)
        return entries


def _fact(approval: Approval, user: User | None, scope: Scope, reason: str) -> events.GrantGiven:
    until = datetime.now(UTC) + timedelta(seconds=scope.seconds) if scope.seconds else None
    arguments = canonical.parse_object(approval.arguments) if scope.these_arguments else None
    return events.GrantGiven(
        grant_id=str(uuid.uuid4()),
        by=name(user) if user else "",
        tool=approval.tool,
        risk=approval.risk,
        arguments=arguments,
        until=events.timestamp(until) if until else None,
        reason=reason,
    )


def _covers(fact: events.GrantGiven, approval: Approval) -> bool:
    arguments = canonical.parse_object(approval.arguments)
    risk = Risk.of(approval.risk)
    fits = covers(fact, approval.tool, arguments, risk, datetime.now(UTC))
    return fits and not not_grantable(approval)
