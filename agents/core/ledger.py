"""What no compaction may lose: what people said and decided, and what has been done. Pure.

The lines come from the log, never from a model (guards.md section 5.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agents.core import canonical, events
from agents.core.risk import Risk

if TYPE_CHECKING:
    from agents.core.state import Call

MOST_LINES = 60  # of side effects; decisions are not counted
_DECISION = 4  # ranks above every risk
_ARGUMENTS = 200  # characters
_ARGUMENT = 24  # of each at least, where they are many
_REASON = 300
_STEERS = 13_200  # characters, about 4,000 tokens
_OLD_STEER = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; ``rank`` is the call's risk, or above every risk for a person's decision."""

    rank: int
    text: str


def added(entries: tuple[Entry, ...], entry: Entry | None) -> tuple[Entry, ...]:
    """With ``entry``; of the side effects the oldest of the lowest risk give way."""
    if entry is None:
        return entries
    entries = (*entries, entry)
    effects = [e for e in entries if e.rank < _DECISION]
    if len(effects) <= MOST_LINES:
        return entries
    spared = min(effects, key=lambda e: e.rank)
    at = next(i for i, e in enumerate(entries) if e is spared)
    return (*entries[:at], *entries[at + 1 :])


def of_result(call: Call, fact: events.ToolResult, at: datetime) -> Entry | None:
    """The line for a call that did something, or may have, or that policy denied. SAFE calls that
    ran have none."""
    risk = Risk.of(call.risk)
    if fact.error_class == "denied_by_policy":
        return Entry(int(risk), f"{at:%Y-%m-%d %H:%M} {_call(call)}: denied by policy.")
    unknown = fact.error_class == "outcome_unknown"
    if risk is Risk.SAFE or not (fact.executed or unknown):
        return None
    outcome = "done" if fact.ok else f"failed ({fact.error_class}); it may have had effects"
    if unknown:
        outcome = "outcome unknown: it may have happened"
    return Entry(int(risk), f"{at:%Y-%m-%d %H:%M} {_call(call)}: {outcome}")


def of_decision(call: Call, fact: events.ApprovalDecided, at: datetime) -> Entry:
    """The line for what a person decided about a call; ``call`` as it stands afterwards."""
    decision = fact.decision
    if decision == "approved" and fact.arguments is not None:
        decision = "approved with other arguments, as shown"
    because = f" Reason: {fact.reason[:_REASON]}" if fact.reason else ""
    return Entry(_DECISION, f"{at:%Y-%m-%d %H:%M} {_call(call)}: {decision} by {fact.by}.{because}")


def steers(texts: Sequence[str]) -> list[str]:
    """What people told the agent: verbatim up to about 4,000 tokens, the oldest shortened first."""
    room = _STEERS
    told = []
    for text in reversed(texts):
        told.append(text if len(text) <= room else text[:_OLD_STEER])
        room -= len(told[-1])
    return told[::-1]


def _call(call: Call) -> str:
    return f"{call.tool[:128]} {_brief(call)}"


def _brief(call: Call) -> str:
    """Something of every argument, and what a person changed before the rest: a long one must not
    hide the next."""
    whole = canonical.event_text(call.arguments)
    if len(whole) <= _ARGUMENTS:
        return whole
    changed = [key for key, value in call.arguments.items() if call.proposed.get(key) != value]
    room = max(_ARGUMENT, _ARGUMENTS // len(call.arguments))
    shown = {
        key: _cut(call.arguments[key], room) for key in dict.fromkeys([*changed, *call.arguments])
    }
    return canonical.event_text(shown)[: 2 * _ARGUMENTS]


def _cut(value: Any, room: int) -> Any:
    text = value if isinstance(value, str) else canonical.event_text(value)
    return value if len(text) <= room else f"{text[:room]}…"
