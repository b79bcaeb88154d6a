"""Read a file of the session's workspace."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from agents.core.risk import Effect, Risk
from agents.core.tools import File, NotFound, ToolContext
from agents.toolbox import workspace
from agents.toolbox.tool import tool


@tool(risk=Risk.SAFE, effect=Effect.READ, timeout=10)
def read_file(
    context: ToolContext,
    path: Annotated[str, "Relative to the workspace, e.g. notes/plan.txt; '.' lists the workspace"],
    first_line: Annotated[int, Field(ge=1), "Start here; 1 is the first line"] = 1,
    lines: Annotated[int, Field(ge=1, le=5000), "How many lines"] = 2000,
) -> str | File:
    """Read a file in this session's workspace, or list a folder. Pictures and PDFs are shown.

    The workspace is a sandbox: nothing outside it can be read.
    """
    names = workspace.entries(context.workspace, path)
    if names is not None:
        return _listing(path, names)
    content = workspace.read(context.workspace, path)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return File(content, name=path.rpartition("/")[2])
    return _some_lines(path, text, first_line, lines)


def _listing(path: str, names: list[str]) -> str:
    shown = names[: workspace.MAX_ENTRIES]
    more = len(names) - len(shown)
    end = [f"... and {more:,} more"] if more else []
    return "\n".join([f"Workspace folder {path}: {len(names)} entries", *shown, *end])


def _some_lines(path: str, text: str, first: int, count: int) -> str:
    every = text.splitlines(keepends=True)
    if every and first > len(every):
        raise NotFound(f"{path} has only {len(every)} lines.", effects=False)
    shown = every[first - 1 : first - 1 + count]
    last = first - 1 + len(shown)
    if len(shown) == len(every):
        return text
    return f"[lines {first} to {last} of {len(every)}]\n{''.join(shown)}"
