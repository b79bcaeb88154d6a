"""Two sessions side by side."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from agents import roles
from agents.lineage import shared
from agents.models import Session
from oversight import comparison, queries
from oversight.views.access import PageRequest, for_people, the_session

OFFERED = 30


@require_GET
@for_people
def choose(request: PageRequest, uuid: UUID) -> HttpResponse:
    """With which session to compare: its forks and its parent first, then its agent's others."""
    session, words = the_session(request, uuid), request.GET.get("q", "")[:200]
    context = {"session": session, "others": _others(request, session, words), "words": words}
    return render(request, "compare_choose.html", context)


def _others(request: PageRequest, session: Session, words: str) -> QuerySet[Session]:
    kin = Q(parent=session) | Q(pk=session.parent_id)
    if session.parent_id:
        kin |= Q(parent_id=session.parent_id)
    found = queries.sessions(request.user, words).exclude(pk=session.pk)
    near = Case(When(kin, then=Value(0)), default=Value(1), output_field=IntegerField())
    alike = found.filter(kin | Q(agent=session.agent)) if not words else found
    return alike.annotate(near=near).order_by("near", "-id")[:OFFERED]


@require_GET
@for_people
def compare(request: PageRequest, uuid: UUID, other: UUID) -> HttpResponse:
    left, right = the_session(request, uuid), the_session(request, other)
    pairs = comparison.compare(queries.records(left), queries.records(right))
    first = next((index for index, pair in enumerate(pairs) if pair.first), None)
    context = {
        "left": left,
        "right": right,
        "first": pairs[first] if first is not None else None,
        "shared": shared(left, right),
        "may_start": roles.can(request.user, "start"),
        **comparison.page(pairs, _start(request, first, len(pairs))),
    }
    return render(request, "compare.html", context)


def _start(request: PageRequest, first: int | None, length: int) -> int:
    text = request.GET.get("from", "")
    if text.isdecimal() and len(text) < 9:
        return min(int(text), max(0, length - 1))
    return max(0, (first or 0) - 3)
