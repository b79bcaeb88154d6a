"""What the model is shown: the request, its cache breakpoints, its size. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.core import epoch, events
from agents.core.model import Request
from agents.core.state import Param, State, conversation, deliverable

LONGEST_ANSWER = 32_000  # tokens
WRAP_UP_ANSWER = 4_096  # tokens
SEALED_ANSWER = 8_000  # tokens
_EPHEMERAL = {"type": "ephemeral"}  # kept for five minutes
_FOR_AN_HOUR = {"type": "ephemeral", "ttl": "1h"}


def request(state: State) -> Request:
    """The next call of the model."""
    started = state.begun
    return Request(
        model=state.asked_model,
        max_tokens=_max_tokens(state, started),
        system=_instructions(state),
        tools=started.tools,
        messages=with_breakpoints(conversation(state, state.seq)),
        tool_choice={"type": "none"} if state.wrap_up else None,
        # How another model thinks, if it does, is its own affair.
        thinking=None if state.model else started.thinking,
        drop_block=state.drop_block and not state.model,
    )


def to_seal(state: State, cut: int, instructions: str) -> Request:
    """Ask the API itself to summarise the messages before ``cut``: the same model, system and
    tools, so that thinking that is kept stays valid and the cache is read."""
    started = state.begun
    thinking = (started.thinking or {}).get("budget_tokens") or 0
    return Request(
        model=started.model,
        max_tokens=SEALED_ANSWER + thinking,
        system=_instructions(state),
        tools=started.tools,
        messages=with_breakpoints(state.history[:cut]),
        thinking=started.thinking,
        drop_block=state.drop_block,
        compaction={"type": "summarize", "instructions": instructions},
    )


def _instructions(state: State) -> Sequence[Mapping[str, Any]]:
    """Where people are going to be asked, what never changes outlives the time that they take."""
    waits = state.setting("approvals_expected")
    return marked(state.begun.system, _FOR_AN_HOUR if waits else _EPHEMERAL)


def _max_tokens(state: State, started: events.SessionStarted) -> int:
    thinking = (started.thinking or {}).get("budget_tokens") or 0
    # The API refuses an answer that has no room beside its thinking.
    asked = WRAP_UP_ANSWER + thinking if state.wrap_up else started.max_tokens
    return max(asked, min(asked * 4, LONGEST_ANSWER)) if state.truncations else asked


def with_breakpoints(messages: Sequence[Param]) -> tuple[Param, ...]:
    """Breakpoints on the tail and on the request before it: the cache looks back only 20 blocks,
    and one turn with many calls has more."""
    users = [index for index, message in enumerate(messages) if message["role"] == "user"]
    chosen = {*users[-2:], len(messages) - 1}
    return tuple(
        {**message, "content": marked(message["content"])} if index in chosen else message
        for index, message in enumerate(messages)
    )


def marked(
    blocks: Sequence[Mapping[str, Any]], control: Mapping[str, str] = _EPHEMERAL
) -> Sequence[Mapping[str, Any]]:
    """The same blocks with a cache breakpoint on the last that may carry one."""
    for index in range(len(blocks) - 1, -1, -1):
        block = blocks[index]
        kind = block.get("type")
        if kind in epoch.THOUGHTS or (kind == "text" and not block["text"].strip()):
            continue
        marked = {**block, "cache_control": control}
        return [*blocks[:index], marked, *blocks[index + 1 :]]
    return blocks


# Its size


def tokens(state: State) -> float:
    """About how many tokens the next request's conversation has, system and tools included."""
    if not state.context_tokens:
        return fixed(state) + epoch.tokens(conversation(state, state.seq))
    notes = sum(epoch.tokens(note.text) for note in deliverable(state))
    if state.epoch and state.step == state.compacted_step:
        return state.context_tokens + notes
    tail = [] if state.history[-1]["role"] == "assistant" else state.history[-1:]
    return state.context_tokens + epoch.tokens(tail) + notes


def scaled(state: State, tokens_before: float, messages: Sequence[Param]) -> int:
    """The estimate for ``messages``, corrected by how wrong it is about the conversation as it
    stands."""
    before = fixed(state) + epoch.tokens(conversation(state, state.seq))
    return round((fixed(state) + epoch.tokens(messages)) * tokens_before / before)


def fixed(state: State) -> float:
    """Tokens of what every request of the session carries: system and tools."""
    return epoch.tokens(state.begun.system) + epoch.tokens(state.begun.tools)
