"""Settling a call that may have happened."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User

from agents import roles
from agents.core import events
from agents.inbox.access import actor, cleaned, name, write
from agents.inbox.refusals import Conflict, Invalid, Missing, NotAllowed
from agents.journal import Entry, entry
from agents.models import Outcome, Session


def settle(
    user: User, outcome_id: UUID, decision: str, result: str = "", reason: str = ""
) -> Outcome:
    """Say what became of a call: happened, not_happened (asks again under a new key), abandoned."""
    if decision not in ("happened", "not_happened", "abandoned"):
        raise Invalid("The decision must be happened, not_happened or abandoned.")
    result, reason = cleaned(result), cleaned(reason)
    outcome = roles.visible_outcomes(user).filter(uuid=outcome_id).first()
    if outcome is None:
        raise Missing("There is no such outcome.")
    if not roles.can(user, "settle", outcome):
        raise NotAllowed("Only adjudicators can settle an outcome.")

    def guard(row: Session) -> list[Entry]:
        claimed = Outcome.objects.filter(uuid=outcome_id, state=Outcome.State.OPEN)
        if claimed.update(state=decision) != 1:
            raise Conflict("It was already settled.")
        fact = events.OutcomeSettled(
            str(outcome_id), outcome.call_id, decision, name(user), result, reason
        )
        return [entry(fact, actor(user), outcome.step)]

    write(outcome.session_id, guard)
    outcome.refresh_from_db()
    return outcome
