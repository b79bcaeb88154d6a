"""Deciding an approval: approve, edit, deny, answer, withdraw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import F
from django.db.models.functions import Now

from agents import roles
from agents.core import canonical, events
from agents.core.risk import Risk
from agents.inbox.access import actor, approval_for, cleaned, current, name, write
from agents.inbox.edits import bound_digest, edited_arguments, replace_arguments
from agents.inbox.refusals import Conflict, Invalid, NotAllowed
from agents.journal import Entry, entry
from agents.models import Approval, Session, Vote

State = Approval.State
NOBODY = "nobody decided in time"


def approve(
    user: User,
    approval_id: UUID,
    digest: str,
    reason: str = "",
    arguments: Mapping[str, Any] | None = None,
    hold: float = 0,
) -> Approval:
    """Cast a vote for the call as shown; the last vote needed approves it.

    With ``arguments`` the call is edited: validated, judged again, and earlier votes are void.
    For ``hold`` seconds the decision can be undone; a HIGH call takes effect at once.
    """
    approval = approval_for(user, approval_id)
    edited = edited_arguments(approval, arguments) if arguments is not None else None
    vote = Approve(cleaned(reason), edited, hold)
    write(approval.session_id, deciding(user, approval_id, digest, vote))
    return current(approval.uuid)


def deny(user: User, approval_id: UUID, digest: str, reason: str = "", hold: float = 0) -> Approval:
    """One denial is enough. For ``hold`` seconds it can be undone."""
    return _decide(user, approval_id, digest, _Close("denied", cleaned(reason), hold))


def answer(user: User, approval_id: UUID, digest: str, text: str, hold: float = 0) -> Approval:
    """Give the model this text as the result; the tool does not run."""
    if not text.strip():
        raise Invalid("An answer needs a text.")
    return _decide(user, approval_id, digest, _Close("answered", cleaned(text), hold))


def withdraw(user: User, approval_id: UUID) -> Approval:
    """Take back a vote while the call still waits, or revoke an approval that has not run."""
    approval = approval_for(user, approval_id)

    def guard(row: Session) -> list[Entry]:
        held = current(approval_id)
        cast = held.ballots.filter(user=user, decision="approve").first()
        if cast is None:
            raise Conflict("You have not approved this call.", held)
        if held.state == State.APPROVED:
            return [decided(held, "revoked", user, "")]
        if held.state != State.PENDING:
            raise Conflict(outcome_sentence(held), held)
        cast.delete()
        fact = events.VoteWithdrawn(str(held.uuid), held.call_id, name(user))
        return [entry(fact, actor(user), held.step)]

    write(approval.session_id, guard)
    return current(approval.uuid)


def undo(user: User, approval_id: UUID) -> Approval:
    """Take one's own decision back before it takes effect: the call waits again, as it was."""
    approval = approval_for(user, approval_id)

    def guard(row: Session) -> list[Entry]:
        held = Approval.objects.filter(uuid=approval_id, held_until__gt=Now(), decided_by=user)
        late = row.stopping or not held.filter(state__in=_UNDOABLE).exists() or _is_over(approval)
        if late:
            raise Conflict("It is too late to undo this.", current(approval_id))
        approval.arguments = approval.original
        approval.digest = bound_digest(approval)
        # Whoever approved the edited arguments has not approved these.
        approval.ballots.exclude(digest=approval.digest).delete()
        approval.ballots.filter(user=user).delete()
        held.update(
            state=State.PENDING,
            held_until=None,
            decided_at=None,
            decided_by=None,
            arguments=approval.original,
            digest=approval.digest,
        )
        fact = events.VoteWithdrawn(
            str(approval.uuid), approval.call_id, name(user), "undone", reopened=True
        )
        return [entry(fact, actor(user), approval.step)]

    write(approval.session_id, guard)
    return current(approval.uuid)


_UNDOABLE = (State.APPROVED, State.DENIED, State.ANSWERED)


def _is_over(approval: Approval) -> bool:
    """Whether the model's result is on record already: the worker's clock ran ahead of ours."""
    results = approval.session.events.filter(kind=events.ToolResult.kind, step=approval.step)
    texts = results.filter(seq__gt=approval.seq).values_list("text", flat=True)
    return any(events.parse_text(text)["call_id"] == approval.call_id for text in texts)


def _decide(user: User, approval_id: UUID, digest: str, close: _Close) -> Approval:
    approval = approval_for(user, approval_id)
    write(approval.session_id, deciding(user, approval_id, digest, close))
    return current(approval.uuid)


class _Close:
    def __init__(self, decision: str, reason: str, hold: float) -> None:
        self.decision, self.reason, self.hold = decision, reason, hold

    def __call__(self, approval: Approval, user: User) -> list[Entry]:
        vote = "deny" if self.decision == "denied" else "answer"
        _vote(approval, user, vote, self.reason)
        return [decided(approval, self.decision, user, self.reason, hold=self.hold)]


