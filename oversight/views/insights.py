"""The page of insights, its tables as CSV, and setting an anomaly aside."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any, TypeAlias

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from agents import inbox, roles
from agents.insights.sentences import sentence
from agents.models import Anomaly
from oversight.insights import figures, kpis, panels, unusual
from oversight.insights.figures import RANGES, USUAL, Figures, Period
from oversight.insights.panels import Table
from oversight.views.access import PageRequest, back, for_people, refusal, see_other

SHOWN = 7  # tools and rules on the page; the rest is a click away
WORTH_A_LOOK = 4
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Tabled: TypeAlias = Callable[[Figures, roles.Rights], Table]
TABLES: dict[str, Tabled] = {
    "tools": lambda found, _: panels.tools_table(found),
    "times": lambda found, _: panels.times_table(found),
    "waits": lambda found, _: panels.waits_table(found),
    "costs": lambda found, _: panels.costs_table(found),
    "decisions": lambda found, _: panels.decisions_table(found),
    "rules": lambda found, _: panels.rules_table(found),
    "readers": panels.readers_table,
}


def _chosen(request: PageRequest) -> tuple[Period, str]:
    key = request.GET.get("range", USUAL)
    return Period(key if key in RANGES else USUAL, timezone.now()), request.GET.get("agent", "")[
        :64
    ]


@require_GET
@for_people
def insights(request: PageRequest) -> HttpResponse:
    rights = roles.rights(request.user)
    period, agent = _chosen(request)
    found = figures.load(rights, period, agent)
    context = {
        **_choices(rights, period, agent),
        "as_of": found.as_of,
        "query": request.GET.urlencode(),
        **_panels(found, rights),
        **_unusual(request, period, agent),
        "may_administer": rights.can("administer"),
    }
    return render(request, "insights/page.html", context)


def _choices(rights: roles.Rights, period: Period, agent: str) -> dict[str, Any]:
    """What is chosen, what else could be, and what may be done with what is unusual."""
    return {
        "ranges": RANGES.items(),
        "period": period,
        "agent": agent,
        "agents": figures.agents(rights, period),
        "may_set_aside": rights.can("steer") or rights.can("audit"),
    }


def _panels(found: Figures, rights: roles.Rights) -> dict[str, Any]:
    tools = panels.tools(found)
    readers = panels.readers(found, rights)
    return {
        "kpis": list(kpis.kpis(found)),
        "tools": panels.worth_showing(tools, SHOWN),
        "tool_count": len(tools),
        "times": panels.times(found),
        "waits": panels.waits(found),
        "costs": panels.costs(found),
        "decisions": panels.decisions(found),
        "idle_rules": panels.idle_rules(found)[:SHOWN],
        "readers": readers,
        "hasty": [one for one in readers if one.often],
        "decision_keys": panels.decision_keys(found),
        "tables": {name: table(found, rights) for name, table in TABLES.items()},
    }


def _anomalies(request: PageRequest, period: Period, agent: str) -> QuerySet[Anomaly]:
    rows = roles.visible_anomalies(request.user).filter(at__gte=period.begins)
    return rows.filter(agent=agent) if agent else rows


def _unusual(request: PageRequest, period: Period, agent: str) -> dict[str, Any]:
    rows = _anomalies(request, period, agent).filter(state=Anomaly.State.OPEN)
    alerts = rows.filter(level=Anomaly.Level.ALERT)
    return {
        "unusual": unusual.told(alerts[:WORTH_A_LOOK]),
        "unusual_count": alerts.count(),
        "notices": rows.filter(level=Anomaly.Level.NOTICE).count(),
    }


@require_GET
@for_people
def anomalies(request: PageRequest) -> HttpResponse:
    """Everything unusual of the period, with what was set aside."""
    period, agent = _chosen(request)
    rows = _anomalies(request, period, agent).select_related("acknowledged_by")
    context = _choices(roles.rights(request.user), period, agent)
    context["unusual"] = unusual.told(rows.order_by("level", "-at")[:200])
    return render(request, "insights/anomalies.html", context)


@require_GET
@for_people
def table(request: PageRequest, name: str) -> HttpResponse:
    """One table as CSV."""
    period, agent = _chosen(request)
    rights = roles.rights(request.user)
    if name == "anomalies":
        return _csv(f"insights-anomalies-{period.key}", _listed(_anomalies(request, period, agent)))
    if name not in TABLES:
        raise Http404("There is no such table.")
    found = figures.load(rights, period, agent)
    return _csv(f"insights-{name}-{period.key}", TABLES[name](found, rights))


def _listed(rows: QuerySet[Anomaly]) -> Table:
    head = ("At", "Level", "Agent", "What", "Session", "Step", "State")
    told = [
        (
            timezone.localtime(one.at).isoformat(timespec="seconds"),
            one.level,
            one.agent,
            str(sentence(one)),
            str(one.session.uuid),
            str(one.step),
            one.state,
        )
        for one in rows[:5000]
    ]
    return Table(head, told)


def _csv(name: str, found: Table) -> HttpResponse:
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([_cell(cell) for cell in found.head])
    writer.writerows([_cell(cell) for cell in row] for row in found.rows)
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _cell(text: str) -> str:
    """A spreadsheet takes some beginnings for a formula, and tools' names come from others."""
    return f"'{text}" if text.startswith(_FORMULA) else text


@require_POST
@for_people
def set_aside(request: PageRequest, anomaly: int) -> HttpResponse:
    try:
        inbox.acknowledge(request.user, anomaly)
    except inbox.Problem as problem:
        _, said = refusal(problem)
        messages.error(request, said)
    return see_other(back(request, "/insights/"))
