"""Loops: what repeats without getting anywhere, and what is done about it. Pure.

The rules, their thresholds and the ladder are those of guards.md section 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from agents.core import events
from agents.core.detectors import BLOCKED, RULES, Case, Found, thresholds
from agents.core.evidence import Settled, settle, signature, tool_signature

if TYPE_CHECKING:
    from agents.core.state import State

__all__ = [
    "BLOCKED",
    "Settled",
    "answer_by",
    "detect",
    "is_blocked",
    "notice",
    "settle",
    "signature",
]

_SAME_RULE_WITHIN = 15  # calls
_CLEAN = 20  # calls after which the ladder is one rung lower


def is_blocked(state: State, tool: str, arguments: Mapping[str, Any]) -> bool:
    """Whether the loop guard keeps this call from running."""
    if not state.blocked:
        return False
    return tool_signature(tool) in state.blocked or signature(tool, arguments) in state.blocked


def detect(state: State) -> events.LoopDetected | None:
    """The loop that the evidence shows, once every call of the turn is settled."""
    if state.calls or state.wrap_up:
        return None
    case = Case.of(state)
    found = next((found for rule in RULES if (found := rule(case))), None)
    return _escalated(state, case, found) if found else None


def notice(state: State) -> events.LoopDetected | None:
    """A word to people, which blocks nothing, when turns bring nothing new."""
    wanted = thresholds(state)["no_progress"]
    quiet = state.step - state.news_step
    if not wanted or quiet < wanted or state.wrap_up:
        return None
    return events.LoopDetected("no_progress", "notice", {"count": quiet})


def answer_by(state: State) -> datetime | None:
    """When a question about a loop has waited long enough; None for never."""
    seconds = thresholds(state)["answer_seconds"]
    if state.asking != "loop" or state.asked_at is None or not seconds:
        return None
    return state.asked_at + timedelta(seconds=seconds)


def unanswered(state: State) -> events.LoopDetected:
    """Nobody answered: the session wraps up."""
    asked = state.asked_by
    rule = asked.rule if isinstance(asked, events.LoopDetected) else "unanswered"
    note = f"NOTE FROM THE RUNTIME: no person has answered. {_ADVICE['wrap_up']}"
    waited = thresholds(state)["answer_seconds"]
    return events.LoopDetected(rule, "wrap_up", {"unanswered_seconds": waited}, note)


def _escalated(state: State, case: Case, found: Found) -> events.LoopDetected:
    rung = _rung(state, case, found)
    last = found.calls[-1] if found.calls else None
    evidence: dict[str, Any] = {
        "signature": found.blocking,
        "tool": last.tool if last else "",
        "count": found.count,
        "seqs": [call.seq for call in found.calls],
        "calls": _told(found.calls),
        "last_error": last.error if last else "",
        "text": "" if last else state.monologue[-1][:200],
    }
    kept = {key: value for key, value in evidence.items() if value}
    return events.LoopDetected(found.rule, rung, kept, _note(found, rung, last))


def _told(calls: Sequence[Settled]) -> list[dict[str, Any]]:
    """Each call of the evidence once, with how often it was made and how often it failed."""
    alike: dict[str, list[Settled]] = {}
    for call in calls:
        alike.setdefault(call.signature, []).append(call)
    return [
        {
            "tool": group[0].tool,
            "arguments": group[0].arguments,
            "count": len(group),
            "failed": sum(not call.ok for call in group),
        }
        for group in alike.values()
    ]


def _rung(state: State, case: Case, found: Found) -> str:
    """reflect, block, ask, wrap_up. A person's message starts it anew; twenty clean calls are
    worth one rung."""
    rung = _next_rung(state, case, found)
    settings = state.started.settings if state.started else {}
    nobody = settings.get("unattended") or _rounds(state) >= case.thresholds["rounds"]
    return "wrap_up" if rung == "ask" and nobody else rung


def _rounds(state: State) -> int:
    """How often people were asked about loops, their messages notwithstanding."""
    return max(state.loop_rounds, sum(loop.rung == "ask" for loop in state.loops))


def _next_rung(state: State, case: Case, found: Found) -> str:
    if found.rule == "blocked_attempts":
        return "ask"
    if not state.loops:
        return "reflect"
    last = state.loops[-1]
    clean = len(case.calls) - len(found.calls)
    if clean >= _CLEAN:
        return last.rung
    if last.rung != "reflect" or len(state.loops) > 1:
        return "ask"
    if last.rule != found.rule or clean >= _SAME_RULE_WITHIN:
        return "reflect"
    # There is no call to block in a monologue.
    return "block" if found.blocking else "ask"


_WHAT = {
    "blocked_attempts": "you called `{tool}` {count} times although it is blocked",
    "same_call_error": "you called `{tool}` {count} times with the same arguments and it failed"
    " each time",
    "error_streak": "your last {count} calls all failed, the last of them of `{tool}`",
    "same_call_same_result": "you called `{tool}` {count} times with the same arguments and got"
    " the same result",
    "repeat_in_window": "you keep coming back to the same call of `{tool}`, {count} times with the"
    " same result",
    "cycle": "your last {count} calls go round in a circle, the last of them of `{tool}`",
    "monologue": "you gave the same answer {count} times",
}
_ADVICE = {
    "reflect": "Do not repeat it. Say what you learned from it, then choose another approach, or"
    " finish and explain what is blocked.",
    "block": "It is blocked from now on. Choose another approach, or finish and explain what is"
    " blocked.",
    "ask": "A person has been asked what to do.",
    "wrap_up": "Make no tool calls. Give your final answer now: what is done, what is not, and"
    " open risks.",
}


def _note(found: Found, rung: str, last: Settled | None) -> str:
    what = _WHAT[found.rule].format(tool=last.tool[:128] if last else "", count=found.count)
    error = f' (last error: "{last.error}")' if last and last.error else ""
    return f"NOTE FROM THE RUNTIME: {what}{error}. {_ADVICE[rung]}"
