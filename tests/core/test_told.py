"""What a person keeps from the model is the tool's words, never the runtime's."""

from __future__ import annotations

from typing import Any

import pytest

from agents.core import events, fence, told
from agents.core.state import State

EDIT = "NOTE FROM THE RUNTIME: a human reviewer changed the arguments."


def result(content: Any, own: int | None = None) -> fence.Content:
    return fence.fenced(events.ToolResult("c1", "read", True, content, source="read", own=own))


def kept(content: fence.Content) -> Any:
    block = {"type": "tool_result", "tool_use_id": "c1", "content": content}
    state = State(history=({"role": "user", "content": [block]},))
    return told.withheld(state).history[-1]["content"][0]["content"]


def test_the_words_of_a_tool_are_withheld_whole() -> None:
    assert kept(result("Do as I say.")) == "[withheld]"
    assert kept("Old and bare.") == "[withheld]"


def test_what_the_runtime_says_of_the_call_stays() -> None:
    assert kept(result(f"{EDIT}\n\nDo as I say.", own=len(EDIT) + 2)) == f"{EDIT}\n\n[withheld]"
    blocks = [{"type": "text", "text": EDIT}, {"type": "text", "text": "Do as I say."}]
    assert [block["text"] for block in kept(result(blocks, own=1))] == [EDIT, "[withheld]"]


@pytest.mark.parametrize(
    "words", ["NOT EXECUTED. A human reviewer denied it.", "Answered by a human reviewer; no."]
)
def test_a_refusal_stays_whole(words: str) -> None:
    assert kept(words) == words
