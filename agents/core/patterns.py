"""Regular expressions matched in time that grows with pattern times text. Pure.

Arguments are written by models. Python's ``re`` tries one way after another, so that ``(a+)+``
takes ages on thirty letters and a worker with it; here every way is followed at once. What cannot
be followed so, look-around and back-references, is no pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

# The parser of ``re`` itself, so that one syntax and one meaning of each character holds.
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]  # has no stubs
from typing import Any

LONGEST = 10_000  # characters of a text
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

    def fullmatch(self, text: str) -> bool:
        here = self._reached((self.start,), text, 0)
        for at in range(len(text)):
            moved = {
                place.ways[0]
                for place in map(self.places.__getitem__, here)
                if place.leaf is not None and place.leaf.match(text, at)
            }
            if not moved:
                return False
            here = self._reached(moved, text, at + 1)
        return 0 in here

    def _reached(self, begin: Iterable[int], text: str, at: int) -> set[int]:
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
        return found

    def add(self, leaf: re.Pattern[str] | None, *ways: int, moves: bool = True) -> int:
        if len(self.places) >= MOST_PLACES:
            raise Unbounded("it is too long")
        self.places.append(_Place(leaf, ways, moves))
        return len(self.places) - 1


@lru_cache(maxsize=1000)
def compiled(text: str) -> Pattern:
    """Raises ``Unbounded``; like ``re.compile`` with ``DOTALL``."""
    try:
        parsed = _parser.parse(text, re.DOTALL)
    except (re.error, RecursionError, OverflowError) as error:
        raise Unbounded(str(error)) from None
    made = Pattern()
    end = made.add(None)
    made.start = _sequence(made, parsed, parsed.state, end)
    return made


def _sequence(made: Pattern, items: Sequence[Any], state: Any, then: int) -> int:
    for operation, argument in reversed(list(items)):
        then = _item(made, operation, argument, state, then)
    return then


def _item(made: Pattern, operation: Any, argument: Any, state: Any, then: int) -> int:
    if operation in _ONE:
        leaf = _compiler.compile(_parser.SubPattern(state, [(operation, argument)]), state.flags)
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
