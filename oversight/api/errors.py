"""Every refusal as {"error": {"code", "message"}} with a truthful status; never a traceback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from agents import inbox
from agents.core import canonical
from oversight.api import shapes

log = structlog.get_logger(__name__)

_STATUSES: list[tuple[type[Exception], int]] = [
    (inbox.NotAllowed, 403),
    (inbox.Missing, 404),
    (inbox.Invalid, 400),
    (inbox.Conflict, 409),
    (inbox.Refused, 409),
    (RequestDataTooBig, 413),
    (OperationalError, 503),
    (InterfaceError, 503),
]
_CODES = {
    400: "invalid",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    422: "unprocessable",
    500: "internal",
    503: "unavailable",
}
_SENTENCES = {
    401: "Send a bearer token: Authorization: Bearer TOKEN.",
    413: "The body is too large.",
    500: "Something went wrong here; the log has the details.",
    503: "The database does not answer; try again in a moment.",
}
_UNSURE = "The database went away in the middle: look whether it was done before you try again."


def install(api: NinjaAPI) -> None:
    kinds: list[type[Exception]] = [HttpError, Http404, ValidationError, Exception]
    for kind in [*kinds, *(kind for kind, _ in _STATUSES)]:
        api.add_exception_handler(kind, _answer)


@csrf_exempt  # or a program would be asked for a cookie, in HTML
def no_such_address(request: HttpRequest) -> HttpResponse:
    return response(404, "There is no such address.")


class Methods(MiddlewareMixin):
    """The framework answers a method that an address does not know with nothing: here in our shape.

    A browser asks so for the address of a form, as when it opens again what it showed last.
    """

    def process_response(self, request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
        if answer.status_code != 405:
            return answer
        allowed = ", ".join(sorted(answer.headers["Allow"].split(", ")))
        if is_api(request):
            shaped: HttpResponse = response(405, f"This address answers only {allowed}.")
        else:
            shaped = render(request, "405.html", status=405)
        shaped.headers["Allow"] = allowed
        return shaped


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def response(status: int, message: str, **more: Any) -> JsonResponse:
    body = {"error": {"code": _CODES.get(status, "refused"), "message": message}, **more}
    answer = JsonResponse(body, status=status)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _answer(request: HttpRequest, error: Any) -> HttpResponse:
    match error:
        case ValidationError():
            return response(422, _first(error.errors))
        case HttpError():
            return response(error.status_code, _http_sentence(error))
        case Http404():
            return response(404, "There is no such thing.")
        case _:
            return _refused(error)


def _refused(error: Exception) -> HttpResponse:
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    if status >= 500:
        log.error("api_failed", exc_info=error)
    approval = getattr(error, "approval", None)
    # Whoever lost the race is told who won.
    more = (
        {"approval": shapes.approval(approval).model_dump()} if approval and status == 409 else {}
    )
    unsure = _UNSURE if isinstance(error, inbox.FateUnknown) else ""
    return response(status, unsure or _SENTENCES.get(status) or str(error), **more)


def _http_sentence(error: HttpError) -> str:
    if isinstance(error.__cause__, canonical.BadJson):
        return f"The body is not the JSON we read: {error.__cause__}."
    return _SENTENCES.get(error.status_code, str(error))


def _first(problems: Sequence[dict[str, Any]]) -> str:
    """The first problem, as ``place: what``."""
    problem = problems[0]
    # The first two parts name the container and our parameter, which the caller never sees.
    place = [str(part) for part in problem["loc"]]
    place = place[2:] if place[0] == "body" else place[1:]
    return f"{'.'.join(place) or 'body'}: {problem['msg']}"
