"""The same conversation told another way: its last results shorter, or to another model. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.core import carried, context, epoch, events
from agents.core.state import Param, State

LAST_RESULT = 4_000  # characters of one result, after an overflow that compacting did not mend
_WHOLE = "There is no summary: what follows is the record itself."


def clipped(state: State) -> events.ContextCompacted | None:
    """The same epoch with what the tools returned last cut down; None if that is short already, or
    if no event can hold the rest.

    Nothing follows it, so no thinking is bound to it.
    """
    tail = state.history[-1]
    content = [_clipped(block) for block in tail["content"]]
    if tail["role"] != "user" or content == list(tail["content"]):
        return None
    messages = [*state.history[:-1], {**tail, "content": content}]
    if not carried.fits(messages):
        messages[-1] = carried.in_words(messages[-1])
    return _told(state, messages, state.epoch, "clipped") if carried.fits(messages) else None


def _clipped(block: Mapping[str, Any]) -> Mapping[str, Any]:
    if block.get("type") != "tool_result":
        return block
    content = block["content"]
    if isinstance(content, str):
        return {**block, "content": epoch.clip(content, LAST_RESULT)}
    parts = [
        {**part, "text": epoch.clip(part["text"], LAST_RESULT)} if "text" in part else part
        for part in content
    ]
    return {**block, "content": parts}


def fallback(state: State) -> events.ContextCompacted:
    """A new epoch for another model: everything is told again, without thinking."""
    first, *rest = state.history
    # What an earlier epoch was told beside its task, summary and record.
    before = [block["text"] for block in first["content"][3:-1]] if state.epoch else []
    if epoch.sealed(first) and rest and rest[0]["role"] == "user":
        rest = rest[1:]  # what is pinned, which is told anew
    recent = "\n\n".join(before)
    if rest and (rest[-1]["role"] == "assistant" or epoch.thinks(_last_turn(state))):
        rest, recent = [], carried.text(rest, recent)  # its thinking would be missed
    else:
        rest, recent = carried.turns(rest, recent)
    messages = epoch.begin(state, state.summary or _WHOLE, rest, recent)
    return _told(state, messages, state.epoch + 1, "fallback")


def _last_turn(state: State) -> Sequence[Param]:
    return state.history[(epoch.starts(state.history) or [0])[-1] :]


def _told(
    state: State, messages: Sequence[Param], number: int, reason: str
) -> events.ContextCompacted:
    before = round(context.tokens(state))
    return events.ContextCompacted(
        epoch=number,
        tokens_before=before,
        tokens_after=context.scaled(state, before, messages),
        summary=state.summary,
        messages=messages,
        kept_turns=len(epoch.starts(messages)),
        through_step=state.step,
        reason=reason,
        continues_with=state.fallback,
    )
