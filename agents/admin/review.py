"""One form for all the tools of a server that nobody has reviewed: suggested, never applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from agents import riskmap
from agents.admin import risk_map
from agents.admin.proposal import Proposal, refused, submitted
from agents.admin.tool import definition, difference
from agents.core.suggestion import Suggestion
from agents.models import PolicyChange, Tool
from agents.riskmap.wording import people

# Five fields each: Django refuses a form of more than DATA_UPLOAD_MAX_NUMBER_FIELDS, 1000.
PER_PAGE = 100
MAP = "/admin/agents/tool/"


@dataclass(frozen=True, slots=True)
class Row:
    tool: Tool
    suggestion: Suggestion
    chosen: Mapping[str, Any]
    taken: bool

    @property
    def seen(self) -> str:
        return _seen(self.tool)

    @property
    def definition(self) -> str:
        return definition(self.tool)

    @property
    def difference(self) -> list[tuple[str, str]]:
        return difference(self.tool)


def review(request: HttpRequest, context: Mapping[str, Any]) -> HttpResponse:
    server = request.GET.get("server", "")
    page = _waiting(server, request.GET.get("page", ""))
    rows = [_row(tool, request.POST) for tool in page]
    changes = [_reviewed(row) for row in rows if row.taken]
    proposal = Proposal(changes)
    if request.method == "POST":
        moved = [row.tool.name for row in rows if _moved(row.tool, request.POST)]
        problem = riskmap.meanwhile(PolicyChange.Subject.TOOL, moved[0]) if moved else ""
        shown = refused(request, problem) if moved else submitted(request, changes)
        if shown is None:
            return HttpResponseRedirect(MAP)
        proposal = shown
    told = {
        **context,
        "server": server,
        "page": page,
        "rows": rows,
        "proposal": proposal,
        "risks": risk_map.RISKS,
        "effects": risk_map.EFFECTS,
        "people": [(count, people(count).capitalize()) for count in (1, 2)],
        "discard": MAP,
        "days": riskmap.DAYS,
    }
    return TemplateResponse(request, "risk_map/review.html", told)


def _waiting(server: str, number: str) -> Page[Tool]:
    unsettled = Q(reviewed=False) | Q(offered__isnull=False)
    return Paginator(Tool.objects.filter(unsettled, server=server), PER_PAGE).get_page(number)


def _row(tool: Tool, posted: Mapping[str, str]) -> Row:
    suggestion = risk_map.suggestion(tool)
    chosen = {
        **riskmap.settings_of(tool),
        "risk": suggestion.risk.word,
        "effect": suggestion.effect.value,
    }
    # A tool that was reviewed before keeps what was decided, until a person says otherwise.
    if tool.offered is not None:
        chosen = dict(riskmap.settings_of(tool))
    if posted:
        chosen = risk_map.chosen(tool, posted)
    return Row(tool, suggestion, chosen, not posted or f"take:{tool.pk}" in posted)


def _reviewed(row: Row) -> riskmap.Change:
    accepts = (row.tool.offered or {}).get("definition", "")
    before = riskmap.settings_of(row.tool)
    after = {**row.chosen, "reviewed": True}
    return riskmap.Change(PolicyChange.Subject.TOOL, row.tool.name, before, after, accepts=accepts)


def _seen(tool: Tool) -> str:
    offered = (tool.offered or {}).get("definition", "")
    return riskmap.version({**riskmap.settings_of(tool), "offered": offered})


def _moved(tool: Tool, posted: Mapping[str, str]) -> bool:
    seen = posted.get(f"seen:{tool.pk}")
    return f"take:{tool.pk}" in posted and seen is not None and seen != _seen(tool)
