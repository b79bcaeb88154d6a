"""What the API refuses about a request as a whole: fields, models, tools, thinking, breakpoints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from tests.endpoint.blocks import Json, as_blocks
from tests.endpoint.refuse import RefusedError

NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
EFFORTS = {"low", "medium", "high", "xhigh", "max"}
SCHEMA_TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}
MAX_OUTPUT = 128_000

PLAIN = set(
    "cache_control container diagnostics inference_geo max_tokens messages metadata model"
    " output_config service_tier speed stop_sequences stream system thinking tool_choice tools"
    " user_profile_id workspace_id".split()
)
BETA = set(
    "compaction context_management fallbacks fallback_credit_token mcp_servers thread"
    " billing_policy".split()
)
TOOL_FIELDS = set(
    "name description input_schema type cache_control strict eager_input_streaming defer_loading"
    " input_examples allowed_callers".split()
)

FORCED = ("claude-fable-5-1", "claude-fable-5-2", "claude-opus-5-5", "claude-sonnet-5-5")
# Which thinking.type a model refuses.
REFUSED_THINKING = {
    "claude-opus-5-5": {"enabled", "disabled", "between_tools"},
    "claude-sonnet-5-5": {"enabled", "disabled"},
}


def parse(raw: bytes) -> Json:
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as exc:
        raise RefusedError(f"The request body is not valid JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise RefusedError("Input should be an object")
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def check_keys(value: Json, allowed: set[str], where: str) -> None:
    for key in value:
        if key not in allowed:
            prefix = f"{where}." if where else ""
            raise RefusedError(f"{prefix}{key}: Extra inputs are not permitted")


def check_request(body: Json, beta: bool, counting: bool) -> None:
    check_keys(body, PLAIN | BETA if beta else PLAIN, "")
    if not isinstance(body.get("model"), str):
        raise RefusedError("model: Field required")
    if not body["model"].startswith("claude-"):
        raise RefusedError(f"model: {body['model']}", 404)
    if not counting:
        _check_max_tokens(body)
    if not isinstance(body.get("stream", False), bool):
        raise RefusedError("stream: Input should be a valid boolean")
    _check_system(body.get("system"))
    _check_tools(body.get("tools"))
    _check_tool_choice(body)
    _check_thinking(body)
    if "block_binding" in (body.get("thinking") or {}) and not beta:
        raise RefusedError("thinking.block_binding: Extra inputs are not permitted")
    _check_small(body)
    _check_breakpoints(body)


def _check_max_tokens(body: Json) -> None:
    limit = body.get("max_tokens")
    if limit is None:
        raise RefusedError("max_tokens: Field required")
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise RefusedError("max_tokens: Input should be a valid integer")
    if limit < 1:
        raise RefusedError("max_tokens: Input should be greater than or equal to 1")
    if limit > MAX_OUTPUT:
        raise RefusedError(
            f"max_tokens: {limit} > {MAX_OUTPUT}, which is the maximum allowed number of output"
            f" tokens for {body['model']}"
        )


def check_text(block: Json, where: str) -> None:
    text = block.get("text")
    if not isinstance(text, str):
        raise RefusedError(f"{where}.text: Input should be a valid string")
    if not text:
        if block.get("cache_control"):
            raise RefusedError(f"{where}.text: cache_control cannot be set for empty text blocks")
        raise RefusedError(f"{where}: text content blocks must be non-empty")
    if not text.strip():
        raise RefusedError(f"{where}: text content blocks must contain non-whitespace text")


def _check_system(system: Any) -> None:
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        raise RefusedError("system: Input should be a valid string or list")
    for at, block in enumerate(system):
        if not isinstance(block, dict) or block.get("type") != "text":
            raise RefusedError(f"system.{at}: Input should be a text block")
        check_keys(block, {"type", "text", "cache_control", "citations"}, f"system.{at}")
        check_text(block, f"system.{at}")


def _check_tools(tools: Any) -> None:
    if tools is None:
        return
    if not isinstance(tools, list):
        raise RefusedError("tools: Input should be a valid list")
    names: set[str] = set()
    for at, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise RefusedError(f"tools.{at}: Input should be an object")
        if tool.get("type") in {None, "custom"}:
            _check_tool(tool, f"tools.{at}.custom")
        name = str(tool.get("name", ""))
        if name in names:
            raise RefusedError("tools: Tool names must be unique.")
        names.add(name)


def _check_tool(tool: Json, where: str) -> None:
    check_keys(tool, TOOL_FIELDS, where)
    check_name(tool.get("name"), f"{where}.name")
    if not isinstance(tool.get("description", ""), str):
        raise RefusedError(f"{where}.description: Input should be a valid string")
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise RefusedError(f"{where}.input_schema: Field required")
    if "type" not in schema:
        raise RefusedError(f"{where}.input_schema.type: Field required")
    if schema["type"] != "object":
        raise RefusedError(f"{where}.input_schema.type: Input should be 'object'")
    if {"oneOf", "allOf", "anyOf"} & schema.keys():
        raise RefusedError(
            f"{where}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the"
            " top level"
        )
    if not _is_schema(schema):
        raise RefusedError(
            f"{where}.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12"
        )
    for name in schema.get("properties") or {}:
        if not PROPERTY.fullmatch(name):
            raise RefusedError(
                f"{where}.input_schema.properties: Property keys should match pattern"
                f" '^{PROPERTY.pattern}$'"
            )


def check_name(name: Any, where: str) -> None:
    if not isinstance(name, str):
        raise RefusedError(f"{where}: Field required")
    if not NAME.fullmatch(name):
        raise RefusedError(f"{where}: String should match pattern '^{NAME.pattern}$'")


def _is_schema(schema: Any) -> bool:
    """A structural look at the keywords that tools really use."""
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, dict) or not _known_types(schema.get("type", [])):
        return False
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        return False
    if not isinstance(schema.get("enum", []), list):
        return False
    return all(_is_schema(child) for child in _children(schema))


def _known_types(kind: Any) -> bool:
    kinds = [kind] if isinstance(kind, str) else kind
    return isinstance(kinds, list) and all(one in SCHEMA_TYPES for one in kinds)


def _children(schema: Json) -> Iterator[Any]:
    for key in ("properties", "patternProperties", "$defs"):
        group = schema.get(key) or {}
        yield from group.values() if isinstance(group, dict) else [None]
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        several = schema.get(key, [])
        yield from several if isinstance(several, list) else [None]
    yield from (schema[key] for key in ("items", "additionalProperties", "not") if key in schema)


def _check_tool_choice(body: Json) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in {"auto", "any", "tool", "none"}:
        raise RefusedError("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")
    names = {tool.get("name") for tool in body.get("tools") or []}
    if not names:
        raise RefusedError("tool_choice: tool_choice may only be specified while providing tools.")
    if kind == "tool" and choice.get("name") not in names:
        raise RefusedError(f"tool_choice: Tool '{choice.get('name')}' not found in provided tools")
    if kind in {"any", "tool"} and body["model"].startswith(FORCED):
        raise RefusedError(f"tool_choice: forced tool use is not supported by {body['model']}")


def _check_thinking(body: Json) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in {"adaptive", "enabled", "disabled", "between_tools"}:
        raise RefusedError("thinking.type: Input should be 'adaptive', 'enabled' or 'disabled'")
    for model, refused in REFUSED_THINKING.items():
        if body["model"].startswith(model) and kind in refused:
            raise RefusedError(f"thinking.type: '{kind}' is not supported by {body['model']}")
    if kind == "enabled":
        _check_budget(thinking.get("budget_tokens"), body.get("max_tokens"))


def _check_budget(budget: Any, limit: Any) -> None:
    if not isinstance(budget, int) or budget < 1024:
        raise RefusedError(
            "thinking.enabled.budget_tokens: should be greater than or equal to 1024"
        )
    if isinstance(limit, int) and budget >= limit:
        raise RefusedError("`max_tokens` must be greater than `thinking.budget_tokens`")


def _check_small(body: Json) -> None:
    stops = body.get("stop_sequences") or []
    if not isinstance(stops, list) or any(not str(stop).strip() for stop in stops):
        raise RefusedError("stop_sequences: each stop sequence must contain non-whitespace")
    check_keys(body.get("metadata") or {}, {"user_id"}, "metadata")
    effort = (body.get("output_config") or {}).get("effort")
    if effort is not None and effort not in EFFORTS:
        raise RefusedError("output_config.effort: Input should be low, medium, high, xhigh or max")


def _controls(body: Json) -> Iterator[Any]:
    yield from (tool.get("cache_control") for tool in body.get("tools") or [])
    yield from (block.get("cache_control") for block in as_blocks(body.get("system") or []))
    for message in body.get("messages") or []:
        content = message.get("content") if isinstance(message, dict) else None
        for block in as_blocks(content):
            if isinstance(block, dict):
                yield block.get("cache_control")
    yield body.get("cache_control")


def _check_breakpoints(body: Json) -> None:
    found = [control for control in _controls(body) if control is not None]
    for control in found:
        if not isinstance(control, dict) or control.get("type") != "ephemeral":
            raise RefusedError("cache_control.type: Input should be 'ephemeral'")
        if control.get("ttl", "5m") not in {"5m", "1h"}:
            raise RefusedError("cache_control.ttl: Input should be '5m' or '1h'")
    if len(found) > 4:
        raise RefusedError(
            f"A maximum of 4 blocks with cache_control may be provided. Found {len(found)}."
        )
    ttls = [control.get("ttl", "5m") for control in found]
    if ttls != sorted(ttls):
        raise RefusedError(
            "cache_control: a ttl='1h' cache_control block must not come after a ttl='5m'"
            " cache_control block."
        )
