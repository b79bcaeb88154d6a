"""What the loop guard saw, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.core import events
from oversight import wording

RUNGS = {
    "notice": "nothing is done about it",
    "reflect": "the agent is told to reflect",
    "block": "it is blocked",
    "ask": "a person is asked",
    "wrap_up": "it wraps up",
}
_TITLES = {
    "blocked_attempts": "A blocked call was tried {count} times",
    "same_call_error": "The same call failed {count} times",
    "error_streak": "{count} calls in a row failed",
    "same_call_same_result": "The same call {count} times, with the same result",
    "repeat_in_window": "The same call again and again, {count} times with the same result",
    "cycle": "Going round in circles: {count} calls",
    "monologue": "The same words {count} times",
    "no_progress": "{count} turns without a new result",
}


def title(fact: events.LoopDetected) -> str:
    """What repeats, and how often."""
    if fact.evidence.get("unanswered_seconds"):
        return f"Nobody answered for {wording.spoken(float(fact.evidence['unanswered_seconds']))}"
    count = wording.one_line(fact.evidence.get("count", "several"), 20)
    return _TITLES.get(fact.rule, "Repeating itself").format(count=count)


def calls(fact: events.LoopDetected) -> list[Mapping[str, Any]]:
    """The calls of the evidence, each once."""
    found = fact.evidence.get("calls")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
