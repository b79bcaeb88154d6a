"""The history of the risk map, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from agents import riskmap
from agents.admin.proposal import submitted
from agents.models import PolicyChange
from agents.riskmap.wording import rule_words

PER_PAGE = 50
LOG = "/admin/agents/policychange/"


def entries(rows: QuerySet[PolicyChange]) -> list[dict[str, Any]]:
    """Changes as pages show them, with what differs and whether there is a way back."""
    return [
        {
            "row": row,
            "change": _as_change(row),
            "made": _made(row),
            "lasts": riskmap.put_back(row),
        }
        for row in rows.select_related("by")
    ]


def changelist(request: HttpRequest, context: Mapping[str, Any]) -> HttpResponse:
    words = request.GET.get("q", "").strip()
    page = Paginator(PolicyChange.objects.filter(name__icontains=words), PER_PAGE).get_page(
        request.GET.get("page")
    )
    rows = PolicyChange.objects.filter(pk__in=[row.pk for row in page])
    told = {**context, "page": page, "entries": entries(rows), "words": words}
    return TemplateResponse(request, "risk_map/log.html", told)


def put_back(request: HttpRequest, pk: int, context: Mapping[str, Any]) -> HttpResponse:
    """A way back is an edit like any other: forecast, and a reason where it softens."""
    undone = get_object_or_404(PolicyChange.objects.select_related("by"), pk=pk)
    proposal = submitted(request, [riskmap.put_back(undone)], undone)
    if proposal is None:
        return HttpResponseRedirect(LOG)
    told = {
        **context,
        "undone": undone,
        "change": _as_change(undone),
        "proposal": proposal,
        "discard": LOG,
        "days": riskmap.DAYS,
    }
    return TemplateResponse(request, "risk_map/put_back.html", told)


def _made(row: PolicyChange) -> str:
    """A new rule in one sentence."""
    new = row.subject == PolicyChange.Subject.RULE and row.before is None and row.after
    return rule_words(row.after) if new else ""


def _as_change(row: PolicyChange) -> riskmap.Change:
    return riskmap.Change(row.subject, row.name, row.before, row.after)
