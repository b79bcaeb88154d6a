"""The next turn of the script, given the conversation so far. A pure function of the request."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.core import canonical
from agents.llm.rehearsal import words
from agents.llm.rehearsal.conversation import Call, Conversation, Kind
from agents.llm.rehearsal.script import Ask, Script, Step, pick

READERS = frozenset({"search_web", "read_file", "find_records"})
NEGATION = re.compile(r"\b(no|not|don't|never|skip|without|leave out|drop|cancel)\b", re.IGNORECASE)
# How the runtime renders a history for its summariser.
TASK = re.compile(r"\[user\] (.*?)(?:\n\n|\Z)", re.DOTALL)
EXCERPT = re.compile(r'"(?:text|excerpt)": ?("(?:[^"\\]|\\.)*")')
# A stubborn step gives up by itself in the end, should no guard ever object.
PATIENCE = 8


@dataclass(frozen=True, slots=True)
class Reply:
    """One turn of the rehearsal model; ``faults`` are played before it, one per attempt."""

    text: str = ""
    calls: tuple[Ask, ...] = ()
    thinking: str = ""
    step: str = "end"
    stop_reason: str = "end_turn"
    refusal: str = ""
    faults: tuple[str, ...] = ()


def reply(talk: Conversation) -> Reply:
    """What the rehearsal model answers."""
    if summarises(talk):
        return Reply(text=summary(talk))
    script = pick(talk.task, f"{talk.opening}\n{talk.system}")
    step = None if talk.silenced else _next(talk, script)
    if step is None:
        return Reply(text=_join(_opening(talk, script, None), _closing(talk, script)))
    if step.refuses and not talk.steers:
        return Reply(text=step.refuses, stop_reason="refusal", refusal=step.refuses)
    return Reply(
        text=_join(_opening(talk, script, step), _say(talk, step)),
        calls=_available(talk, step),
        thinking=step.thinking if not _tries(talk, step) else "",
        step=step.key,
        stop_reason="tool_use",
        faults=step.faults,
    )


def summarises(talk: Conversation) -> bool:
    """Whether this is the runtime's request to summarise for a compaction."""
    return not talk.tools and "summar" in talk.system.lower()


def summary(talk: Conversation) -> str:
    """The summary that stands in for what is compacted; later turns find their place by it."""
    text = _everything(talk)
    told = TASK.search(text)
    script = pick(told[1] if told else talk.task, text)
    done = _done(script, text)
    lines = [f"- {ask.tool} {ask.mark}" for step in done for ask in step.calls]
    left = len(script.steps) - len(done)
    return "\n".join(
        (
            f"Goal and constraints: {script.scenario.task} (scene [{script.scenario.name}])",
            "Decisions and why: the steps are taken in the order of the plan.",
            "Facts: as found in the results; each step's own finding was noted when it was made.",
            "Done:",
            *(lines[-12:] or ["- nothing yet"]),
            "Tried and failed: see the ledger of side effects.",
            f"Open items: {left} of {len(script.steps)} steps.",
            "Next step: the next one of the plan." if left else "Next step: the final answer.",
        )
    )


def _next(talk: Conversation, script: Script) -> Step | None:
    before = _done(script, talk.compacted)
    for step in script.steps:
        if step.refuses and not talk.steers and step not in before:
            return step
        if _available(talk, step) and not _made(talk, step, before) and not _waived(talk, step):
            return step
    return None


def _available(talk: Conversation, step: Step) -> tuple[Ask, ...]:
    return tuple(ask for ask in step.calls if ask.tool in talk.tools)


def _made(talk: Conversation, step: Step, before: Sequence[Step]) -> bool:
    if step.stubborn and _insists(talk, step):
        return False
    return bool(_tries(talk, step)) or step in before


def _done(script: Script, text: str) -> Sequence[Step]:
    """The steps that a rendered history shows as made. Steps go in order, and a summary may have
    lost some of them, so the last one that can be found counts for all before it.
    """
    told = text.replace(script.scenario.task, "")
    found = [at for at, step in enumerate(script.steps) if _marked(step, told)]
    return script.steps[: found[-1] + 1] if found else ()


def _insists(talk: Conversation, step: Step) -> bool:
    tries = _tries(talk, step)
    if step.deaf:
        return not talk.steers and len(tries) < 3 * PATIENCE
    halted = any(call.kind is not Kind.FAILED for call in tries) or words.objected(talk.noted)
    return not halted and len(tries) < PATIENCE


def _tries(talk: Conversation, step: Step) -> list[Call]:
    return [call for call in talk.calls if call.step == step.key]


def _marked(step: Step, text: str) -> bool:
    return bool(text) and any(ask.mark in text for ask in step.calls)


def _waived(talk: Conversation, step: Step) -> bool:
    """Whether a person asked to leave this step out."""
    return any(_waives(text, step) for text in talk.steers)


def _waives(text: str, step: Step) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in step.about) and bool(NEGATION.search(text))


def _opening(talk: Conversation, script: Script, step: Step | None) -> list[str]:
    """What is said first: to people, about results, to the runtime."""
    heard = " ".join(talk.heard)
    dropped = [s.about[0] for s in script.steps if s.about and _waives(heard, s)]
    repeating = step is not None and step.stubborn and bool(_tries(talk, step))
    results = [] if repeating else words.reactions(talk.last)
    notes = words.about_notes(talk.notes)
    return [*words.answers(talk, list(dict.fromkeys(dropped))), *results, *notes]


def _say(talk: Conversation, step: Step) -> str:
    if step.stubborn and _tries(talk, step):
        return "That did not work. I try it once more."
    return step.say


def _closing(talk: Conversation, script: Script) -> str:
    needed = {ask.tool for step in script.steps for ask in step.calls}
    if not needed & talk.tools and not talk.silenced and not talk.compacted:
        return (
            "I am the rehearsal model: I play a script and understand nothing. This one needs "
            f"the tools {words.listed(needed)}, and this agent holds {words.listed(talk.tools)}, "
            "so there is nothing that I can do here."
        )
    effects = [call for call in talk.calls if call.tool not in READERS]
    head = script.cut_short if talk.silenced else _verdict(talk, script, effects)
    return "\n\n".join(part for part in (head, words.report(effects)) if part)


def _verdict(talk: Conversation, script: Script, effects: Sequence[Call]) -> str:
    if all(call.ran for call in effects):
        return script.closing.replace("{found}", _found(talk))
    return "I have finished, but not everything happened. Where each action stands:"


def _found(talk: Conversation) -> str:
    """The best page of the last search."""
    text = next((call.text for call in reversed(talk.calls) if call.tool == "search_web"), "")
    found = EXCERPT.search(text)
    if not found:
        return "The library says nothing about it."
    return f"The library says: “{' '.join(json.loads(found[1]).split())}”"


def _everything(talk: Conversation) -> str:
    calls = [canonical.event_text(call.proposed) for call in talk.calls]
    return "\n".join([talk.whole, *calls])


def _join(opening: Sequence[str], rest: str) -> str:
    return "\n\n".join(part for part in (" ".join(opening), rest) if part)
