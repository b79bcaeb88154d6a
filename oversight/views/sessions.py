"""The wall, a session's page, its events, and the history."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from agents import inbox, roles
from agents.core import events
from agents.lineage import log_of
from agents.models import Event, Session
from oversight import cases, queries, questions, rows, tiles, timeline, today, window, wording
from oversight.idle import idle
from oversight.insights import unusual
from oversight.views import tour
from oversight.views.access import PageRequest, back, for_people, see_other, the_session
from oversight.wording import size

FILTER_NAMES = (
    ("", "All"),
    ("live", "Live"),
    ("needs-you", "Needs you"),
    ("failed", "Failed"),
    ("finished", "Finished"),
)
MORE_CARDS = 96  # that "Show more" adds to the wall
LARGEST_INLINE = 64 * 1024  # characters


@require_POST
@for_people
def pin(request: PageRequest, uuid: UUID) -> HttpResponse:
    """Keep a session in the navigation, or no longer."""
    session = the_session(request, uuid)
    (inbox.pin if request.POST.get("pin") else inbox.unpin)(request.user, session)
    return see_other(back(request, f"/sessions/{session.uuid}/"))


@require_GET
@for_people
def wall(request: PageRequest) -> HttpResponse:
    chosen, words = request.GET.get("filter", ""), request.GET.get("q", "").strip()
    most = min(_number(request, "most") or queries.CARDS, 2000)
    newest = queries.newest(roles.visible_sessions(request.user), "created_at")
    found = queries.wall(request.user, chosen, words, most)
    context = {
        "asking": tiles.render_cards(found.asking),
        "active": tiles.render_cards(found.active),
        "finished": found.finished,
        "more": most + MORE_CARDS if found.cut else 0,
        # What a filter leaves out must not come in by itself either.
        "cut": {"asking", "active"} if chosen or words else found.cut,
        "newest": newest,
        "stats": today.stats(request.user),
        "live": "/live/wall/",
        **_filters(request),
        **_wall_rights(request),
        **({} if chosen or words else tour.of_wall(request.user)),
    }
    return render(request, "sessions/wall.html", {**context, "chosen": chosen, "words": words})


def _filters(request: PageRequest) -> dict[str, Any]:
    counts = queries.counts(request.user)
    filters = [(key, name, counts.get(key.replace("-", "_"), 0)) for key, name in FILTER_NAMES]
    return {"filters": filters, "any_live": counts["live"]}


def _wall_rights(request: PageRequest) -> dict[str, bool]:
    rights = roles.rights(request.user)
    return {"may_start": rights.can("start"), "may_steer": rights.can("steer")}


def _number(request: PageRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 9 else None


@require_GET
@for_people
def live(request: PageRequest, uuid: UUID) -> HttpResponse:
    session = the_session(request, uuid)
    shown = window.page(session, _number(request, "before"), _number(request, "at"))
    context = {
        **shown,
        **tiles.status_context(session),
        **pending_context(request, session),
        "focus": "next" in request.GET,  # after a decision what waits next is read out
        "pinned": queries.is_pinned(request.user, session),
        "unusual": unusual.of_session(session),
        "ghost": timeline.render_ghost("", "", oob=False),
        "bell": timeline.render_bell(str(session.uuid), session.last_seq),
        "live": "" if shown["later"] else f"/live/sessions/{session.uuid}/",
    }
    return render(request, "sessions/live.html", context)


def pending_context(request: PageRequest, session: Session) -> dict[str, Any]:
    """What waits for people in this session, as this person may act on it."""
    waiting = queries.in_session(request.user, session, _editing(request))
    unknown = queries.open_outcomes(request.user).filter(session=session)
    return {
        "session": session,
        "cases": cases.cases(list(waiting), request.user),
        "outcomes": [cases.outcome_case(outcome, request.user) for outcome in unknown],
        "session_page": f"/sessions/{session.uuid}/?next=",
        "may_steer": roles.can(request.user, "steer", session),
        "undoable": [a for a in queries.undoable(request.user) if a.session_id == session.pk],
        "question": questions.question(session, request.user),
        "idle": idle(session),
    }


def _editing(request: PageRequest) -> list[UUID]:
    """The calls that are being edited on the page which asks for the dock."""
    found = []
    for text in [*request.GET.getlist("editing"), *request.POST.getlist("editing")][:20]:
        with suppress(ValueError):
            found.append(UUID(text))
    return found


@require_GET
@for_people
def pending(request: PageRequest, uuid: UUID) -> HttpResponse:
    context = pending_context(request, the_session(request, uuid))
    return render(request, "sessions/_pending.html", context)


@require_GET
@for_people
def steps(request: PageRequest, uuid: UUID) -> HttpResponse:
    """Steps before the window, for the button that shows more of them."""
    session = the_session(request, uuid)
    shown = window.page(session, _number(request, "before") or 0, steps=window.MORE)
    return render(request, "sessions/_steps.html", {"session": session, **shown})


@require_GET
@for_people
def step_rows(request: PageRequest, uuid: UUID, step: int) -> HttpResponse:
    """Rows of one step, for one that is opened and for long ones."""
    session = the_session(request, uuid)
    found = window.rows(session, step, _number(request, "before"), _number(request, "after"))
    return render(request, "timeline/_rows.html", {"session": session.uuid, "step": step, **found})


@require_GET
@for_people
def event(request: PageRequest, uuid: UUID, seq: int) -> HttpResponse:
    """One event in full: readable, as JSON, or as a file."""
    session = the_session(request, uuid)
    stored = get_object_or_404(log_of(session), seq=seq)
    form = request.GET.get("as", "")
    if form == "file":
        return _file(stored)
    record = queries.record(stored, str(session.uuid))
    whole = rows.whole(record) if form != "json" else wording.pretty(events.data(record.fact))
    cut = size(len(whole.encode())) if len(whole) > LARGEST_INLINE else ""
    context = {"session": session, "row": rows.row(record), "cut": cut}
    context |= {"text": whole[:LARGEST_INLINE], "as_json": form == "json"}
    if request.htmx:
        return render(request, "_payload_whole.html", context)
    return render(request, "event.html", {**context, "html": timeline.render_row(record)})


def _file(stored: Event) -> HttpResponse:
    response = HttpResponse(stored.text, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="event-{stored.seq}.json"'
    return response


@require_GET
@for_people
def history(request: PageRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()
    pages = Paginator(queries.finished(queries.sessions(request.user, words)), 50)
    context = {"finished": pages.get_page(request.GET.get("page")), "words": words}
    return render(request, "history.html", context)
