"""The inbox, one approval, and the grants in force."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from agents import inbox as door
from agents import roles
from agents.models import Approval, Grant, Outcome
from oversight import cases, queries, tiles
from oversight.cases import Case, OutcomeCase
from oversight.partials import render as partial
from oversight.views.access import (
    PageRequest,
    back,
    for_people,
    refusal,
    see_other,
    the_approval,
    the_outcome,
)

TAB_NAMES = (("waiting", "Waiting"), ("decided", "Decided"), ("expired", "Expired"))
Chosen = Case | OutcomeCase | None


@require_GET
@for_people
def inbox(request: PageRequest) -> HttpResponse:
    tab = request.GET.get("tab", "waiting")
    if tab not in queries.TABS:
        raise Http404
    newest, rows = _newest(request), queries.approvals(request.user, tab)
    chosen = _selected(request, rows)
    shown = cases.case(chosen, request.user) if chosen else None
    # After a decision the next item is read out.
    focus = "next" in request.GET
    return _page(request, tab, rows, shown, focus=focus, newest=newest)


def _newest(request: PageRequest) -> str:
    return queries.newest(queries.pending(request.user), "requested_at")


def _selected(request: PageRequest, rows: list[Approval]) -> Approval | None:
    wanted = request.GET.get("selected", "")
    return next((row for row in rows if str(row.uuid) == wanted), rows[0] if rows else None)


@require_GET
@for_people
def item(request: PageRequest, uuid: UUID) -> HttpResponse:
    """A page of its own; for the list beside it, only what stands there."""
    return item_page(request, the_approval(request, uuid))


def item_page(
    request: PageRequest, approval: Approval, problem: str = "", status: int = 200
) -> HttpResponse:
    tab = "waiting" if approval.state == Approval.State.PENDING else "decided"
    newest, rows = _newest(request), queries.approvals(request.user, tab)
    shown = cases.case(approval, request.user)
    said = {"problem": problem, "newest": newest}
    return _page(request, tab, rows, shown, status, single=True, focus=True, **said)


@require_GET
@for_people
def outcome(request: PageRequest, uuid: UUID) -> HttpResponse:
    return _outcome(request, the_outcome(request, uuid))


def _outcome(
    request: PageRequest, found: Outcome, problem: str = "", status: int = 200
) -> HttpResponse:
    newest, rows = _newest(request), queries.approvals(request.user, "waiting")
    shown = cases.outcome_case(found, request.user)
    said = {"problem": problem, "newest": newest}
    return _page(request, "waiting", rows, shown, status, single=True, **said)


def _page(
    request: PageRequest,
    tab: str,
    rows: list[Approval],
    shown: Chosen,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """The list and what is chosen from it; for the list that stands already, only the latter."""
    context |= _detail(request, rows, shown)
    if request.htmx:
        name = "_detail" if "case" in context else "_outcome_detail"
        return render(request, f"approvals/{name}.html", context, status=status)
    context |= _around(request, tab) | _lists(tab, rows, shown)
    context["full"] = len(rows) >= queries.LISTED
    context["cut"] = tab != "waiting" or context["full"]
    context["outcomes"] = _outcomes(request, shown) if tab == "waiting" else []
    return render(request, "approvals/inbox.html", context, status=status)


def _detail(request: PageRequest, rows: list[Approval], shown: Chosen) -> dict[str, Any]:
    match shown:
        case Case():
            beside = _neighbours(rows, shown.approval)
            others = _others(request, shown.approval)
            return {"case": shown, "others": others, "neighbours": beside, "after": _after(beside)}
        case OutcomeCase():
            return {"outcome_case": shown}
        case None:
            return {}


def _around(request: PageRequest, tab: str) -> dict[str, Any]:
    """What the page says beside the list."""
    undoable = queries.undoable(request.user)
    return {
        **_tabs(request, tab, len(queries.grants(request.user))),
        "undoable": undoable,
        "undone": _to(undoable[0]) if undoable else "",
        "last": queries.last_decision(request.user),
        "live": "/live/inbox/",
    }


def _tabs(request: PageRequest, tab: str, granted: int) -> dict[str, Any]:
    counts = queries.tab_counts(request.user)
    named = [(key, name, counts.get(key, 0)) for key, name in TAB_NAMES]
    return {"tab": tab, "tabs": named, "waiting": counts["waiting"], "granted": granted}


def _neighbours(rows: list[Approval], approval: Approval) -> dict[str, Any]:
    """Its place in the list, and the items beside it."""
    if approval not in rows:
        return {}
    at = rows.index(approval)
    return {
        "place": at + 1,
        "of": len(rows),
        "before": rows[at - 1] if at else None,
        "after": rows[at + 1] if at + 1 < len(rows) else None,
    }


def _after(beside: dict[str, Any]) -> str:
    """Where a decision leads: to the item that followed, or the one before the last."""
    following = beside.get("after") or beside.get("before")
    return _to(following) if following else "/approvals/?next="


def _to(approval: Approval) -> str:
    """The list with this item chosen, read out as what comes next."""
    return f"/approvals/?selected={approval.uuid}&next="


def _lists(tab: str, rows: list[Approval], shown: Chosen) -> dict[str, Any]:
    """The queue: what expires soon first, what is low last."""
    chosen = shown.approval if isinstance(shown, Case) else None
    groups: dict[str, list[str]] = {"soon": [], "items": [], "low": []}
    for row in rows:
        html = tiles.render_inbox_item(row, selected=row == chosen)
        groups[_group(row) if tab == "waiting" else "items"].append(html)
    bulk = tab == "waiting" and any(tiles.bulk(row) for row in rows)
    return {**groups, "heading": dict(TAB_NAMES)[tab], "bulk": bulk}


def _group(row: Approval) -> str:
    if tiles.countdown(row).soon:
        return "soon"
    return "low" if row.risk in ("safe", "low") else "items"


def _outcomes(request: PageRequest, shown: Chosen) -> list[str]:
    """Calls of which nobody knows what became."""
    chosen = shown.outcome if isinstance(shown, OutcomeCase) else None
    found = queries.open_outcomes(request.user)
    return [_outcome_item(outcome, selected=outcome == chosen) for outcome in found]


def _outcome_item(found: Outcome, *, selected: bool) -> str:
    name = "approvals/_outcome_item.html"
    return partial(name, outcome=found, title=tiles.title(found), selected=selected)


@require_GET
@for_people
def looking(request: PageRequest, uuid: UUID) -> HttpResponse:
    """Who else has it before them; asked again by the page while it is open."""
    approval = the_approval(request, uuid)
    context = {"approval": approval, "others": _others(request, approval)}
    return render(request, "approvals/_looking.html", context)


def _others(request: PageRequest, approval: Approval) -> list[str]:
    return [cases.person(user) for user in door.look(request.user, approval)]


@require_GET
@for_people
def grants(request: PageRequest) -> HttpResponse:
    """What need not ask at the moment, with a button that ends it."""
    found = queries.grants(request.user)
    mine = [(one, _may_revoke(request, one)) for one in found]
    context = {"grants": mine, **_tabs(request, "grants", len(mine))}
    return render(request, "approvals/grants.html", context)


def _may_revoke(request: PageRequest, one: Grant) -> bool:
    person = request.user
    return roles.can(person, "decide", one.session) or roles.can(person, "steer", one.session)


@require_POST
@for_people
def settle(request: PageRequest, uuid: UUID) -> HttpResponse:
    found, form = the_outcome(request, uuid), request.POST
    words = (form.get("result", ""), form.get("reason", "").strip())
    try:
        door.settle(request.user, found.uuid, form.get("decision", ""), *words)
    except door.Refused as refused:
        status, problem = refusal(refused)
        return _outcome(request, the_outcome(request, uuid), problem, status)
    messages.success(request, "Settled.")
    return see_other(back(request, "/approvals/"))
