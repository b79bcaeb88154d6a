"""The sheets on which a decision about an approval is written, and what an edit would do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from agents import inbox as door
from agents import roles
from agents.models import Approval
from oversight import cases, edits, tiles, wording
from oversight.views.access import PageRequest, back, for_people, the_approval

SHEETS = {
    "approve": "Approve and run {}?",
    "deny": "Deny {}?",
    "edit": "Edit and approve {}",
    "answer": "Answer instead of {}",
    "grant": "Grant calls like {}",
}


@require_GET
@for_people
def confirm(request: PageRequest, uuid: UUID) -> HttpResponse:
    """The sheet on which a decision is written: approve, deny, edit or answer."""
    verb = request.GET.get("do", "")
    if verb not in SHEETS:
        raise Http404
    return sheet_page(request, the_approval(request, uuid), verb)


def sheet_page(
    request: PageRequest, approval: Approval, do: str, problem: str = "", status: int = 200
) -> HttpResponse:
    shown = cases.case(approval, request.user)
    context = {
        "case": shown,
        "do": do,
        "verb": "approve" if do == "edit" else do,
        "sheet": f"approvals/_sheet_{do}.html",
        "heading": SHEETS[do].format(f"“{shown.title}”"),
        "reason": request.POST.get("reason", request.GET.get("reason", "")),
        "back": back(request, f"/approvals/{approval.uuid}/"),
        "problem": problem,
    }
    context |= _own(request, approval, do) if shown.open else {}
    template = "approvals/_sheet.html" if request.htmx else "approvals/confirm.html"
    return render(request, template, context, status=status)


def _own(request: PageRequest, approval: Approval, do: str) -> dict[str, Any]:
    """What this sheet shows and the others do not."""
    match do:
        case "edit":
            return _editing(request, approval)
        case "deny":
            may_stop = roles.can(request.user, "steer", approval.session)
            return {"suggestions": cases.SUGGESTIONS, "may_stop": may_stop}
        case "grant":
            return {"covers": _covers(approval)}
    return {}


def _editing(request: PageRequest, approval: Approval) -> dict[str, Any]:
    """The arguments as they are, or as the form that came has them."""
    values, sent = tiles.arguments(approval.arguments), request.POST
    return {
        "fields": edits.fields(values, sent),
        "raw": sent.get("raw") or wording.spelled_out(values),
        "raw_open": sent.get("mode") == "json",
        "change": edits.change(approval, sent) if "mode" in sent else None,
    }


@require_POST
@for_people
def preview(request: PageRequest, uuid: UUID) -> HttpResponse:
    """What an edit would change and how it is judged; nothing is decided by it."""
    approval = the_approval(request, uuid)
    if why := cases.refusal(approval, request.user):
        raise PermissionDenied(why)
    if not request.htmx:
        return sheet_page(request, approval, "edit")
    form = {**request.POST.dict(), "mode": request.GET.get("mode", "fields")}
    change = edits.change(approval, form)
    return render(request, "approvals/_change.html", {"change": change, "approval": approval})


def _covers(approval: Approval) -> dict[str, list[str]]:
    """What a grant would let run now, by how wide it is."""
    if door.not_grantable(approval):
        return {}
    return {
        name: [tiles.title(other) for other in door.covered(approval, door.Scope(narrow))]
        for name, narrow in (("these", True), ("any", False))
    }
