"""Approvals: what waits for people, and their decisions."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from agents import inbox, roles
from agents.models import Approval
from oversight.api import shapes
from oversight.api.auth import caller
from oversight.api.shapes import REFUSALS, ApprovalOut

router = Router(tags=["approvals"])


@router.get("approvals", response={200: list[ApprovalOut], **REFUSALS})
def list_approvals(
    request: HttpRequest,
    status: shapes.ApprovalState | None = None,
    session: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[ApprovalOut]:
    """The oldest first."""
    wanted = {"state": status, "session__uuid": session}
    rows = _visible(caller(request)).filter(**{k: v for k, v in wanted.items() if v is not None})
    return [shapes.approval(row) for row in rows[:limit]]


@router.get("approvals/{uuid:approval_id}", response={200: ApprovalOut, **REFUSALS})
def get_approval(request: HttpRequest, approval_id: UUID) -> ApprovalOut:
    row = _visible(caller(request)).filter(uuid=approval_id).first()
    if row is None:
        raise inbox.Missing("There is no such approval.")
    return shapes.approval(row)


@router.post("approvals/{uuid:approval_id}/decision", response={200: ApprovalOut, **REFUSALS})
def decide(request: HttpRequest, approval_id: UUID, body: shapes.Decision) -> ApprovalOut:
    """Approve or deny the call with this digest. 409 says who was first, or what changed."""
    user = caller(request)
    if body.decision == "approve":
        row = inbox.approve(user, approval_id, body.digest, body.reason, body.arguments)
    elif body.arguments is not None:
        raise inbox.Invalid("arguments: only an approval may edit them.")
    else:
        row = inbox.deny(user, approval_id, body.digest, body.reason)
    return shapes.approval(row)


def _visible(user: User) -> QuerySet[Approval]:
    if not roles.can(user, "view"):
        raise inbox.NotAllowed("You have no role here; ask an administrator for one.")
    rows = roles.visible_approvals(user).select_related("session", "decided_by")
    return rows.prefetch_related("ballots__user").order_by("requested_at", "id")
