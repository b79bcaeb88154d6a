"""One tool's page: its settings, its definition and what the server changed in it, its history."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from agents import riskmap, validation
from agents.admin import history, risk_map
from agents.admin.proposal import Proposal, refused, submitted
from agents.core import titles
from agents.models import PolicyChange, Tool

_NUMBERS: dict[str, tuple[str, Callable[[str], int | float]]] = {
    "approvals": ("People needed", int),
    "timeout": ("Time-out", float),
}


def edit(request: HttpRequest, pk: int, context: Mapping[str, Any]) -> HttpResponse:
    tool = get_object_or_404(Tool, pk=pk)
    proposal, problems = Proposal(), dict[str, str]()
    chosen = {**riskmap.settings_of(tool), "reviewed": tool.settled}
    if request.method == "POST":
        chosen, problems = _chosen(tool, request.POST)
        change, moved = _proposed(tool, chosen, request.POST)
        problem = moved or " ".join(problems.values())
        shown = refused(request, problem) if problem else submitted(request, [change])
        if shown is None:
            return HttpResponseRedirect(request.path)
        proposal = shown
    changes = PolicyChange.objects.filter(subject=PolicyChange.Subject.TOOL, name=tool.name)
    told = {
        **context,
        "tool": tool,
        "chosen": chosen,
        "problems": problems,
        "seen": riskmap.version(riskmap.settings_of(tool)),
        "proposal": proposal,
        "definition": definition(tool),
        "difference": difference(tool),
        "suggestion": None if tool.settled else risk_map.suggestion(tool),
        "entries": history.entries(changes),
        "risks": risk_map.RISKS,
        "effects": risk_map.EFFECTS,
        "days": riskmap.DAYS,
        "named": titles.in_force(tool.name) or titles.named(tool.name),
        "fields": titles.places(validation.schema_of(tool)),
    }
    return TemplateResponse(request, "risk_map/tool.html", told)


def _chosen(tool: Tool, posted: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the form says, a number that is none as it was typed; and what is wrong, by field."""
    given = {"approvals": posted.get(f"approvals:{tool.pk}"), "timeout": posted.get("timeout")}
    read = {field: _read(field, text) for field, text in given.items() if text is not None}
    title = " ".join(posted.get("title", tool.title).split())
    settings = {
        **risk_map.chosen(tool, posted),
        "title": title,
        "starter_may_decide": "starter_may_decide" in posted,
        "pollable": "pollable" in posted,
        "enabled": "enabled" in posted,
        "reviewed": "reviewed" in posted,
        **{field: value for field, (value, _) in read.items()},
    }
    problems = {field: wrong for field, (_, wrong) in read.items() if wrong}
    return settings, problems | _mistitled(tool, title)


def _mistitled(tool: Tool, title: str) -> dict[str, str]:
    found = validation.new_title(tool, title) if title != tool.title else []
    if len(title) > titles.LONGEST:
        found = [f"has more than {titles.LONGEST} characters"]
    return {"title": f"Title of a call: {', '.join(found)}."} if found else {}


def _read(field: str, text: str) -> tuple[int | float | str, str]:
    """The number that was typed, or the text as it is, with what is wrong with it."""
    name, number = _NUMBERS[field]
    try:
        value = number(text)
    except ValueError:
        return text, f"{name}: that is no number that can be read."
    wrong = ", ".join(validation.CHECKS[Tool][field](value))
    return (text, f"{name}: it {wrong}.") if wrong else (value, "")


def _proposed(
    tool: Tool, after: Mapping[str, Any], posted: Mapping[str, str]
) -> tuple[riskmap.Change, str]:
    """The change, and a sentence if the tool is no longer as it was shown."""
    before = riskmap.settings_of(tool)
    accepts = posted.get("accepts", "") if tool.offered and after["reviewed"] else ""
    change = riskmap.Change(PolicyChange.Subject.TOOL, tool.name, before, after, accepts=accepts)
    moved = posted.get("seen", "") != riskmap.version(before)
    return change, riskmap.meanwhile(PolicyChange.Subject.TOOL, tool.name) if moved else ""


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
