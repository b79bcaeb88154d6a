"""What people answer to a session that asks about its budget or about a loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from agents import roles
from agents.core import budget, events, wording
from agents.inbox.access import cleaned, name
from agents.inbox.pricing import must_be_priced
from agents.inbox.refusals import Conflict, Invalid, NotAllowed
from agents.inbox.steering import steering
from agents.models import AgentDefinition, Session


def change_limits(
    user: User, session_id: UUID, limits: Mapping[str, Any], reason: str = ""
) -> Session:
    """Extend or lower budgets of a session that has not ended.

    Operators and approvers may; beyond the ceilings of the session's agent only admins.
    """
    if problems := budget.validate(limits):
        raise Invalid(" ".join(problems))
    reason = cleaned(reason).strip()

    def facts(row: Session) -> list[events.Fact]:
        new = {key: value for key, value in limits.items() if row.limits.get(key) != value}
        if not new:
            raise Invalid("No limit has changed.")
        must_be_priced(row.model, new)
        must_be_below_ceilings(user, row.agent, new)
        before = {key: row.limits[key] for key in new if key in row.limits}
        return [events.LimitsChanged(name(user), new, before, reason)]

    return steering(user, session_id, facts, "extend")


def wrap_up(user: User, session_id: UUID, reason: str = "") -> Session:
    """Let a session that asks say in one last turn where it stands."""
    reason = cleaned(reason).strip()

    def facts(row: Session) -> list[events.Fact]:
        _asks(row, "budget", "loop")
        return [events.Resumed(name(user), reason, answer="wrap_up")]

    return steering(user, session_id, facts, "extend")


def lift_block(user: User, session_id: UUID, reason: str = "") -> Session:
    """Let the agent make the calls again that the loop guard keeps from running."""
    reason = cleaned(reason).strip()

    def facts(row: Session) -> list[events.Fact]:
        _asks(row, "loop")
        return [events.Resumed(name(user), reason, answer="lift_block")]

    return steering(user, session_id, facts)


def must_be_below_ceilings(user: User | None, agent: str, limits: Mapping[str, Any]) -> None:
    """Raise ``NotAllowed`` for a limit that only an admin may set."""
    row = AgentDefinition.objects.filter(name=agent).only("ceilings").first()
    ceilings: Mapping[str, float] = row.ceilings if row else {}
    above = [one for one in limits if one in ceilings and limits[one] > ceilings[one]]
    if user is None or not above or roles.can(user, "administer"):
        return
    what, most = wording.budget_name(above[0]), wording.amount(above[0], ceilings[above[0]])
    raise NotAllowed(f"Only administrators may set a {what} budget above {most}.")


def _asks(row: Session, *kinds: str) -> None:
    if row.status != Session.Status.WAITING_INPUT or row.question not in kinds:
        raise Conflict("The session does not ask any more.")
