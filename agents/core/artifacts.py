"""What is kept whole beside the log: outputs too long or too large for a model to be shown."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_KEPT = 10_000_000  # bytes of one artifact; of what is longer the beginning
OCTETS = "application/octet-stream"
TEXT = "text/plain"

_MIME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")
_UNFIT = re.compile(r"[^\w .()@+-]+")


@dataclass(frozen=True, slots=True)
class Kept:
    """An artifact: ``data`` is all of it, or its first ``MAX_KEPT`` bytes; ``size`` (bytes) and
    ``sha256`` (hex) are of all."""

    id: str
    name: str
    mime: str
    data: bytes
    size: int
    sha256: str

    @property
    def cut(self) -> bool:
        return len(self.data) < self.size

    def ref(self) -> dict[str, Any]:
        """How a ``tool_result`` names it."""
        named = {"id": self.id, "name": self.name, "mime": self.mime}
        known = {**named, "bytes": self.size, "sha256": self.sha256}
        return {**known, "kept": len(self.data)} if self.cut else known


def kept(data: bytes, mime: str, name: str) -> Kept:
    """A new artifact under an id that nobody can guess; ``name`` and ``mime`` may be hostile."""
    return Kept(
        id=f"art_{secrets.token_hex(16)}",
        name=plain_name(name),
        mime=plain_mime(mime),
        data=data[:MAX_KEPT],
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def plain_name(name: str) -> str:
    """A file name that no header, shell or path can be broken with; at most 100 characters."""
    fit = " ".join(_UNFIT.sub("_", name.replace("\\", "/").rpartition("/")[2]).split())
    return fit.strip(" .")[-100:].strip(" .") or "output"


def plain_mime(mime: str) -> str:
    bare = mime.partition(";")[0].strip().lower()
    return bare if _MIME.fullmatch(bare) else OCTETS


class Artifacts(Protocol):
    """Where one session's artifacts are kept."""

    async def keep(self, call_id: str, step: int, found: Sequence[Kept]) -> None:
        """Return once they are durable: the ``tool_result`` that names them comes after."""
        ...

    async def read(self, artifact_id: str) -> Kept | None:
        """An artifact that this session may read; None if there is none of that id."""
        ...


@dataclass
class MemoryArtifacts:
    """Kept as long as the process lives."""

    held: dict[str, Kept] = field(default_factory=dict)

    async def keep(self, call_id: str, step: int, found: Sequence[Kept]) -> None:
        self.held.update({one.id: one for one in found})

    async def read(self, artifact_id: str) -> Kept | None:
        return self.held.get(artifact_id)
