"""What people answer to a session that asks about its budget or about a loop."""

from __future__ import annotations

from uuid import UUID

from agents import inbox
from oversight import meters
from oversight.views.access import PageRequest
from oversight.views.steering import limits_sheet, steering


def _limits(request: PageRequest, uuid: UUID) -> str:
    form = request.POST
    wanted = meters.pressed(form["to"]) if form.get("to") else meters.written(form.dict())
    if not wanted:
        raise ValueError("Say at least one limit.")
    inbox.change_limits(request.user, uuid, wanted, form.get("reason", ""))
    return "Limits changed."


limits = steering(_limits, again=limits_sheet)


@steering
def wrap_up(request: PageRequest, uuid: UUID) -> str:
    inbox.wrap_up(request.user, uuid, request.POST.get("reason", ""))
    return "It gives its last answer and ends."


@steering
def lift_block(request: PageRequest, uuid: UUID) -> str:
    inbox.lift_block(request.user, uuid, request.POST.get("reason", ""))
    return "The block is lifted."
