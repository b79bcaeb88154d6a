"""Who may see a page, where to go back to, and how a refusal is said."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from agents import inbox, roles
from agents.models import Approval, Outcome, Session

P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request of somebody who is signed in, with what htmx says of itself."""

    htmx: HtmxDetails
    user: User


Page = Callable[Concatenate[PageRequest, P], HttpResponseBase]


def for_people(view: Page[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page for whoever is signed in and may look at anything at all."""

    @wraps(view)
    def guarded(request: PageRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        # What writes asks for each thing that it does.
        shows = request.method in ("GET", "HEAD")
        with roles.read_once() if shows else nullcontext():
            if not roles.can(request.user, "view"):
                raise PermissionDenied("You have no role yet: ask an administrator for one.")
            return view(request, *args, **kwargs)

    return _signed_in(guarded)  # type: ignore[arg-type]  # its request is a PageRequest


def _signed_in(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Whoever is not goes to sign in; who sent something, or asked for a part of a page, is told.

    What was sent is gone then, and its address shows nothing to who comes back from signing in.
    """
    whole = login_required(view)

    @wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        stays = "HX-Request" in request.headers or request.method not in ("GET", "HEAD")
        if stays and not request.user.is_authenticated:
            return render(request, "401.html", status=401)
        return whole(request, *args, **kwargs)

    return checked  # type: ignore[return-value]  # mypy wants its request by name


def the_session(request: PageRequest, uuid: UUID) -> Session:
    return get_object_or_404(roles.visible_sessions(request.user), uuid=uuid)


def the_approval(request: PageRequest, uuid: UUID) -> Approval:
    rows = roles.visible_approvals(request.user).select_related("decided_by")
    return get_object_or_404(rows, uuid=uuid)


def the_outcome(request: PageRequest, uuid: UUID) -> Outcome:
    rows = roles.visible_outcomes(request.user).select_related("settled_by")
    return get_object_or_404(rows, uuid=uuid)


def back(request: HttpRequest, otherwise: str) -> str:
    """The ``next`` of the form or address if it is a page of ours, else ``otherwise``."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    own = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if own else otherwise


def typed(request: HttpRequest, name: str) -> str:
    """A text of the form as a person sees and counts it: browsers send every line end as CRLF."""
    return request.POST.get(name, "").replace("\r\n", "\n")


def see_other(address: str) -> HttpResponse:
    """After a POST: the browser fetches the next page with GET."""
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response


def refusal(refused: Exception) -> tuple[int, str]:
    """The status and the sentence of a refusal that a page shows in its place.

    Raises what the error pages say better: ``PermissionDenied``, ``Http404``.
    """
    said = str(getattr(refused, "message", "") or refused)
    if isinstance(refused, inbox.NotAllowed):
        raise PermissionDenied(said) from refused
    if isinstance(refused, inbox.Missing):
        raise Http404(said) from refused
    return (409 if isinstance(refused, inbox.Conflict) else 400), said
