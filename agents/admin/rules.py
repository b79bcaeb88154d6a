"""The editor of the gate's rules: a form in plain words, forecast like any other edit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import copy
from itertools import count
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from agents import riskmap, validation
from agents.admin import history
from agents.admin.proposal import Proposal, refused, submitted
from agents.core.risk import OPERATORS, Verdict, matches
from agents.models import AgentDefinition, GateRule, PolicyChange, Tool
from agents.riskmap.wording import OPERATOR_WORDS, rule_words

RULES = "/admin/agents/gaterule/"
SPARE = 3  # empty rows for more conditions
VERDICTS = [
    (Verdict.ASK.value, "Ask people"),
    (Verdict.DENY.value, "Forbid"),
    (Verdict.ALLOW.value, "Allow without asking"),
]
NEW: dict[str, Any] = {
    "tool": "",
    "agent": "*",
    "verdict": Verdict.ASK.value,
    "conditions": [],
    "approvals": 1,
    "enabled": True,
}
_WORDS = frozenset({"glob", "regex", "host", "under"})


def changelist(request: HttpRequest, context: Mapping[str, Any]) -> HttpResponse:
    rules = [(rule, rule_words(riskmap.settings_of(rule))) for rule in GateRule.objects.all()]
    return TemplateResponse(request, "risk_map/rules.html", {**context, "rules": rules})


def edit(
    request: HttpRequest, pk: int | None, context: Mapping[str, Any], *, remove: bool = False
) -> HttpResponse:
    """A rule's page: new (``pk`` is None), changed or removed."""
    rule = None if pk is None else get_object_or_404(GateRule, pk=pk)
    proposal, form, problems = Proposal(), _shown(rule, request.GET), dict[str, str]()
    if request.method == "POST":
        change, form, problems = _proposed(rule, request.POST, remove)
        problem = " ".join(problems.values())
        shown = refused(request, problem) if problem else submitted(request, [change])
        if shown is None:
            return HttpResponseRedirect(RULES)
        proposal = shown
    told = {
        **context,
        **_choices(form),
        "rule": rule,
        "remove": remove,
        "form": form,
        "problems": problems,
        "proposal": proposal,
        "entries": history.entries(_history(rule)) if rule else [],
        "discard": RULES,
        "days": riskmap.DAYS,
    }
    return TemplateResponse(request, "risk_map/rule.html", told)


def _choices(form: Mapping[str, Any]) -> dict[str, Any]:
    tools = list(Tool.objects.values_list("name", flat=True))
    return {
        "verdicts": VERDICTS,
        "operators": [(op, OPERATOR_WORDS[op]) for op in sorted(OPERATORS, key=_place)],
        "tools": tools,
        "agents": list(AgentDefinition.objects.values_list("name", flat=True)),
        "concerned": [name for name in tools if form["tool"] and matches(form["tool"], name)],
    }


def _place(operator: str) -> int:
    return list(OPERATOR_WORDS).index(operator)


def _history(rule: GateRule) -> Any:
    return PolicyChange.objects.filter(subject=PolicyChange.Subject.RULE, name=rule.name)


def _shown(rule: GateRule | None, given: Mapping[str, str]) -> dict[str, Any]:
    """What the form is filled with before anybody has typed."""
    settings = riskmap.settings_of(rule) if rule else {**NEW, "tool": given.get("tool", "")}
    return {
        **settings,
        "name": rule.name if rule else "",
        "seen": riskmap.version(riskmap.settings_of(rule) if rule else None),
        "rows": [*map(_row, settings["conditions"]), *[dict(_EMPTY) for _ in range(SPARE)]],
    }


_EMPTY = {"field": "", "op": "==", "value": ""}


def _row(condition: Mapping[str, Any]) -> dict[str, str]:
    value = condition.get("value")
    if isinstance(value, str) and _typed(condition["op"], value) == value:
        text = value
    else:
        text = "" if condition["op"] == "missing" else json.dumps(value, ensure_ascii=False)
    return {"field": condition["field"], "op": condition["op"], "value": text}


