"""What an MCP server says its tools are, and which of them may be offered to an agent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp.shared.inbound import find_invalid_x_mcp_header
from mcp_types import Tool

from agents.core import canonical
from agents.core.risk import Effect, Risk
from agents.core.tools import ToolDefinition
from agents.toolbox import schema
from agents.toolbox.config import ServerConfig

MAX_TOOLS = 1_000
MAX_DESCRIPTION = 20_000  # characters
SEPARATOR = "__"

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Excluded:
    """A tool that is not offered, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A server's tools at one moment, by their full names."""

    definitions: Mapping[str, ToolDefinition] = field(default_factory=dict)
    excluded: tuple[Excluded, ...] = ()


def listing(config: ServerConfig, tools: Iterable[Tool]) -> Listing:
    """Sort a server's tools into those that may be offered and those that may not.

    All are suggested HIGH and irreversible whatever their annotations say: those are hints from a
    stranger.
    """
    definitions: dict[str, ToolDefinition] = {}
    excluded: list[Excluded] = []
    for count, tool in enumerate(tools):
        name = f"{config.name}{SEPARATOR}{tool.name}"
        reason = f"the server offers more than {MAX_TOOLS:,} tools" if count >= MAX_TOOLS else ""
        reason = reason or _flaw(name, tool, definitions)
        if reason:
            excluded.append(Excluded(canonical.clean_text(name)[:128], reason))
        else:
            definitions[name] = _definition(config, name, tool)
    return Listing(definitions, tuple(excluded))


def _flaw(name: str, tool: Tool, known: Mapping[str, ToolDefinition]) -> str:
    if not _NAME.fullmatch(name):
        return "its name is not 1 to 128 letters, digits, '_' and '-'"
    if name in known:
        return "the server offers this name twice"
    length = len(tool.description or "")
    if length > MAX_DESCRIPTION:
        return f"its description has {length:,} characters, more than {MAX_DESCRIPTION:,}"
    return _schema_flaw(tool) or _annotations_flaw(tool)


def _schema_flaw(tool: Tool) -> str:
    # The output schema is checked against hostile results, so it must be bounded as well.
    given = (tool.input_schema, tool.output_schema)
    flaws = (schema.flaw(item) for item in given if item is not None)
    header = find_invalid_x_mcp_header(tool.input_schema)
    return next(filter(None, flaws), f"invalid x-mcp-header: {header}"[:200] if header else "")


def _annotations_flaw(tool: Tool) -> str:
    try:
        canonical.check(_annotations(tool))
    except canonical.BadJson as error:
        return f"its annotations are not usable JSON: {error}"
    return ""


def _definition(config: ServerConfig, name: str, tool: Tool) -> ToolDefinition:
    return ToolDefinition(
        name=name,
        description=_visible(tool.description or ""),
        input_schema=tool.input_schema,
        risk=Risk.HIGH,
        effect=Effect.IRREVERSIBLE,
        timeout=config.timeout,
        server=config.name,
        annotations=_annotations(tool),
        origin=config.origin,
    )


def _annotations(tool: Tool) -> dict[str, Any]:
    """The hints, and the output schema, so that a change of either is seen in the digest."""
    hints = (
        tool.annotations.model_dump(by_alias=True, exclude_none=True) if tool.annotations else {}
    )
    return hints | ({"outputSchema": tool.output_schema} if tool.output_schema else {})


def _visible(text: str) -> str:
    """Without characters that a person who reviews the tool could not see but a model reads."""
    text = canonical.clean_text(text)
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf"})
