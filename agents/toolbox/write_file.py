"""Write a file into the session's workspace.

Its effect is *probed*: a write replaces the file whole or not at all, and the workspace belongs to
one session, so the file itself says whether an interrupted write happened.
"""

from __future__ import annotations

from typing import Annotated

from agents.core.risk import Effect, Risk
from agents.core.tools import NotFound, ToolContext
from agents.toolbox import workspace
from agents.toolbox.tool import tool


def happened(context: ToolContext, path: str, content: str) -> str | None:
    """The same answer as the call's if the file holds exactly this content."""
    try:
        held = workspace.read(context.workspace, path)
    except NotFound:
        return None
    return _done(path, content) if held == content.encode() else None


@tool(risk=Risk.LOW, effect=Effect.PROBED, timeout=10, probe=happened)
def write_file(
    context: ToolContext,
    path: Annotated[str, "Relative to the workspace, e.g. reports/week.md; folders are made"],
    content: Annotated[str, "The whole new content of the file"],
) -> str:
    """Create a text file in this session's workspace, or replace it as a whole.

    The workspace is a sandbox: nothing outside it can be written.
    """
    workspace.write(context.workspace, path, content.encode())
    return _done(path, content)


def _done(path: str, content: str) -> str:
    return f"Wrote {len(content.encode()):,} bytes to {path} in the sandbox workspace."
