"""Outputs of tools as downloads: a browser saves them and never opens, runs or guesses at them."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from agents.core.artifacts import OCTETS, TEXT, plain_name
from agents.models import Artifact

# What a browser told to show these could not run. All else is sent as bytes.
_HARMLESS = {TEXT, "application/json", "image/png", "image/jpeg", "image/gif", "image/webp"}


def download(artifact: Artifact) -> HttpResponse:
    mime = artifact.mime if artifact.mime in _HARMLESS else OCTETS
    typed = f"{mime}; charset=utf-8" if mime == TEXT else mime
    response = HttpResponse(bytes(artifact.content), content_type=typed)
    name = content_disposition_header(as_attachment=True, filename=plain_name(artifact.name))
    response["Content-Disposition"] = name or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
