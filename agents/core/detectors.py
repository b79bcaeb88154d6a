"""The detectors of loops, in the order of their precedence."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.core.evidence import WINDOW, Settled, tool_signature
from agents.core.risk import matches

if TYPE_CHECKING:
    from agents.core.state import State


BLOCKED = "loop_blocked"  # the error class of a call that the loop guard kept from running
THRESHOLDS: Mapping[str, int] = {
    "same_call_error": 3,
    "error_streak": 6,
    "same_call_same_result": 3,
    "pollable": 20,
    "repeat_in_window": 5,
    "cycle": 3,
    "monologue": 3,
    "blocked_attempts": 3,
    "rounds": 3,  # times a person is asked before the session wraps up
    "no_progress": 15,  # turns without a new result; this one only shows
    "answer_seconds": 1800,  # that a person has to answer before the session wraps up
}
_LONGEST_CYCLE = 5


def thresholds(state: State) -> Mapping[str, int]:
    settings = state.started.settings if state.started else {}
    return {**THRESHOLDS, **settings.get("loops", {})}


@dataclass(frozen=True, slots=True)
class Found:
    rule: str
    calls: tuple[Settled, ...]  # the evidence, latest last
    count: int
    blocking: str = ""  # what is blocked if it comes to that


@dataclass(frozen=True, slots=True)
class Case:
    """Evidence that is not spent yet, with the agent's thresholds."""

    calls: tuple[Settled, ...]
    lasting: tuple[Settled, ...]  # without reads that failed for the moment
    texts: tuple[str, ...]
    thresholds: Mapping[str, int]
    pollable: Sequence[str]

    @classmethod
    def of(cls, state: State) -> Case:
        settings = state.started.settings if state.started else {}
        fresh = (call for call in state.settled if call.seq > state.loop_seq)
        # Calls of one step run at once, so their results come in any order.
        calls = tuple(sorted(fresh, key=lambda call: (call.step, call.signature)))
        return cls(
            calls=calls,
            lasting=tuple(call for call in calls if not call.excused),
            texts=tuple(map(_folded, state.monologue)),
            thresholds=thresholds(state),
            pollable=settings.get("pollable", ()),
        )

    def limit(self, rule: str) -> int:
        """The threshold; 0 in the settings turns a rule off."""
        return self.thresholds[rule] or WINDOW + 1

    def polls(self, call: Settled) -> bool:
        return any(matches(pattern, call.tool) for pattern in self.pollable)


def _blocked_attempts(case: Case) -> Found | None:
    tried = tuple(call for call in case.calls if call.error_class == BLOCKED)
    if len(tried) < case.limit("blocked_attempts"):
        return None
    return Found("blocked_attempts", tried, len(tried), tried[-1].signature)


def _same_call_error(case: Case) -> Found | None:
    run = _tail(case.lasting, lambda call, last: not call.ok and _call(call) == _call(last))
    if len(run) < case.limit("same_call_error") or run[-1].ok:
        return None
    return Found("same_call_error", run, len(run), run[-1].signature)


def _error_streak(case: Case) -> Found | None:
    run = _tail(case.calls, lambda call, _: not call.ok)
    # Within one step the model had no chance to react.
    if len(run) < case.limit("error_streak") or run[0].step == run[-1].step:
        return None
    tool, _ = Counter(call.tool for call in run).most_common(1)[0]
    return Found("error_streak", run, len(run), tool_signature(tool))


def _same_call_same_result(case: Case) -> Found | None:
    run = _tail(case.lasting, lambda call, last: _pair(call) == _pair(last))
    if not run:
        return None
    rule = "pollable" if case.polls(run[-1]) else "same_call_same_result"
    if len(run) < case.limit(rule):
        return None
    return Found("same_call_same_result", run, len(run), run[-1].signature)


def _repeat_in_window(case: Case) -> Found | None:
    if not case.calls:
        return None
    last = case.calls[-1]
    same = tuple(call for call in case.calls if _call(call) == _call(last))
    rule = "pollable" if case.polls(last) else "repeat_in_window"
    if len(same) < case.limit(rule) or len({call.result for call in same}) > 1:
        return None
    return Found("repeat_in_window", same, len(same), last.signature)


def _cycle(case: Case) -> Found | None:
    for period in range(2, _LONGEST_CYCLE + 1):
        lap = case.calls[-period:]
        needed = period * case.limit("cycle")
        if any(map(case.polls, lap)):
            needed = max(needed, case.limit("pollable"))
        run = case.calls[-needed:]
        pairs = [_pair(call) for call in run]
        if len(run) == needed and len(set(pairs)) > 1 and pairs[period:] == pairs[:-period]:
            return Found("cycle", run, needed, lap[-1].signature)
    return None


def _monologue(case: Case) -> Found | None:
    wanted = case.limit("monologue")
    texts = case.texts[-wanted:]
    if len(texts) < wanted or len(set(texts)) > 1 or not texts[-1]:
        return None
    return Found("monologue", (), wanted)


RULES: tuple[Callable[[Case], Found | None], ...] = (
    _blocked_attempts,
    _same_call_error,
    _error_streak,
    _same_call_same_result,
    _repeat_in_window,
    _cycle,
    _monologue,
)


def _tail(
    calls: tuple[Settled, ...], alike: Callable[[Settled, Settled], bool]
) -> tuple[Settled, ...]:
    """The longest run at the end of which every call is ``alike`` the last."""
    run = 0
    for call in reversed(calls):
        if not alike(call, calls[-1]):
            break
        run += 1
    return calls[len(calls) - run :]


def _call(call: Settled) -> str:
    return call.signature


def _pair(call: Settled) -> tuple[str, str]:
    return call.signature, call.result


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
