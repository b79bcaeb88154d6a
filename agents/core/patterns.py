"""Regular expressions matched in time that grows with pattern times text. Pure.

Arguments are written by models. Python's ``re`` tries one way after another, so that ``(a+)+``
takes ages on thirty letters and a worker with it; here every way is followed at once. What cannot
be followed so, look-around and back-references, is no pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

# The parser of ``re`` itself, so that one syntax and one meaning of each character holds.
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]  # has no stubs
from typing import Any

LONGEST = 10_000  # characters of a text
LONGEST_PATTERN = 2_000  # characters; a set among them is one place, however long it is
MOST_PLACES = 300  # in a pattern, once its counts are written out

_ONE = frozenset(
    {_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN, _constants.AT}
)
_REPEATS = frozenset({_constants.MAX_REPEAT, _constants.MIN_REPEAT})


class Unbounded(ValueError):
    """The pattern is none, or none that can be matched in bounded time."""


@dataclass(slots=True)
class _Place:
    """A place in the pattern: one test with what comes after it, or several ways on."""

    leaf: re.Pattern[str] | None
    ways: tuple[int, ...]
    moves: bool = True  # the test takes one character; else it only looks at where it is


@dataclass(slots=True)
class Pattern:
    """A pattern, compiled."""

    places: list[_Place] = field(default_factory=list)
    start: int = 0
    _leaves: dict[tuple[Any, int], re.Pattern[str]] = field(default_factory=dict)

    def fullmatch(self, text: str) -> bool:
        here = self._reached({self.start}, text, 0)
        for at in range(len(text)):
            moved = self._moved(here, text, at)
            if not moved:
                return False
            here = self._reached(moved, text, at + 1)
        return 0 in here

    def search(self, text: str, spend: Callable[[int], None] = lambda places: None) -> bool:
        """Whether it matches anywhere. ``spend`` hears at each character how many places are
        looked at, and may raise."""
        here: set[int] = set()
        for at in range(len(text) + 1):
            here = self._reached({self.start, *self._moved(here, text, at - 1)}, text, at, spend)
            if 0 in here:
                return True
        return False

    def _moved(self, here: Iterable[int], text: str, at: int) -> set[int]:
        """Where the character at ``at`` leads from here."""
        return {
            place.ways[0]
            for place in map(self.places.__getitem__, here)
            if place.leaf is not None and place.leaf.match(text, at)
        }

    def _reached(
        self,
        begin: set[int],
        text: str,
        at: int,
        spend: Callable[[int], None] = lambda places: None,
    ) -> set[int]:
        """The places at which a character is awaited, or the end."""
        open_, known, found = list(begin), set(begin), set()
        while open_:
            number = open_.pop()
            place = self.places[number]
            if (place.leaf is not None and place.moves) or number == 0:
                found.add(number)
            elif place.leaf is None or place.leaf.match(text, at):
                fresh = set(place.ways) - known
                known |= fresh
                open_ += fresh
        spend(len(known))
        return found

    def add(self, leaf: re.Pattern[str] | None, *ways: int, moves: bool = True) -> int:
        if len(self.places) >= MOST_PLACES:
            raise Unbounded("it is too long")
        # Each way once: a thousand empty alternatives are one.
        self.places.append(_Place(leaf, tuple(dict.fromkeys(ways)), moves))
        return len(self.places) - 1

    def leaf(self, operation: Any, argument: Any, state: Any) -> re.Pattern[str]:
        """The test of one character, compiled once for all that a count repeats."""
        known = operation, id(argument)  # the parsed pattern is alive until all of it is compiled
        if known not in self._leaves:
            one = _parser.SubPattern(state, [(operation, argument)])
            self._leaves[known] = _compiler.compile(one, state.flags)
        return self._leaves[known]


@lru_cache(maxsize=1000)
def compiled(text: str, flags: int = re.DOTALL) -> Pattern:
    """Raises ``Unbounded``; like ``re.compile`` with these flags."""
    if len(text) > LONGEST_PATTERN:
        raise Unbounded("it is too long")
    made = Pattern()
    end = made.add(None)
    try:
        parsed = _parser.parse(text, flags)
        made.start = _sequence(made, parsed, parsed.state, end)
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        raise Unbounded(str(error)) from None
    made._leaves.clear()
    return made


def _sequence(made: Pattern, items: Sequence[Any], state: Any, then: int) -> int:
    for operation, argument in reversed(list(items)):
        then = _item(made, operation, argument, state, then)
    return then


def _item(made: Pattern, operation: Any, argument: Any, state: Any, then: int) -> int:
    if operation in _ONE:
        leaf = made.leaf(operation, argument, state)
        return made.add(leaf, then, moves=operation is not _constants.AT)
    if operation is _constants.BRANCH:
        return made.add(None, *(_sequence(made, one, state, then) for one in argument[1]))
    if operation is _constants.SUBPATTERN and not (argument[1] or argument[2]):
        return _sequence(made, argument[3], state, then)
    if operation in _REPEATS:
        return _repeated(made, argument, state, then)
    raise Unbounded(f"it uses {str(operation).lower().replace('_', ' ')}")


def _repeated(made: Pattern, argument: Any, state: Any, then: int) -> int:
    least, most, items = argument
    if most is _constants.MAXREPEAT:
        again = made.add(None, then)
        made.places[again].ways = (_sequence(made, items, state, again), then)
        then = again
    else:
        end = then
        for _ in range(min(most - least, MOST_PLACES + 1)):
            then = made.add(None, _sequence(made, items, state, then), end)
    for _ in range(min(least, MOST_PLACES + 1)):
        before = then
        then = _sequence(made, items, state, then)
        if then == before:  # nothing to repeat
            break
    return then
