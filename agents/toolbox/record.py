"""Tools played from a record: what a call returned before, without calling anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.core import events
from agents.core.tools import NotFound, ToolContext, ToolDefinition, ToolError, ToolOutput
from agents.toolbox.box import Box
from agents.toolbox.results import Results


class Failed(ToolError):
    """The call failed when it was recorded, so it fails now."""


class RecordedBox(Box):
    """A session's tools, none of which runs."""

    def __init__(self, box: Box, results: Results) -> None:
        super().__init__(box.definitions(), box._tools, box._servers)
        self._results = results

    async def current(self, name: str, session_id: str = "") -> ToolDefinition | None:
        return self.definition(name)

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutput:
        self.definition(name)
        result = self._results.next(name, arguments)
        if result is None:
            raise NotFound(
                "Nothing ran: this session plays its tools from a record, and the record has no "
                "such call.",
                effects=False,
            )
        if not result.ok:
            raise Failed(_text(result.content), effects=False)
        return _played(result)

    async def probe(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutput | None:
        return None


def _played(result: events.ToolResult) -> ToolOutput:
    """What the tool said then, without the runtime's words before it."""
    own, content = result.own or 0, result.content
    theirs = content[own:] if isinstance(content, str) else content[min(own, 1) :]
    return ToolOutput(theirs, played=result.artifacts or ())


def _text(content: str | Sequence[Mapping[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in content)
