"""What the model was told last and did not answer, put another way by a person. Pure."""

from __future__ import annotations

from agents.core import fence, wording
from agents.core.state import State, replace


def only_task(state: State) -> bool:
    """Whether the model was told nothing but its task so far."""
    return len(state.history) == 1 and not state.epoch and not any(n.human for n in state.notes)


def unsaid(state: State) -> State:
    """Without what people said last and the model did not answer."""
    gone = {note.text for note in state.notes if note.human}
    return replace(
        state,
        notes=tuple(note for note in state.notes if not note.human),
        steers=tuple(words for words in state.steers if words not in gone),
    )


def withheld(state: State) -> State:
    """What the tools returned last, kept from the model: no answer follows it yet."""
    tail = state.history[-1]
    content = [
        {**block, "content": _withheld(block["content"])}
        if block.get("type") == "tool_result"
        else block
        for block in tail["content"]
    ]
    if tail["role"] != "user":
        return state
    return replace(state, history=(*state.history[:-1], {**tail, "content": content}))


def _withheld(content: fence.Content) -> fence.Content:
    """Without the tool's words; what the runtime says of the call stays: an edit, a denial."""
    if isinstance(content, str):
        if content.startswith(wording.OURS):
            return content
        ours, found, _ = content.partition(fence.OPENING)
        return f"{ours}{wording.WITHHELD}" if found else wording.WITHHELD
    texts = [str(block.get("text", "")) for block in content]
    opens = next((n for n, text in enumerate(texts) if text.startswith(fence.OPENING)), 0)
    return [*content[:opens], {"type": "text", "text": wording.WITHHELD}]


def anew(state: State, task: str) -> State:
    """With another task in place of the first."""
    first = {"role": "user", "content": [{"type": "text", "text": task}]}
    return replace(state, history=(first,), retold=task)
