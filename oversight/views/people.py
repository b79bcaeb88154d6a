"""The first page, what the top bar opens, and signing out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import logout as end_login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from agents import preferences, roles
from oversight import keymap, queries
from oversight.views.access import PageRequest, for_people, see_other

SHOWN = 8  # of a kind under the bell


class SignIn(AuthenticationForm):
    """Django's form in the words of its labels."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "The name or the password is wrong. Capital letters count in both.",
    }


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Approvers start at what waits for them; everybody else at the wall."""
    rights = roles.rights(request.user)
    decides_only = rights.can("decide") and not rights.can("steer")
    return redirect("approvals" if decides_only else "sessions")


@require_GET
@login_required
def keys(request: HttpRequest) -> HttpResponse:
    """The key map: a sheet over any page, or a page by itself."""
    return _sheet(request, "keys", {"keys": keymap.KEYS})


@require_GET
@for_people
def bell(request: PageRequest) -> HttpResponse:
    """What waits for people, soonest to expire first."""
    waiting = queries.pending(request.user)
    context = {
        "count": queries.waiting_count(request.user),
        "waiting": list(waiting[:SHOWN]),
        "outcomes": list(queries.open_outcomes(request.user)[:SHOWN]),
        "wishes": preferences.of(request.user),
    }
    return _sheet(request, "bell", context)


def _sheet(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    htmx = request.headers.get("HX-Request") == "true"
    return render(request, f"_{name}.html" if htmx else f"{name}.html", context)


@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    end_login(request)
    answer = see_other("/signin/")
    answer.headers["Clear-Site-Data"] = (
        '"storage"'  # what was written and not sent is nobody else's
    )
    return answer