def _proposed(
    rule: GateRule | None, posted: Mapping[str, str], remove: bool
) -> tuple[riskmap.Change, dict[str, Any], dict[str, str]]:
    """The change that the form asks for, the form as it was sent, and what is wrong by field."""
    subject = PolicyChange.Subject.RULE
    before = riskmap.settings_of(rule) if rule else None
    seen = riskmap.version(before)
    if remove and rule:
        change = riskmap.Change(subject, rule.name, before, None)
        return change, {**_shown(rule, {}), "seen": seen}, _moved(rule, posted, seen)
    rows = _rows(posted)
    settings = _settings(posted, rows, rule.conditions if rule else [])
    name = posted.get("name", "").strip()
    old = rule.name if rule else name
    renamed = name if name != old else ""
    change = riskmap.Change(subject, old, before, settings, renamed=renamed)
    wrong = _wrong(settings["conditions"])
    shown = [{**row, "problem": wrong.get(place, "")} for place, row in enumerate(rows, 1)]
    form = {
        **settings,
        "approvals": posted.get("approvals", ""),
        "name": name,
        "seen": seen,
        "rows": [*shown, *[dict(_EMPTY) for _ in range(SPARE)]],
    }
    found = _moved(rule, posted, seen) | _problems(rule, name, settings)
    return change, form, found | {f"condition {place}": said for place, said in wrong.items()}


def _moved(rule: GateRule | None, posted: Mapping[str, str], seen: str) -> dict[str, str]:
    if rule and posted.get("seen", seen) != seen:
        return {"seen": riskmap.meanwhile(PolicyChange.Subject.RULE, rule.name)}
    return {}


def _settings(
    posted: Mapping[str, str], rows: list[dict[str, str]], saved: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    # A file may have said what the form cannot, such as a list: untouched it stays as it is.
    kept = [(_row(one), one) for one in saved]
    people = posted.get("approvals", "")
    return {
        "tool": posted.get("tool", "").strip(),
        "agent": posted.get("agent", "").strip() or "*",
        "verdict": posted.get("verdict", ""),
        "conditions": [
            next((dict(one) for shown, one in kept if shown == row), _condition(_trimmed(row)))
            for row in rows
        ],
        "approvals": int(people) if people.isdecimal() and len(people) < 5 else 0,
        "enabled": "enabled" in posted,
    }


def _rows(posted: Mapping[str, str]) -> list[dict[str, str]]:
    """The conditions that were filled in."""
    rows = []
    for place in count():
        if f"field:{place}" not in posted:
            break
        one = {key: posted.get(f"{key}:{place}", "") for key in ("field", "op", "value")}
        if one["field"].strip() or one["value"].strip():
            rows.append(one)
    return rows


def _trimmed(row: Mapping[str, str]) -> dict[str, str]:
    return {key: text.strip() for key, text in row.items()}


def _condition(row: Mapping[str, str]) -> dict[str, Any]:
    if row["op"] == "missing":
        return {"field": row["field"], "op": row["op"]}
    return {"field": row["field"], "op": row["op"], "value": _typed(row["op"], row["value"])}


def _typed(operator: str, text: str) -> Any:
    """What was typed, as JSON would have it: 100 is a number, true is yes, the rest is text."""
    if operator in _WORDS:
        return text
    try:
        value = json.loads(text, parse_constant=lambda word: word)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, int | float | bool | str) else text


def _problems(rule: GateRule | None, name: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong, in plain words, by field."""
    found = _refused(rule, {**settings, "name": name})
    if not name:
        found["name"] = "Give the rule a name."
    elif name != (rule.name if rule else "") and GateRule.objects.filter(name=name).exists():
        found["name"] = "Another rule has this name."
    if not settings["tool"]:
        found["tool"] = "Say which tools it is for; * means all of them."
    if settings["verdict"] not in [value for value, _ in VERDICTS]:
        found["verdict"] = "Say what it decides: ask, forbid or allow."
    if not 1 <= settings["approvals"] <= validation.MOST_PEOPLE:
        found["approvals"] = f"From 1 to {validation.MOST_PEOPLE} people can be asked."
    return found


def _refused(rule: GateRule | None, settings: Mapping[str, Any]) -> dict[str, str]:
    """What a save would refuse, by field; the conditions are looked at one by one."""
    row = copy(rule) if rule else GateRule()
    for field, value in settings.items():
        setattr(row, field, value)
    try:
        validation.clean(row)
    except ValidationError as error:
        said = error.message_dict
        return {field: " ".join(said[field]) for field in said if field != "conditions"}
    return {}


def _wrong(conditions: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """What is wrong with the conditions, by their places."""
    found = enumerate(([*validation.conditions([one])] for one in conditions), 1)
    return {
        place: " ".join(_sentence(one, place) for one in problems)
        for place, problems in found
        if problems
    }


def _sentence(problem: str, place: int) -> str:
    """A check's words, as they read beside the form."""
    said = problem.partition(": ")[2]
    words = next((words for check, words in _PLAIN.items() if check in said), f"{said}.")
    return f"Condition {place}: {words}"


_PLAIN = {
    "must name an argument": "say which argument it looks at.",
    "must be a number": "more than and less than need a number, such as 100.",
    "is needed": "say what the argument is compared with.",
    "op: must be one of": "say how the argument is compared.",
}
