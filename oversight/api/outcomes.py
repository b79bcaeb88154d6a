"""Outcomes: calls that may have happened, and what people found out about them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from agents import inbox, roles
from oversight.api import shapes
from oversight.api.auth import caller
from oversight.api.shapes import REFUSALS, OutcomeOut

router = Router(tags=["outcomes"])


@router.get("outcomes", response={200: list[OutcomeOut], **REFUSALS})
def list_outcomes(
    request: HttpRequest,
    status: shapes.OutcomeState | None = None,
    session: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[OutcomeOut]:
    """The oldest first."""
    user = caller(request)
    if not roles.can(user, "view"):
        raise inbox.NotAllowed("You have no role here; ask an administrator for one.")
    wanted = {"state": status, "session__uuid": session}
    rows = roles.visible_outcomes(user).select_related("settled_by")
    rows = rows.filter(**{key: value for key, value in wanted.items() if value is not None})
    return [shapes.outcome(row) for row in rows[:limit]]


@router.post("outcomes/{uuid:outcome_id}/settle", response={200: OutcomeOut, **REFUSALS})
def settle(request: HttpRequest, outcome_id: UUID, body: shapes.Settlement) -> OutcomeOut:
    """``not_happened`` puts the call before people again, under a new key."""
    row = inbox.settle(
        caller(request), outcome_id, body.decision, result=body.result, reason=body.reason
    )
    return shapes.outcome(row)
