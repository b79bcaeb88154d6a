"""What the API refuses about messages: roles, blocks, unanswered calls, altered thinking."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from tests.endpoint import compaction
from tests.endpoint.blocks import Json, Spot, as_blocks
from tests.endpoint.refuse import RefusedError
from tests.endpoint.rules import check_keys, check_name, check_text
from tests.endpoint.signing import prefix_of

TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")
BOUND = (
    "Invalid signature in thinking block. The block is bound to a different conversation"
    " and must be returned exactly as it was received, after the same system, tools and messages"
)
# The tool_use ids made here say whether thinking stood before them.
THOUGHT = "toolu_t"

MARK = "cache_control"
FIELDS: dict[str, set[str]] = {
    "text": {"type", "text", MARK, "citations"},
    "image": {"type", "source", MARK},
    "document": {"type", "source", "title", "context", "citations", MARK},
    "search_result": {"type", "source", "title", "content", "citations", MARK},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "toolset_name", MARK},
    "tool_use": {"type", "id", "name", "input", "caller", "toolset_name", MARK},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
    "server_tool_use": {"type", "id", "name", "input", "caller", MARK},
    "web_search_tool_result": {"type", "tool_use_id", "content", "caller", MARK},
    "tool_reference": {"type", "tool_name", MARK},
    "compaction": {"type", "content", "signature", "encrypted_content", "tool_changes", MARK},
}
ALLOWED = {
    "user": {"text", "image", "document", "search_result", "tool_result", "compaction"},
    "assistant": {
        "compaction",
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "server_tool_use",
        "web_search_tool_result",
    },
    "system": {"text"},
}
IN_RESULT = {"text", "image", "document", "search_result", "tool_reference"}


def check_messages(body: Json, betas: str = "") -> list[Spot]:
    """Refuse what the API refuses; the thinking blocks it drops where the request allows that."""
    messages = body.get("messages")
    if messages is None:
        raise RefusedError("messages: Field required")
    if not isinstance(messages, list):
        raise RefusedError("messages: Input should be a valid list")
    if not messages:
        raise RefusedError("messages: at least one message is required")
    for at, message in enumerate(messages):
        _check_message(message, f"messages.{at}")
    compaction.check_blocks(messages, betas)
    _check_order(messages, replies=body.get("compaction") is None)
    _check_pairs(messages)
    _check_kept_thinking(body)
    _prefix, broken = prefix_of(body)
    if broken and not _drops(body):
        raise RefusedError(f"{broken[0].path}: {BOUND}")
    return broken


def _check_message(message: Any, where: str) -> None:
    if not isinstance(message, dict):
        raise RefusedError(f"{where}: Input should be an object")
    role = message.get("role")
    if role not in ALLOWED:
        raise RefusedError(
            f"{where}.role: Unexpected role {role!r}. Allowed roles are 'user', 'assistant'"
            " and 'system'"
        )
    allowed = {"role", "content", "clear_at"} if role == "system" else {"role", "content"}
    check_keys(message, allowed, where)
    content = message.get("content")
    if not isinstance(content, str | list):
        raise RefusedError(f"{where}.content: Input should be a valid string or list")
    if not content:
        raise RefusedError(f"{where}: {role} messages must have non-empty content")
    for index, block in enumerate(as_blocks(content)):
        _check_block(block, ALLOWED[role], f"{where}.content.{index}")


def _check_block(block: Any, allowed: set[str], where: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in allowed:
        names = ", ".join(f"'{name}'" for name in sorted(allowed))
        raise RefusedError(
            f"{where}: Input tag {kind!r} does not match any of the expected: {names}"
        )
    check_keys(block, FIELDS[kind], f"{where}.{kind}")
    check = {"text": check_text, "tool_use": _check_call, "tool_result": _check_result}.get(kind)
    if check is not None:
        check(block, where)
    if kind == "thinking":
        _check_thinking(block, where)


def _check_call(block: Json, where: str) -> None:
    _check_id(block.get("id"), f"{where}.tool_use.id")
    check_name(block.get("name"), f"{where}.tool_use.name")
    if not isinstance(block.get("input"), dict):
        raise RefusedError(f"{where}.tool_use.input: Input should be a valid dictionary")


def _check_result(block: Json, where: str) -> None:
    _check_id(block.get("tool_use_id"), f"{where}.tool_result.tool_use_id")
    content = block.get("content", "")
    if not isinstance(content, str | list):
        raise RefusedError(f"{where}.tool_result.content: Input should be a valid string or list")
    if not isinstance(block.get("is_error", False), bool):
        raise RefusedError(f"{where}.tool_result.is_error: Input should be a valid boolean")
    if block.get("is_error") and not content:
        raise RefusedError(f"{where}.tool_result: content cannot be empty if `is_error` is true")
    if isinstance(content, list):
        for index, part in enumerate(content):
            _check_block(part, IN_RESULT, f"{where}.tool_result.content.{index}")


def _check_thinking(block: Json, where: str) -> None:
    for key in ("thinking", "signature"):
        if not isinstance(block.get(key), str):
            raise RefusedError(f"{where}.thinking.{key}: Field required")


def _check_id(value: Any, where: str) -> None:
    if not isinstance(value, str) or not TOOL_ID.fullmatch(value):
        raise RefusedError(f"{where}: String should match pattern '^{TOOL_ID.pattern}$'")


def _check_order(messages: list[Json], *, replies: bool) -> None:
    sealed = as_blocks(messages[0]["content"])[0]["type"] == compaction.KIND
    if messages[0]["role"] != "user" and not sealed:
        raise RefusedError('messages: first message must use the "user" role')
    for at in range(1, len(messages)):
        if messages[at]["role"] == "system" and messages[at - 1]["role"] != "user":
            raise RefusedError(
                f"messages.{at}: a system message must directly follow a user message"
            )
    if replies and messages[-1]["role"] == "assistant" and not _paused(messages[-1]):
        raise RefusedError(
            "This model does not support assistant message prefill. The conversation must end"
            " with a user message."
        )


def _paused(message: Json) -> bool:
    """A turn that stopped with pause_turn goes back as it is, as the last message."""
    blocks = as_blocks(message["content"])
    return bool(blocks) and blocks[-1]["type"] == "server_tool_use"


def _check_pairs(messages: list[Json]) -> None:
    seen: set[str] = set()
    calls: list[str] = []
    for at, message in enumerate(messages):
        _check_answers(message, calls, at)
        calls = []
        if message["role"] == "assistant":
            calls = [b["id"] for b in as_blocks(message["content"]) if b["type"] == "tool_use"]
        for call in calls:
            if call in seen:
                raise RefusedError(f"messages.{at}: `tool_use` ids must be unique")
            seen.add(call)
    if calls:
        raise RefusedError(_unanswered(len(messages) - 1, calls))


def _check_answers(message: Json, calls: list[str], at: int) -> None:
    kinds = [block["type"] for block in as_blocks(message["content"])]
    results = [block for block in as_blocks(message["content"]) if block["type"] == "tool_result"]
    count = Counter(block["tool_use_id"] for block in results)
    for index, block in enumerate(results):
        if block["tool_use_id"] not in calls:
            raise RefusedError(
                f"messages.{at}.content.{index}: unexpected `tool_use_id` found in `tool_result`"
                f" blocks: {block['tool_use_id']}. Each `tool_result` block must have a"
                " corresponding `tool_use` block in the previous message."
            )
        if count[block["tool_use_id"]] > 1:
            raise RefusedError(
                f"messages.{at}.content.{index}: each tool_use must have a single result. Found"
                f" multiple `tool_result` blocks with id: {block['tool_use_id']}"
            )
    if missing := [call for call in calls if call not in count]:
        raise RefusedError(_unanswered(at - 1, missing))
    if "tool_result" in kinds[len(results) :]:
        raise RefusedError(
            f"messages.{at}: `tool_result` blocks must come first in the content of the message"
            " that answers `tool_use` blocks"
        )


def _unanswered(at: int, calls: list[str]) -> str:
    return (
        f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately"
        f" after: {', '.join(calls)}. Each `tool_use` block must have a corresponding"
        " `tool_result` block in the next message."
    )


def _check_kept_thinking(body: Json) -> None:
    """Thinking may go missing only as a leading run, never from the turn that is being answered."""
    any_kept = False
    last = _last_assistant(body["messages"])
    for at, message in enumerate(body["messages"]):
        if message["role"] != "assistant":
            continue
        blocks = as_blocks(message["content"])
        kept = any(block["type"] == "thinking" for block in blocks)
        made = any(str(block.get("id", "")).startswith(THOUGHT) for block in blocks)
        if made and not kept and (any_kept or (at == last and _thinks(body))):
            raise RefusedError(
                f"messages.{at}: {BOUND}. Expected `thinking` or `redacted_thinking` before"
                " `tool_use`: a thinking block was removed"
            )
        any_kept = any_kept or kept


def _last_assistant(messages: list[Json]) -> int:
    return max((at for at, m in enumerate(messages) if m["role"] == "assistant"), default=-1)


def _thinks(body: Json) -> bool:
    return (body.get("thinking") or {}).get("type") != "disabled"


def _drops(body: Json) -> bool:
    binding = (body.get("thinking") or {}).get("block_binding") or {}
    return bool(binding.get("prefix_mismatch_behavior") == "drop_block")
