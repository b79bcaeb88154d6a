"""An instant model: one call a step, a pure function of the conversation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.core.model import OnDelta, Request, Turn

_TASK = re.compile(r"Run (\d+): (\d+) steps\.")
_CALLED = re.compile(r'"step":(\d+)')
_TOKENS = 360  # a step adds to the conversation, about
TEXT = (
    "This is what the model has to say of its step, in one hundred characters,"
    " before it calls a tool ..."
)


def task(run: int, steps: int) -> str:
    return f"Run {run}: {steps} steps."


class Script:
    async def turn(self, request: Request, on_delta: OnDelta) -> Turn:
        if not request.tools:
            return _says(request, "What was done so far is in the record.", 1)
        run, steps = _asked(request.messages)
        done = last_step(request.messages)
        if done >= steps or request.tool_choice:
            return _says(request, f"Run {run} took {done} steps.", done)
        return _calls(request, run, done + 1)

    async def window(self, model: str) -> int | None:
        return None


def last_step(messages: Sequence[Mapping[str, Any]]) -> int:
    """The step that was called last; after a compaction the calls may be left as text only."""
    for message in reversed(messages):
        for block in message["content"]:
            if block.get("type") == "tool_use":
                return int(block["input"]["step"])
    return max(
        (int(found) for text in _texts(messages) for found in _CALLED.findall(text)), default=0
    )


def _asked(messages: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    found = _TASK.match(messages[0]["content"][0]["text"])
    assert found
    return int(found[1]), int(found[2])


def _texts(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for message in messages:
        for block in message["content"]:
            if block.get("type") == "text":
                yield block["text"]


def _calls(request: Request, run: int, step: int) -> Turn:
    call = {
        "type": "tool_use",
        "id": f"toolu_{run:06}_{step:06}",
        "name": request.tools[0]["name"],
        "input": {"run": run, "step": step},
    }
    content = [{"type": "text", "text": TEXT}, call]
    return Turn(content, "tool_use", _usage(step), request.model)


def _says(request: Request, text: str, step: int) -> Turn:
    return Turn([{"type": "text", "text": text}], "end_turn", _usage(step), request.model)


def _usage(step: int) -> dict[str, int]:
    return {
        "input_tokens": 10,
        "cache_creation_input_tokens": _TOKENS,
        "cache_read_input_tokens": _TOKENS * (step - 1),
        "output_tokens": 60,
    }
