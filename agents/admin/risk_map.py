"""The risk map's page: a row for each tool, several edited at once, a forecast before the save."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from agents import riskmap
from agents.admin.proposal import Proposal, refused, submitted
from agents.core import titles
from agents.core.risk import Effect, Risk, matches
from agents.core.suggestion import Suggestion, suggest
from agents.models import GateRule, PolicyChange, Tool
from agents.riskmap.wording import EFFECT_WORDS, people, rule_words

PER_PAGE = 100
LINE = 72  # characters of a description that a row shows
EDITED = ("risk", "effect", "approvals")
RISKS = [risk.word for risk in Risk]
EFFECTS = [(effect.value, EFFECT_WORDS[effect.value]) for effect in Effect]
_RISK_ORDER = {word: -place for place, word in enumerate(RISKS)}


@dataclass(frozen=True, slots=True)
class Row:
    """A tool as the page shows it: with what was chosen for it, saved or not."""

    tool: Tool
    usage: riskmap.Usage
    rules: list[tuple[GateRule, str]]
    chosen: Mapping[str, Any]
    suggestion: Suggestion | None = None

    @property
    def seen(self) -> str:
        """What the form was filled with, so that only what a person touched is an edit."""
        return seen(self.tool)

    @property
    def edited(self) -> bool:
        return any(getattr(self.tool, key) != self.chosen[key] for key in EDITED)

    @property
    def people(self) -> list[tuple[int, str]]:
        counts = sorted({1, 2, self.tool.approvals})
        return [(count, people(count).capitalize()) for count in counts]

    @property
    def what(self) -> str:
        """How its calls are titled; the first sentence of what it says it does, where that is by
        its name or nobody has judged the tool."""
        if self.tool.settled and (title := titles.in_force(self.tool.name, self.tool.title)):
            return title
        first = " ".join(self.tool.description.split()).partition(". ")[0].rstrip(".")
        return first if len(first) <= LINE else f"{first[: LINE - 1].rstrip()}…"

    @property
    def denial(self) -> str:
        rate = self.usage.denial_rate
        return "" if rate is None else f"{rate:.1%}" if 0 < rate < 0.1 else f"{rate:.0%}"


def changelist(request: HttpRequest, context: Mapping[str, Any]) -> HttpResponse:
    """GET shows the map; POST shows what would change, or saves it."""
    tools = _page(request)
    proposal = Proposal()
    if request.method == "POST":
        changes, problem = _changes(request.POST, list(tools))
        shown = refused(request, problem) if problem else submitted(request, changes)
        if shown is None:
            return HttpResponseRedirect(request.get_full_path())
        proposal = shown
    told = {
        **context,
        "page": tools,
        "rows": _rows(
            list(tools), {} if proposal.problem and not proposal.changes else request.POST
        ),
        "proposal": proposal,
        "waiting": _unreviewed(),
        "servers": _servers(),
        "risks": RISKS,
        "effects": EFFECTS,
        "given": request.GET,
        "days": riskmap.DAYS,
    }
    return TemplateResponse(request, "risk_map/map.html", told)


def seen(tool: Tool) -> str:
    return " ".join(str(getattr(tool, key)) for key in EDITED)


def _page(request: HttpRequest) -> Page[Tool]:
    rows = sorted(_filtered(request.GET), key=_place)
    return Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))


def _place(tool: Tool) -> tuple[bool, int, str]:
    """What nobody has judged stands first, then what may do the most harm."""
    return (tool.settled, _RISK_ORDER.get(tool.risk, 0), tool.name)


def _filtered(given: Mapping[str, str]) -> QuerySet[Tool]:
    rows = Tool.objects.all()
    if words := given.get("q", "").strip():
        rows = rows.filter(Q(name__icontains=words) | Q(description__icontains=words))
    if "server" in given and given["server"] != "*":
        rows = rows.filter(server=given["server"])
    if given.get("risk") in RISKS:
        rows = rows.filter(risk=given["risk"])
    if given.get("show") == "unreviewed":
        rows = rows.filter(Q(reviewed=False) | Q(offered__isnull=False))
    return rows


def _servers() -> list[tuple[str, str]]:
    names = Tool.objects.order_by("server").values_list("server", flat=True).distinct()
    return [(name, name or "built in") for name in names]


def _unreviewed() -> list[tuple[str, str, int]]:
    """(server, its name in words, how many of its tools nobody has reviewed)."""
    waiting: dict[str, int] = {}
    for tool in Tool.objects.filter(Q(reviewed=False) | Q(offered__isnull=False)):
        waiting[tool.server] = waiting.get(tool.server, 0) + 1
    return [(name, name or "built in", count) for name, count in sorted(waiting.items())]


def _rows(tools: Sequence[Tool], posted: Mapping[str, str]) -> list[Row]:
    counted, rules = riskmap.usage(), list(GateRule.objects.filter(enabled=True))
    return [
        Row(
            tool,
            counted.get(tool.name, riskmap.Usage()),
            list(_concerning(tool, rules)),
            chosen(tool, posted),
            None if tool.settled else suggestion(tool),
        )
        for tool in tools
    ]


def _concerning(tool: Tool, rules: Sequence[GateRule]) -> Iterator[tuple[GateRule, str]]:
    for rule in rules:
        if matches(rule.tool, tool.name):
            yield rule, rule_words(riskmap.settings_of(rule))


def suggestion(tool: Tool) -> Suggestion:
    """For what would be called now: the server's new definition, if it has changed."""
    offered = tool.offered or {}
    return suggest(
        tool.name,
        offered.get("description", tool.description),
        offered.get("input_schema", tool.input_schema),
        offered.get("annotations", tool.annotations),
        tool.server,
    )


def chosen(tool: Tool, posted: Mapping[str, str]) -> dict[str, Any]:
    """The tool's settings with what the form says of it; what is no value is left as it is."""
    settings = dict(riskmap.settings_of(tool))
    risk, effect = posted.get(f"risk:{tool.pk}", ""), posted.get(f"effect:{tool.pk}", "")
    count = posted.get(f"approvals:{tool.pk}", "")
    settings["risk"] = risk if risk in RISKS else settings["risk"]
    settings["effect"] = effect if effect in set(Effect) else settings["effect"]
    read = count.isdecimal() and len(count) < 5
    settings["approvals"] = int(count) if read else settings["approvals"]
    return settings


def _changes(posted: Mapping[str, str], tools: Sequence[Tool]) -> tuple[list[riskmap.Change], str]:
    """The rows that were touched, and a sentence if one is no longer as it was shown."""
    changes = []
    for tool in tools:
        before = posted.get(f"seen:{tool.pk}")
        wanted = chosen(tool, posted)
        touched = before and before != " ".join(str(wanted[key]) for key in EDITED)
        if touched and before != seen(tool):
            return [], riskmap.meanwhile(PolicyChange.Subject.TOOL, tool.name)
        if touched:
            saved = riskmap.settings_of(tool)
            changes.append(riskmap.Change(PolicyChange.Subject.TOOL, tool.name, saved, wanted))
    return changes, ""
