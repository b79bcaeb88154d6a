"""Replay: the finished log, with a cursor that moves over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agents import forking, roles
from agents.exporting import lines, request_body
from agents.lineage import log_of
from agents.models import Session
from oversight import moments, playing, queries, tiles
from oversight.playing import Picture, Stop
from oversight.views.access import PageRequest, for_people, the_session

MOST_STEPS = 200  # beyond this a replay shows a window around the step that was asked for


@require_GET
@for_people
def replay(request: PageRequest, uuid: UUID) -> HttpResponse:
    session = the_session(request, uuid)
    step = _number(request, "step")
    wanted = session.steps if step is None else min(step, session.steps)
    first = max(0, min(wanted - MOST_STEPS // 2, session.steps - MOST_STEPS))
    picture = _picture(session, first)
    at = playing.standing(picture.stops, wanted, _number(request, "t"))
    context = {"session": session, "first": first, "now": at.step if at else wanted}
    context["later"] = first + MOST_STEPS + 1 if first + MOST_STEPS < session.steps else None
    context["may_start"] = roles.can(request.user, "start")
    return render(request, "replay.html", context | _drawn(session, picture, at))


def _picture(session: Session, first: int) -> Picture:
    log = queries.records(session, first, first + MOST_STEPS + 1)
    beginning = log_of(session).first()
    return playing.picture(log, beginning.at if beginning else session.created_at)


def _drawn(session: Session, picture: Picture, at: Stop | None) -> dict[str, Any]:
    return {
        "picture": picture,
        "stops": playing.as_json(picture.stops),
        "at": at,
        "ahead": 100 - at.x if at else 100,
        "ways": _ways(session, picture.stops, at),
        "state": tiles.state(session),
        "waited": queries.waited_ms(session),
    }


@require_GET
@for_people
def moment(request: PageRequest, uuid: UUID) -> HttpResponse:
    """What was known at one event: as a page, a part of one, or the model's request as it went."""
    session, seq = the_session(request, uuid), _number(request, "seq")
    log = forking.whole(session)
    if seq is None or not 1 <= seq <= len(log):
        raise Http404
    if request.GET.get("as") == "json":
        return _request_file(session, seq)
    shown = moments.shown(log, seq, request.user)
    context = {"session": session, "shown": shown, "last": len(log)}
    context["address"] = f"/sessions/{session.uuid}/moment/?seq={seq}"
    return render(request, "_moment.html" if request.htmx else "moment.html", context)


@require_GET
@for_people
def export(request: PageRequest, uuid: UUID) -> StreamingHttpResponse:
    """The whole log as a file of JSON Lines."""
    session = the_session(request, uuid)
    answer = StreamingHttpResponse(lines(session), content_type="application/jsonl")
    answer["Content-Disposition"] = f'attachment; filename="session-{session.uuid}.jsonl"'
    return answer


def _request_file(session: Session, seq: int) -> HttpResponse:
    body = request_body(session, seq)
    if body is None:
        raise Http404
    answer = HttpResponse(body, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="request-{seq}.json"'
    return answer


def _number(request: PageRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else None


def _ways(session: Session, stops: Sequence[Stop], at: Stop | None) -> dict[str, dict[str, Any]]:
    """Where the player's buttons lead without a script, and beyond what the page shows."""
    steps = sorted({stop.step for stop in stops})
    here = at.step if at else 0
    before = [step for step in steps if step < here]
    after = [step for step in steps if step > here]
    return {
        "back": {"step": before[-1] if before else here},
        "forward": {"step": after[0] if after else here},
        **{mark: _next(session, stops, at, mark) for mark in ("fault", "approval")},
    }


def _next(session: Session, stops: Sequence[Stop], at: Stop | None, mark: str) -> dict[str, Any]:
    """Where what is marked so comes next: among the stops of the page, or beyond them."""
    found = playing.following(stops, at, mark)
    beyond = queries.next_marked(session, mark, stops[-1].step) if stops else None
    if found:
        return {"step": found.step, "t": int(found.t), "beyond": beyond}
    return {"step": beyond or (at.step if at else 0), "beyond": beyond}
