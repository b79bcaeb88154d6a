"""What a session's tools returned and the log holds only in part."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from agents.artifacts import readable
from oversight.downloads import download
from oversight.views.access import PageRequest, for_people, the_session


@require_GET
@for_people
def artifact(request: PageRequest, uuid: UUID, key: str) -> HttpResponse:
    """One artifact, to be saved."""
    session = the_session(request, uuid)
    return download(get_object_or_404(readable(session.pk), key=key))
