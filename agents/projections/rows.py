"""The rows beside the session's: approvals, grants, outcomes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TypeAlias, assert_never

from django.db.models import F

from agents.core import canonical, events, titles
from agents.core.events import Record
from agents.models import Approval, Grant, Outcome, Session

GrantFact: TypeAlias = events.GrantGiven | events.GrantRevoked | events.ToolCall


def close(row: Session, at: datetime) -> None:
    """Nobody is asked about a session that is over."""
    pending = Approval.objects.filter(session=row, state=Approval.State.PENDING)
    pending.update(state=Approval.State.CANCELLED, decided_at=at)


def approval_row(row: Session, fact: events.ApprovalRequested, record: Record) -> Approval:
    arguments = canonical.sorted_text(fact.arguments)
    return Approval(
        uuid=fact.approval_id,
        session=row,
        step=record.step,
        seq=record.seq,
        call_id=fact.call_id,
        tool=fact.tool,
        title=fact.title[: titles.LONGEST],
        risk=fact.risk,
        rule=fact.rule[:300],
        reason=canonical.clean_text(fact.reason),
        arguments=arguments,
        original=arguments,
        digest=fact.digest,
        definition=fact.definition,
        generation=fact.generation,
        required=fact.required,
        requested_at=record.at,
        decide_by=datetime.fromisoformat(fact.decide_by),
    )


def count_vote(fact: events.VoteCast | events.VoteWithdrawn) -> None:
    """The ballots are the truth; the count is for pages and for the guard's arithmetic."""
    for approval in Approval.objects.filter(uuid=fact.approval_id):
        if isinstance(fact, events.VoteCast) and fact.arguments is not None:
            approval.arguments = canonical.sorted_text(fact.arguments)
            approval.digest = fact.digest
        approval.votes = approval.counting.count()
        approval.save(update_fields=["votes", "arguments", "digest"])


def decide(fact: events.ApprovalDecided, record: Record, row: Session) -> None:
    approval = Approval.objects.get(uuid=fact.approval_id)
    approval.state = fact.decision
    approval.decided_at = record.at
    approval.decided_by_id = human(record.actor)
    approval.decision_reason = fact.reason
    approval.held_until = datetime.fromisoformat(fact.held_until) if fact.held_until else None
    if fact.arguments is not None:
        approval.arguments = canonical.sorted_text(fact.arguments)
        approval.digest = fact.digest
    approval.votes = approval.counting.count()
    approval.save()
    # Counted, because what was approved and then revoked is decided twice.
    pending = Approval.objects.filter(session=row, state=Approval.State.PENDING)
    row.open_approvals = pending.count()


def enter_grant(fact: GrantFact, record: Record, row: Session) -> None:
    match fact:
        case events.GrantGiven():
            Grant.objects.create(
                uuid=fact.grant_id,
                session=row,
                tool=fact.tool,
                risk=fact.risk,
                arguments=canonical.sorted_text(fact.arguments) if fact.arguments else "",
                until=datetime.fromisoformat(fact.until) if fact.until else None,
                reason=fact.reason,
                given_at=record.at,
                given_by_id=human(record.actor),
            )
        case events.GrantRevoked():
            Grant.objects.filter(uuid=fact.grant_id).update(
                revoked_at=record.at, revoked_by_id=human(record.actor)
            )
        case events.ToolCall():
            Grant.objects.filter(uuid=fact.grant).update(uses=F("uses") + 1, used_at=record.at)
        case _:
            assert_never(fact)


def outcome_row(row: Session, fact: events.OutcomeUnknown, record: Record) -> Outcome:
    return Outcome(
        uuid=fact.outcome_id,
        session=row,
        step=record.step,
        call_id=fact.call_id,
        tool=fact.tool,
        title=fact.title[: titles.LONGEST],
        arguments=json.dumps(fact.arguments, ensure_ascii=False),
        idempotency_key=fact.idempotency_key,
        started_at=datetime.fromisoformat(fact.started_at),
        evidence=canonical.clean_text(fact.evidence),
    )


def settle(fact: events.OutcomeSettled, record: Record) -> None:
    Outcome.objects.filter(uuid=fact.outcome_id).update(
        state=fact.decision,
        settled_at=record.at,
        settled_by_id=human(record.actor),
        result=fact.result,
        reason=fact.reason,
    )


def human(actor: str) -> int | None:
    """The user's id in an actor, None if no person acted."""
    kind, _, name = actor.partition(":")
    return int(name) if kind == "human" and name.isdigit() else None
