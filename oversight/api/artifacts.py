"""Artifacts: outputs too long or too large for a model to be shown whole."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from agents import inbox
from agents.artifacts import readable
from agents.core.artifacts import MAX_KEPT
from agents.models import Artifact
from oversight.api.auth import caller
from oversight.api.sessions import find
from oversight.api.shapes import REFUSALS
from oversight.downloads import download

router = Router(tags=["artifacts"])


class ArtifactOut(Schema):
    id: str
    call_id: str
    step: int
    name: str
    mime: str
    bytes: int  # of all of it
    kept: int  # bytes that can be downloaded
    sha256: str  # of all of it
    created_at: datetime


@router.get("sessions/{uuid:session_id}/artifacts", response={200: list[ArtifactOut], **REFUSALS})
def list_artifacts(request: HttpRequest, session_id: UUID) -> list[ArtifactOut]:
    """The oldest first."""
    session = find(caller(request), session_id)
    rows = readable(session.pk).defer("content")
    return [_shape(row) for row in rows]


@router.get(
    "sessions/{uuid:session_id}/artifacts/{artifact_id}",
    response={**REFUSALS},
    openapi_extra={
        "responses": {
            200: {"description": "The bytes", "content": {"application/octet-stream": {}}}
        }
    },
)
def get_artifact(request: HttpRequest, session_id: UUID, artifact_id: str) -> HttpResponse:
    """The bytes, as a file to be saved."""
    session = find(caller(request), session_id)
    row = readable(session.pk).filter(key=artifact_id).first()
    if row is None:
        raise inbox.Missing("This session has no such artifact.")
    return download(row)


def _shape(row: Artifact) -> ArtifactOut:
    return ArtifactOut(
        id=row.key,
        call_id=row.call_id,
        step=row.step,
        name=row.name,
        mime=row.mime,
        bytes=row.size,
        kept=min(row.size, MAX_KEPT),
        sha256=row.sha256,
        created_at=row.created_at,
    )
