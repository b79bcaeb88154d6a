"""A session's artifacts as rows: durable before the result that names them is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from agents.core.artifacts import Kept
from agents.models import Artifact, Session
from agents.session_log import in_thread


@dataclass(frozen=True, slots=True)
class SessionArtifacts:
    """What one session keeps and may read: its own artifacts and those of whom it was forked from.

    A worker that dies between the two leaves a row that no result names, never a name without a
    row.
    """

    session: int

    async def keep(self, call_id: str, step: int, found: Sequence[Kept]) -> None:
        rows = [_row(self.session, call_id, step, one) for one in found]
        await in_thread(lambda: Artifact.objects.bulk_create(rows))

    async def read(self, artifact_id: str) -> Kept | None:
        if "\x00" in artifact_id:  # PostgreSQL refuses to compare it
            return None
        return await in_thread(lambda: self._read(artifact_id))

    def _read(self, artifact_id: str) -> Kept | None:
        row = readable(self.session).filter(key=artifact_id).first()
        if row is None:
            return None
        return Kept(row.key, row.name, row.mime, bytes(row.content), row.size, row.sha256)


def readable(session: int) -> QuerySet[Artifact]:
    """A session's artifacts and its parents': a fork's log names those too."""
    family: list[int] = []
    at: int | None = session
    while at is not None:
        family.append(at)
        at = Session.objects.values_list("parent_id", flat=True).get(pk=at)
    return Artifact.objects.filter(session_id__in=family)


def _row(session: int, call_id: str, step: int, one: Kept) -> Artifact:
    return Artifact(
        session_id=session,
        key=one.id,
        call_id=call_id[:128],
        step=step,
        name=one.name,
        mime=one.mime,
        size=one.size,
        sha256=one.sha256,
        content=one.data,
    )
