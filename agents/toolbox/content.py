"""What an MCP tool answered: texts and files, in order."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
)

from agents.core import canonical
from agents.core.artifacts import OCTETS
from agents.core.tools import File
from agents.toolbox import schema
from agents.toolbox.tool import NO_OUTPUT

Part = Mapping[str, Any] | File


def content(result: CallToolResult) -> str | list[Part]:
    """Text if all of it is text, else texts and files in order; never empty."""
    parts = [part for item in result.content if (part := _part(item))]
    if not parts and result.structured_content is not None:
        parts = [_text(_structured(result.structured_content))]
    if any(isinstance(part, File) for part in parts):
        return parts
    return _joined(parts) or NO_OUTPUT


def text(result: CallToolResult) -> str:
    """The textual part alone, for an error's message."""
    shown = content(result)
    return shown if isinstance(shown, str) else _joined(shown)


def flaw(result: CallToolResult, annotations: Mapping[str, Any]) -> str:
    """How a result breaks the schema that its tool declares for it, or an empty string."""
    declared = annotations.get("outputSchema")
    if not declared:
        return ""
    if "structured_content" not in result.model_fields_set:
        return "it returned no structured content, which its output schema asks for"
    found = schema.problems(declared, result.structured_content, "structured content")
    return "; ".join(f"in its structured content, {problem}" for problem in found[:1])


def _joined(parts: Sequence[Part]) -> str:
    return "\n".join("[file]" if isinstance(part, File) else part["text"] for part in parts)


def _part(item: ContentBlock) -> Part | None:
    match item:
        case TextContent():
            return _text(item.text) if item.text else None
        case ImageContent() | AudioContent():
            return _file(item.data, item.mime_type)
        case ResourceLink():
            return _text(f"[resource: {item.name}, {item.uri}, {item.mime_type or 'type unknown'}]")
        case EmbeddedResource():
            return _resource(item)


def _resource(item: EmbeddedResource) -> Part:
    held = item.resource
    if isinstance(held, BlobResourceContents):
        return _file(held.blob, held.mime_type or OCTETS, str(held.uri).rpartition("/")[2])
    return _text(f"[resource: {held.uri}]\n{held.text}")


def _file(data: str, mime: str, name: str = "") -> Part:
    try:
        return File(base64.b64decode(data, validate=True), mime, name)
    except (binascii.Error, ValueError):
        return _text(f"[binary: {mime[:100]}, not valid base64]")


def _structured(value: object) -> str:
    try:
        return canonical.event_text(value)
    except ValueError:
        return "[structured output that is not JSON]"


def _text(value: str) -> Part:
    return {"type": "text", "text": canonical.clean_text(value)}
