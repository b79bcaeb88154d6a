"""What the endpoint refuses about the API's own compaction."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.endpoint import compaction
from tests.endpoint.answer import sealed
from tests.endpoint.billing import Cache
from tests.endpoint.history import check_messages
from tests.endpoint.refuse import RefusedError
from tests.endpoint.signing import signed

Json = dict[str, Any]
OLD = [
    {"role": "user", "content": [{"type": "text", "text": "Task."}]},
    {"role": "assistant", "content": [{"type": "text", "text": "Doing."}]},
    {"role": "user", "content": [{"type": "text", "text": "More."}]},
]


def asking(**changes: Any) -> Json:
    body = {"model": "claude-opus-5-5", "max_tokens": 4_000, "messages": copy.deepcopy(OLD)}
    return {**body, "compaction": {"type": "summarize"}, **changes}


def block() -> Json:
    body = asking()
    answer = sealed({"text": "All."}, body, Cache().bill(body))
    content: Json = answer["content"][0]
    return content


def kept() -> list[Json]:
    """A turn with thinking that was made behind the old messages, and its answer."""
    content = [{"type": "thinking", "thinking": "hm", "signature": ""}]
    said = signed(asking(), [*content, {"type": "text", "text": "Done so far."}], shown=True)
    answer = {"role": "user", "content": [{"type": "text", "text": "Go on."}]}
    return [{"role": "assistant", "content": said}, answer]


def begun(*messages: Json) -> Json:
    first = {"role": "assistant", "content": [block()]}
    return {"model": "claude-opus-5-5", "max_tokens": 4_000, "messages": [first, *messages]}


def test_a_kept_turn_behind_the_block_keeps_its_thinking() -> None:
    assert check_messages(begun(*kept()), compaction.BETA) == []


def test_a_message_between_the_block_and_a_kept_turn_breaks_its_thinking() -> None:
    between = {"role": "user", "content": [{"type": "text", "text": "New."}]}
    with pytest.raises(RefusedError, match="bound to a different conversation"):
        check_messages(begun(between, *kept()), compaction.BETA)


def test_other_tools_break_the_thinking_of_a_kept_turn() -> None:
    with pytest.raises(RefusedError, match="bound to a different conversation"):
        check_messages({**begun(*kept()), "system": "Another."}, compaction.BETA)


def test_the_block_must_come_first() -> None:
    body = begun(*kept())
    with pytest.raises(RefusedError, match="misplaced"):
        check_messages({**body, "messages": [*OLD, *body["messages"]]}, compaction.BETA)


def test_the_block_needs_its_beta_header() -> None:
    with pytest.raises(RefusedError, match="does not match any"):
        check_messages(begun(*kept()), "another-beta-2026-01-01")


@pytest.mark.parametrize("change", [{"content": "Forged."}, {"signature": "Zm9yZ2Vk"}])
def test_a_changed_block_is_refused(change: Json) -> None:
    body = begun(*kept())
    body["messages"][0]["content"][0] |= change
    with pytest.raises(RefusedError, match=r"mismatch|invalid"):
        check_messages(body, compaction.BETA)


@pytest.mark.parametrize(
    "extra",
    [
        {"stop_sequences": ["x"]},
        {"context_management": {"edits": []}},
        {"tool_choice": {"type": "any"}},
        {"output_config": {"format": {"type": "json_schema"}}},
    ],
)
def test_what_shapes_a_reply_cannot_be_combined_with_it(extra: Json) -> None:
    with pytest.raises(RefusedError, match="cannot be combined"):
        compaction.check_param(asking(**extra), compaction.BETA)


def test_a_request_for_a_summary_needs_the_header_and_a_model_that_can() -> None:
    with pytest.raises(RefusedError, match="requires anthropic-beta"):
        compaction.check_param(asking(), "")
    with pytest.raises(RefusedError, match="does not support"):
        compaction.check_param(asking(model="claude-haiku-5-5"), compaction.BETA)


def test_an_open_call_cannot_be_summarised() -> None:
    call = {"type": "tool_use", "id": "toolu_x1", "name": "look", "input": {}}
    messages = [*OLD, {"role": "assistant", "content": [call]}]
    with pytest.raises(RefusedError, match="without `tool_result`"):
        check_messages(asking(messages=messages), compaction.BETA)
