"""What an agent's settings may say of its guards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from agents.checks import DAY, finite, patterns, table, whole
from agents.core.detectors import THRESHOLDS
from agents.core.raising import CUMULATIVE

MOST_ATTEMPTS = 100  # of a model call, and parks between them

# Yields each problem with the path to it, below the setting's own name.
Part: TypeAlias = Callable[[Any], Iterator[str]]


def guards(value: Any) -> Iterator[str]:
    """An agent's settings: nothing that no guard reads, and nothing that would trip one."""
    yield from table(value)
    if not isinstance(value, dict):
        return
    for name, given in value.items():
        if part := _PARTS.get(name):
            yield from (f"{name}{problem}" for problem in part(given))
        else:
            yield f"{name}: no such setting; known: {', '.join(_PARTS)}"


def _loops(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield ": must be a table of thresholds"
        return
    for name, threshold in value.items():
        if name not in THRESHOLDS:
            yield f".{name}: no such threshold; known: {', '.join(THRESHOLDS)}"
        elif not whole(threshold):
            yield f".{name}: must be a whole number; 0 turns it off"


def _retry(value: Any) -> Iterator[str]:
    """How often and how long failures are tried again: see ``core.retry``."""
    if not isinstance(value, dict):
        yield ": must be a table"
        return
    for name, given in value.items():
        if name not in _RETRY:
            yield f".{name}: no such key; known: {', '.join(_RETRY)}"
        elif not _RETRY[name][0](given):
            yield f".{name}: must be {_RETRY[name][1]}"


def _attempts(value: Any) -> bool:
    return whole(value, 1) and value <= MOST_ATTEMPTS


def _parks(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MOST_ATTEMPTS and all(map(_seconds, value))


def _seconds(value: Any) -> bool:
    return finite(value) and 0 <= value <= DAY


def _keep_turns(value: Any) -> Iterator[str]:
    if not whole(value):
        yield ": must be a whole number"


def _flag(value: Any) -> Iterator[str]:
    if not isinstance(value, bool):
        yield ": must be true or false"


def _fallback_model(value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield ": must be a model's name"


def _pollable(value: Any) -> Iterator[str]:
    yield from (f": {problem}" for problem in patterns(value))


def _raising(value: Any) -> Iterator[str]:
    """What raises the judged risk of a call: see ``core.raising``."""
    known = ("taint", "untrusted", "sends", "cumulative")
    if not isinstance(value, dict):
        yield ": must be a table"
        return
    yield from (
        f".{key}: no such key; known: {', '.join(known)}" for key in sorted(value.keys() - {*known})
    )
    if not isinstance(value.get("taint", True), bool):
        yield ".taint: must be true or false"
    for key in ("untrusted", "sends"):
        yield from (f".{key}: {problem}" for problem in patterns(value.get(key, [])))
    yield from (f".cumulative{problem}" for problem in _cumulative(value.get("cumulative", False)))


def _cumulative(value: Any) -> Iterator[str]:
    if isinstance(value, bool):
        return
    if not isinstance(value, dict):
        yield ": must be true, false or a table of how many calls of each risk"
        return
    for risk, calls in value.items():
        if risk not in CUMULATIVE:
            yield f".{risk}: no such risk; known: {', '.join(CUMULATIVE)}"
        elif not whole(calls):
            yield f".{risk}: must be a whole number; 0 turns it off"


_RETRY: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "attempts": (_attempts, f"a whole number from 1 to {MOST_ATTEMPTS}"),
    "base": (_seconds, "seconds, at most a day"),
    "cap": (_seconds, "seconds, at most a day"),
    "parks": (_parks, "a list of seconds, each at most a day"),
    "longest_park": (_seconds, "seconds, at most a day"),
}
_PARTS: Mapping[str, Part] = {
    "loops": _loops,
    "retry": _retry,
    "pollable": _pollable,
    "unattended": _flag,
    "hold_writes_with_pending": _flag,
    "keep_turns": _keep_turns,
    "fallback_model": _fallback_model,
    "gate": _raising,
}