class Approve:
    """A vote for a call, as part of a guard."""

    def __init__(
        self, reason: str, arguments: Mapping[str, Any] | None = None, hold: float = 0
    ) -> None:
        self.reason, self.arguments, self.hold = reason, arguments, hold

    def __call__(self, approval: Approval, user: User) -> list[Entry]:
        if self.arguments is not None:
            replace_arguments(approval, self.arguments)
            # The edited call may need more people than the one that was asked about.
            if why_not := roles.may_decide(user, approval):
                raise NotAllowed(why_not)
        _vote(approval, user, "approve", self.reason)
        votes = approval.counting.count()
        shown = self._edits(approval)
        if votes >= approval.required:
            hold = 0 if Risk.of(approval.risk) >= Risk.HIGH else self.hold
            approved = decided(approval, "approved", user, self.reason, arguments=shown, hold=hold)
            return [approved]
        fact = events.VoteCast(
            approval_id=str(approval.uuid),
            call_id=approval.call_id,
            by=name(user),
            decision="approve",
            reason=self.reason,
            digest=approval.digest,
            votes=votes,
            required=approval.required,
            arguments=shown,
        )
        return [entry(fact, actor(user), approval.step)]

    @staticmethod
    def _edits(approval: Approval) -> dict[str, Any] | None:
        if approval.arguments == approval.original:
            return None
        return canonical.parse_object(approval.arguments)


def deciding(
    user: User,
    approval_id: UUID,
    digest: str,
    act: Callable[[Approval, User], list[Entry]],
) -> Callable[[Session], list[Entry]]:
    """The guard of a decision: one conditional statement says whether it still counts."""

    def guard(row: Session) -> list[Entry]:
        still_open = Approval.objects.filter(
            uuid=approval_id, state=State.PENDING, digest=digest, decide_by__gt=Now()
        )
        # The row's lock makes this the only writer; the statement proves that nothing moved.
        if still_open.update(votes=F("votes")) != 1 or row.stopping or row.ended:
            raise Conflict(_why_not(approval_id, digest), current(approval_id))
        held = current(approval_id)
        if why_not := roles.may_decide(user, held):
            raise NotAllowed(why_not, held)
        return act(held, user)

    return guard


def _why_not(approval_id: UUID, digest: str) -> str:
    approval = current(approval_id)
    if approval.state != State.PENDING:
        return outcome_sentence(approval)
    if approval.decide_by <= datetime.now(UTC):
        return f"It expired {_since(approval.decide_by)} before you decided. Nothing ran."
    if approval.digest != digest:
        return "It was changed since you looked. Look again before you decide."
    return "The session is being stopped. Nothing ran."


def outcome_sentence(approval: Approval) -> str:
    who = name(approval.decided_by) if approval.decided_by else "the runtime"
    words = {
        State.APPROVED: f"Already approved by {who}.",
        State.CONSUMED: f"Already approved by {who}; the call has run.",
        State.DENIED: f"Already denied by {who}. Nothing ran.",
        State.ANSWERED: f"Already answered by {who}. Nothing ran.",
        State.EXPIRED: f"It expired: {approval.decision_reason or NOBODY}. Nothing ran.",
        State.CANCELLED: "The session was stopped. Nothing ran.",
        State.REVOKED: f"The approval was revoked by {who}. Nothing ran.",
        State.INVALIDATED: "The call was invalidated. Nothing ran.",
    }
    return words.get(State(approval.state), "It was already decided.")


def _since(at: datetime) -> str:
    seconds = max(0, round((datetime.now(UTC) - at).total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _vote(approval: Approval, user: User, decision: str, reason: str) -> None:
    Vote.objects.create(
        approval=approval, user=user, decision=decision, digest=approval.digest, reason=reason
    )


def decided(
    approval: Approval,
    decision: str,
    user: User | None,
    reason: str,
    *,
    arguments: Mapping[str, Any] | None = None,
    policy: str = "",
    hold: float = 0,
) -> Entry:
    now = datetime.now(UTC)
    waited = now - approval.requested_at
    fact = events.ApprovalDecided(
        approval_id=str(approval.uuid),
        call_id=approval.call_id,
        decision=decision,
        by=name(user) if user else policy,
        reason=reason,
        digest=approval.digest,
        arguments=arguments,
        waited_ms=max(0, round(waited.total_seconds() * 1000)),
        held_until=events.timestamp(now + timedelta(seconds=hold)) if hold > 0 else None,
    )
    return entry(fact, actor(user) if user else f"policy:{policy}", approval.step)
