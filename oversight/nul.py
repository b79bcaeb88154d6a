"""Requests that hold a NUL: no form of ours sends one, and PostgreSQL takes none in a text."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from oversight.api import errors


class NoNul(MiddlewareMixin):
    """Refuses them before anything is looked up by what they say."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if not any("\x00" in text for text in _texts(request)):
            return None
        if errors.is_api(request):
            return errors.response(400, "The request holds a NUL.")
        raise BadRequest("The request holds a NUL.")


def _texts(request: HttpRequest) -> Iterator[str]:
    yield request.path
    yield from request.headers.values()
    forms = [request.GET]
    # The API reads its bodies itself: JSON within its own bounds, without NUL (``canonical``).
    if not errors.is_api(request):
        forms.append(request.POST)
    for form in forms:
        for name, values in form.lists():
            yield name
            yield from map(str, values)
