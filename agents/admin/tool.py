"""One tool's page: its settings, its definition and what the server changed in it, its history."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from agents import riskmap
from agents.admin import history, risk_map
from agents.admin.proposal import Proposal, submitted
from agents.models import PolicyChange, Tool


def edit(request: HttpRequest, pk: int, context: Mapping[str, Any]) -> HttpResponse:
    tool = get_object_or_404(Tool, pk=pk)
    proposal = Proposal()
    chosen = {**riskmap.settings_of(tool), "reviewed": tool.settled}
    if request.method == "POST":
        change, problem = _proposed(tool, request.POST)
        chosen = dict(change.after or {})
        shown = Proposal(problem=problem) if problem else submitted(request, [change])
        if shown is None:
            return HttpResponseRedirect(request.path)
        proposal = shown
    changes = PolicyChange.objects.filter(subject=PolicyChange.Subject.TOOL, name=tool.name)
    told = {
        **context,
        "tool": tool,
        "chosen": chosen,
        "seen": riskmap.version(riskmap.settings_of(tool)),
        "proposal": proposal,
        "definition": definition(tool),
        "difference": difference(tool),
        "suggestion": None if tool.settled else risk_map.suggestion(tool),
        "entries": history.entries(changes),
        "risks": risk_map.RISKS,
        "effects": risk_map.EFFECTS,
        "days": riskmap.DAYS,
    }
    return TemplateResponse(request, "risk_map/tool.html", told)


def _proposed(tool: Tool, posted: Mapping[str, str]) -> tuple[riskmap.Change, str]:
    before = riskmap.settings_of(tool)
    after = {
        **risk_map.chosen(tool, posted),
        "starter_may_decide": "starter_may_decide" in posted,
        "pollable": "pollable" in posted,
        "enabled": "enabled" in posted,
        "reviewed": "reviewed" in posted,
        "timeout": _seconds(posted.get("timeout", ""), tool.timeout),
    }
    accepts = posted.get("accepts", "") if tool.offered and after["reviewed"] else ""
    change = riskmap.Change(PolicyChange.Subject.TOOL, tool.name, before, after, accepts=accepts)
    moved = posted.get("seen", "") != riskmap.version(before)
    return change, riskmap.meanwhile(PolicyChange.Subject.TOOL, tool.name) if moved else ""


def _seconds(text: str, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise


def definition(tool: Tool) -> str:
    """What the model is shown of the tool, as lines that can be compared."""
    return _text(tool.description, tool.input_schema, tool.annotations)


def difference(tool: Tool) -> list[tuple[str, str]]:
    """What the server has changed since the review: (sign, line)."""
    if tool.offered is None:
        return []
    new = _text(
        tool.offered["description"], tool.offered["input_schema"], tool.offered["annotations"]
    )
    lines = difflib.unified_diff(definition(tool).splitlines(), new.splitlines(), lineterm="", n=2)
    return [(line[:1], line[1:]) for line in list(lines)[2:]]


def _text(description: str, schema: Any, annotations: Any) -> str:
    shown = {"arguments": schema, "hints of the server": annotations}
    return f"{description}\n\n{json.dumps(shown, indent=2, sort_keys=True, ensure_ascii=False)}"
