"""Read on where a tool's output was cut."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

from agents.core.artifacts import Kept
from agents.core.risk import Effect, Risk
from agents.core.tools import File, NotFound, ToolContext, ToolOutput
from agents.toolbox.tool import tool

MOST = 20_000  # characters of one reading, so that it is not cut itself


@tool(risk=Risk.SAFE, effect=Effect.READ, timeout=10)
async def read_artifact(
    context: ToolContext,
    id: Annotated[str, Field(max_length=40), "As the cut result names it, e.g. art_1f0c..."],  # noqa: A002 - the marker in a result says id
    offset: Annotated[int, Field(ge=0), "Characters to skip"] = 0,
    limit: Annotated[int, Field(ge=1, le=MOST), "Characters to read"] = MOST,
) -> ToolOutput:
    """Read an output of this session that was too long or too large to be shown whole.

    Texts are read in pieces, by characters; pictures and PDFs are shown.
    """
    found = await context.artifacts.read(id)
    if found is None:
        raise NotFound(f"This session has no artifact {id[:40]!r}.", effects=False)
    return await asyncio.to_thread(_piece, found, offset, limit)


def _piece(found: Kept, offset: int, limit: int) -> ToolOutput:
    try:
        text = found.data.decode("utf-8", "ignore" if found.cut else "strict")
    except UnicodeDecodeError:
        text = ""
    if not text or found.data.startswith(b"%PDF-"):
        return ToolOutput([File(found.data, found.mime, found.name, artifact=found.id)])
    end = min(offset + limit, len(text))
    if offset >= len(text):
        raise NotFound(f"{found.id} has only {len(text):,} characters.", effects=False)
    head = f"[characters {offset:,} to {end:,} of {len(text):,} of {found.id}]"
    foot = f"\n[only the first {len(found.data):,} of {found.size:,} bytes were kept]"
    last = found.cut and end == len(text)
    return ToolOutput(f"{head}\n{text[offset:end]}{foot if last else ''}", artifact=found.id)
