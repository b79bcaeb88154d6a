"""The keywords of a schema whose check has no bound in ``jsonschema``: patterns and references.

It gives patterns to ``re``, which may not come back from one within a day, and follows references
however often they double. The schema is a stranger's and the check runs on the event loop, so all
that one check does is counted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from agents.core.patterns import LONGEST, Pattern, Unbounded, compiled

MAX_REFS = 2_000  # followed in one check
MAX_STEPS = 1_000_000  # places of patterns looked at in one check: a third of a second
COMPILING = 200  # steps that a character of a pattern takes before the first match


class TooComplexError(Exception):
    """Checking would take longer than any honest schema needs."""


@dataclass(slots=True)
class Effort:
    """What one check has cost so far."""

    refs: int = 0
    steps: int = 0
    _patterns: dict[str, Pattern | None] = field(default_factory=dict)

    def follow(self) -> None:
        self.refs += 1
        if self.refs > MAX_REFS:
            raise TooComplexError

    def spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise TooComplexError

    def finds(self, pattern: str, text: str) -> bool:
        """Whether the pattern is in the text. Raises ``TooComplexError`` where nobody can tell."""
        found = self._compiled(pattern)
        if found is None or len(text) > LONGEST:
            raise TooComplexError
        return found.search(text, self.spend)

    def _compiled(self, pattern: str) -> Pattern | None:
        if pattern not in self._patterns:
            self.spend(COMPILING * len(pattern))
            try:
                self._patterns[pattern] = compiled(pattern, 0)
            except Unbounded:
                self._patterns[pattern] = None
        return self._patterns[pattern]


effort: ContextVar[Effort] = ContextVar("effort")


def _pattern(
    validator: Any, pattern: str, instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, str):
        return
    try:
        found = effort.get().finds(pattern, instance)
    except TooComplexError:
        return  # the tool itself still checks
    if not found:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    for pattern, inner in patterns.items():
        for name in _named([pattern], instance):
            yield from validator.descend(instance[name], inner, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: object, instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    patterns = schema.get("patternProperties")
    if patterns and isinstance(instance, Mapping):
        named = dict.fromkeys(_named(patterns, instance), True)
        schema = {"properties": {**named, **schema.get("properties", {})}}
    yield from _original("additionalProperties")(validator, allowed, instance, schema)


def _named(patterns: Iterable[str], instance: Mapping[str, Any]) -> list[str]:
    finds = effort.get().finds
    return [name for name in instance if any(finds(pattern, name) for pattern in patterns)]


def _original(word: str) -> Any:
    return Draft202012Validator.VALIDATORS[word]


def _counted(word: str) -> Any:
    follow = _original(word)

    def check(validator: Any, target: str, instance: object, schema: Any) -> Any:
        effort.get().follow()
        return follow(validator, target, instance, schema)

    return check


Bounded: Any = extend(  # type: ignore[no-untyped-call]  # jsonschema's stubs lack it
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "$ref": _counted("$ref"),
        "$dynamicRef": _counted("$dynamicRef"),
    },
)
