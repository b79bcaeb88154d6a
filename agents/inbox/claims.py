"""The approval's side of a claim: consumed once, in time, by voters who still have the right."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models.functions import Now

from agents import roles
from agents.core import events
from agents.inbox.edits import bound_digest
from agents.journal import Append, ClaimRefused, Entry, entry
from agents.models import Approval, Session, Vote

State = Approval.State


def consume(started: events.ToolStarted) -> Callable[[Session], list[Entry]]:
    """The guard of a claim: approved -> consumed; digest, time and voters' rights checked again.

    An approval is good for as long as people had to give it: what they saw may be true no more.
    """

    def guard(row: Session) -> list[Entry]:
        held = Approval.objects.filter(
            uuid=started.approval_id or "", state=State.APPROVED, digest=started.digest
        )
        approval = held.select_related("session").first()
        if approval is None or bound_digest(approval) != started.digest:
            # The row's lock and the claim's own look leave no honest way to come here.
            raise Void("invalidated", "the approval is not what was decided")
        patience = approval.decide_by - approval.requested_at
        if held.filter(decided_at__lte=Now() - patience).exists():
            raise Void("expired", "it was approved, but not run in time")
        if len(_counting(approval)) < approval.required:
            raise RightsLost(approval)
        held.update(state=State.CONSUMED)
        return []

    return guard


class Void(ClaimRefused):
    """The approval lets nothing run any more; ``decision`` is what becomes of it."""

    def __init__(self, decision: str, why: str) -> None:
        super().__init__(why)
        self.decision = decision


class RightsLost(ClaimRefused):
    """Who approved may no longer approve: the call waits for people again."""

    def __init__(self, approval: Approval) -> None:
        super().__init__("a voter has lost the right to decide")
        self.approval = approval


def _counting(approval: Approval) -> list[Vote]:
    votes = approval.counting.select_related("user")
    return [vote for vote in votes if roles.rights(vote.user).has_voice(approval)]


def reopen(approval: Approval, term: int) -> Append:
    """Put an approval whose voters lost their rights back before people."""

    def guard(row: Session) -> list[Entry]:
        if not Approval.objects.filter(pk=approval.pk, state=State.APPROVED).exists():
            raise ClaimRefused("the approval was revoked meanwhile")
        counting = {vote.pk for vote in _counting(approval)}
        approval.ballots.exclude(pk__in=counting).delete()
        Approval.objects.filter(pk=approval.pk).update(
            state=State.PENDING, decided_at=None, decided_by=None
        )
        fact = events.VoteWithdrawn(
            str(approval.uuid), approval.call_id, "policy", "a voter lost the right", reopened=True
        )
        return [entry(fact, "policy:rights", approval.step)]

    return Append(approval.session_id, term=term, guard=guard)
