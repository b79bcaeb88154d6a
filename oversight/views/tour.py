"""The two-minute tour: three rehearsal sessions, and what to look at in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from agents import inbox, preferences, roles, starting
from agents.llm import SCENARIOS, Scenario
from oversight.views.access import PageRequest, for_people, refusal, see_other

AGENT = "assistant"  # plays them
WALL = "/sessions/"


@dataclass(frozen=True, slots=True)
class Stop:
    """A scenario of the tour, and what a person does there."""

    scenario: str
    does: str
    text: str
    page: str = ""  # under the session's own

    @property
    def scene(self) -> Scenario:
        return next(scene for scene in SCENARIOS if scene.name == self.scenario)


STOPS = (
    Stop(
        "press",
        "Watch an agent at work, live",
        "It looks things up and writes a draft by itself. Every step appears as it happens.",
    ),
    Stop(
        "refunds",
        "Decide what it asks for",
        "Payments and a deletion wait until somebody approves or denies each one.",
    ),
    Stop(
        "outage",
        "Find the failure in the replay",
        "The model fails on the way. Press Next error to see what broke, and how it went on.",
        "replay/",
    ),
)


def of_wall(user: User) -> dict[str, Any]:
    """What the wall shows of the tour: an offer, the three stops, or nothing."""
    if not settings.REHEARSAL:
        return {}
    wishes = preferences.of(user)
    if wishes.tour_over:
        return {}
    if stops := _links(user, wishes.tour):
        return {"tour": stops}
    return {"tour_offered": _may_take(user) and not roles.visible_sessions(user).exists()}


def _links(user: User, tour: Sequence[str]) -> list[tuple[Stop, str]]:
    """Each stop with its address; none once a session of the tour is gone or out of sight."""
    found = (
        {str(s.uuid) for s in roles.visible_sessions(user).filter(uuid__in=tour)} if tour else ()
    )
    if len(found) < len(STOPS):
        return []
    return [(stop, f"{WALL}{uuid}/{stop.page}") for stop, uuid in zip(STOPS, tour, strict=True)]


def _may_take(user: User) -> bool:
    """Whether the rehearsal model plays and this person may start the agent of the tour."""
    return settings.REHEARSAL and roles.startable_agents(user).filter(name=AGENT).exists()


@require_POST
@for_people
def take(request: PageRequest) -> HttpResponse:
    """Start the three sessions, once for each person however often it is pressed."""
    if not settings.REHEARSAL:
        raise Http404("A real model runs here, so there is no tour.")
    try:
        sessions = [
            starting.start(request.user, AGENT, stop.scene.task, key=f"tour:{stop.scenario}")
            for stop in STOPS
        ]
    except (inbox.Refused, ValueError) as refused:
        status, said = refusal(refused)
        return render(request, "refused.html", {"said": said, "back": WALL}, status=status)
    preferences.keep(request.user, {"tour": [str(session.uuid) for session in sessions]})
    return see_other(WALL)


@require_POST
@for_people
def put_away(request: PageRequest) -> HttpResponse:
    """The person has seen enough of it, for good."""
    preferences.keep(request.user, {"tour_over": True})
    return see_other(WALL)
