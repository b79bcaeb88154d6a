"""The tools of the benchmark, held by this process only."""

from __future__ import annotations

import os
from pathlib import Path

from agents.core.risk import Effect, Risk
from agents.toolbox.tool import PythonTool, python_tools, tool
from tests.bench import failpoints

_SENTENCE = "Order 1184 of Fernhill Supplies was packed on a Tuesday and waits for its carrier. "


@tool(risk=Risk.SAFE, effect=Effect.READ, timeout=30)
async def look_up(run: int, step: int) -> str:
    """Look something up."""
    return f"Run {run}, step {step}. {_SENTENCE * 13}"[:1000]


@tool(risk=Risk.HIGH, effect=Effect.IRREVERSIBLE, timeout=30)
async def append_line(run: int, step: int) -> str:
    """Add a line to the file of effects."""
    failpoints.hit("in_call")
    append(Path(os.environ["CRASH_DIR"]) / "effects.txt", f"{run},{step}\n")
    failpoints.hit("after_effect")
    return f"Line {run},{step} was added."


def recall(size: int) -> PythonTool:
    """The tool ``recall``, whose results have ``size`` characters."""

    @tool(risk=Risk.SAFE, effect=Effect.READ, timeout=30)
    async def recall(entry: str, why: str) -> str:
        return "r" * (size - len(entry)) + entry

    return recall


def append(path: Path, text: str) -> None:
    """Add to a file in one write, so that nothing of it is there or all."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def hold(*tools: PythonTool) -> None:
    """Make them known beside the product's own."""
    python_tools().update({one.name: one for one in tools})
