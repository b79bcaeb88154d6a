"""What an answer holds: its blocks as they were streamed, refused where that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.core import canonical

LONGEST_NAME = 128  # characters, of a call's id and a tool's name
COUNTERS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)


def blocks(
    content: list[dict[str, Any]], raw: Mapping[int, list[str]], *, strict: bool
) -> list[dict[str, Any]]:
    """The content as it came, with tool arguments read again from what was streamed: the SDK
    repairs cut JSON and keeps the last of two equal keys, and what runs must be what was sent.
    """
    for index, block in enumerate(content):
        if block.get("type") == "tool_use":
            block["input"] = _arguments(block.get("input"), raw.get(index), strict=strict)
    canonical.check(content)
    _check_calls(content)
    return content


def table(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def tables(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _check_calls(content: list[dict[str, Any]]) -> None:
    """Every call needs an id of its own and a name, or no result could be told from another."""
    calls = [block for block in content if block.get("type") == "tool_use"]
    for call in calls:
        if not all(isinstance(call.get(key), str) and call[key] for key in ("id", "name")):
            raise canonical.BadJson("a tool call has no id or no name")
        if max(len(call["id"]), len(call["name"])) > LONGEST_NAME:
            raise canonical.BadJson(f"a tool call's id or name exceeds {LONGEST_NAME} characters")
    if len({call["id"] for call in calls}) != len(calls):
        raise canonical.BadJson("two tool calls share one id")


def check_usage(usage: Mapping[str, Any]) -> None:
    iterations = usage.get("iterations") or []
    if not isinstance(iterations, list) or not all(isinstance(one, dict) for one in iterations):
        raise canonical.BadJson("usage.iterations is not a list of tables")
    for key in COUNTERS:
        for part in (usage, *iterations):
            count = part.get(key) or 0
            if not isinstance(count, int) or count < 0:
                raise canonical.BadJson(f"usage.{key} is not a number of tokens")
    canonical.check(usage)


def _arguments(given: object, raw: list[str] | None, *, strict: bool) -> object:
    text = "".join(raw or ())
    if raw is None and given:
        return given  # some gateways send the arguments whole, in the block's start
    try:
        return canonical.parse_object(text) if text.strip() else {}
    except canonical.BadJson:
        # A turn that was cut off mid-call is never executed; how it ended says more than its JSON.
        if strict:
            raise
        return {}
