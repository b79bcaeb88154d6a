"""A call's arguments for a person to read: typed, complete, and beside those of another call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from itertools import takewhile

from agents.core import canonical
from oversight import wording

Arguments = Mapping[str, object]

_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_OTHERWISE = re.compile(r"\s*|yes|no|true|false|null|[-+]?[.,\d]+(?:e[-+]?\d+)?", re.IGNORECASE)
_LONG = 120  # characters of one line from which words are compared, not the whole
_WORK = 40_000  # pairs that a comparison may look at, so that no text takes the page's time


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text that stayed, went or came."""

    kind: str  # "same", "gone" or "come"
    text: str

    @property
    def ended(self) -> bool:
        """Whether what follows stands on a line of its own."""
        return self.text.endswith("\n")


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument; ``change`` is empty, ``new``, ``changed`` or ``left out``."""

    name: str
    text: str
    type: str
    change: str = ""
    parts: tuple[Part, ...] = ()
    type_before: str = ""

    @property
    def code(self) -> bool:
        return self.type in ("list", "object") or "\n" in self.text

    @property
    def told_type(self) -> str:
        """Its type, where the text alone could be taken for another."""
        if self.type_before:
            return f"{self.type}, was {self.type_before}"
        plain = self.type == "text" and not _OTHERWISE.fullmatch(self.text)
        return "" if plain or self.change == "left out" else self.type

    @property
    def day(self) -> str:
        """A date in words, beside the text that will be sent."""
        return _day(self.text) if self.type == "date" else ""


def shown(now: Arguments, before: Arguments | None = None) -> list[Argument]:
    """Every argument, compared with ``before``; then what is left out of it."""
    if before is None:
        return [_alone(name, value) for name, value in now.items()]
    gone = [name for name in before if name not in now]
    kept = [_compared(name, now[name], before) for name in now]
    return kept + [_left_out(name, before[name]) for name in gone]


def type_of(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes or no"
        case int() | float():
            return "number"
        case str():
            return "date" if _DAY.fullmatch(value) and _day(value) else "text"
        case list() | tuple():
            return "list"
        case _:
            return "object"


def same(one: object, other: object) -> bool:
    """Whether they are one value: 1 is no text, and no yes."""
    return canonical.sorted_text([one]) == canonical.sorted_text([other])


def _alone(name: str, value: object, change: str = "") -> Argument:
    return Argument(name, wording.value_text(value), type_of(value), change)


def _compared(name: str, value: object, before: Arguments) -> Argument:
    if name not in before:
        return _alone(name, value, "new")
    if same(value, before[name]):
        return _alone(name, value)
    text, was = wording.value_text(value), wording.value_text(before[name])
    kind, kind_was = type_of(value), type_of(before[name])
    other = kind_was if kind_was != kind else ""
    return Argument(name, text, kind, "changed", tuple(parts(was, text)), other)


def _left_out(name: str, value: object) -> Argument:
    text = wording.value_text(value)
    return Argument(name, text, type_of(value), "left out", (Part("gone", text),))


def parts(before: str, now: str) -> list[Part]:
    """What went and what came; both texts whole, whatever they are made of."""
    old, new = _units(before, now)
    if len(old) == len(new) == 1:
        return [Part("gone", before), Part("come", now)]
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    middle = _differences(old[head : len(old) - tail], new[head : len(new) - tail])
    first, last = "".join(new[:head]), "".join(new[len(new) - tail :])
    return [part for part in (Part("same", first), *middle, Part("same", last)) if part.text]


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """How many units both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


def _differences(old: Sequence[str], new: Sequence[str]) -> list[Part]:
    if len(old) * len(new) > _WORK:
        return [Part("gone", "".join(old)), Part("come", "".join(new))]
    found: list[Part] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(Part("same", "".join(new[c:d])))
        else:
            found += [Part("gone", "".join(old[a:b])), Part("come", "".join(new[c:d]))]
    return found


def _units(before: str, now: str) -> tuple[Sequence[str], Sequence[str]]:
    """By line, by word, or whole: whichever shows best what differs."""
    if "\n" in before or "\n" in now:
        return before.splitlines(keepends=True), now.splitlines(keepends=True)
    if max(len(before), len(now)) > _LONG:
        return re.split(r"(?<=\s)", before), re.split(r"(?<=\s)", now)
    return [before], [now]


def _day(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return ""
    day = f"{at:%a} {at.day} {at:%b %Y}"
    return f"{day}, {at:%H:%M} {at:%Z}".strip() if len(text) > len("2026-11-14") else day
