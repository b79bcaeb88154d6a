"""What a batch writes beside its events and session rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from agents import alerts
from agents.core import events
from agents.core.events import Record
from agents.models import Approval, Outcome, Session
from agents.projections.rows import GrantFact, close, count_vote, decide, enter_grant, settle
from agents.spending import Spending
from agents.usage import Uses


@dataclass(slots=True)
class Writes:
    """What a batch writes beside its events and session rows."""

    approvals: list[Approval] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    raised: list[events.ApprovalRaised] = field(default_factory=list)
    decided: list[tuple[events.ApprovalDecided, Record, Session]] = field(default_factory=list)
    votes: list[events.VoteCast | events.VoteWithdrawn] = field(default_factory=list)
    settled: list[tuple[events.OutcomeSettled, Record]] = field(default_factory=list)
    grants: list[tuple[GrantFact, Record, Session]] = field(default_factory=list)
    ended: list[tuple[Session, datetime]] = field(default_factory=list)  # with approvals open
    uses: Uses = field(default_factory=Uses)
    watched: list[tuple[Session, Record]] = field(default_factory=list)  # may become alerts
    spending: Spending = field(default_factory=Spending)
    inbox: bool = False  # whether anything was saved that waits for people

    def note(self, row: Session, record: Record) -> None:
        """What any fact may be part of: figures of use, and what alerts watch for."""
        self.uses.note(row, record)
        if type(record.fact) in alerts.WATCHED:
            self.watched.append((row, record))

    def save(self) -> None:
        """Write what was collected, and begin anew."""
        self.uses.save()
        Approval.objects.bulk_create(self.approvals)
        Outcome.objects.bulk_create(self.outcomes)
        for vote in self.votes:
            count_vote(vote)
        for raised in self.raised:
            Approval.objects.filter(uuid=raised.approval_id).update(required=raised.required)
        for decision, record, row in self.decided:
            decide(decision, record, row)
        for settled, record in self.settled:
            settle(settled, record)
        for fact, record, row in self.grants:
            enter_grant(fact, record, row)
        for row, at in self.ended:
            close(row, at)
        collected = (
            self.approvals,
            self.outcomes,
            self.votes,
            self.raised,
            self.decided,
            self.settled,
            self.grants,
            self.ended,
        )
        self.inbox = self.inbox or any(collected)
        if self.watched:
            alerts.note(self.watched)
            self.watched.clear()
        for rows in collected:
            rows.clear()
