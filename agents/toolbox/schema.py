"""Schemas of tools: whether one can be trusted to be checked, and what is wrong with arguments.

A schema from an MCP server is hostile data: it may point at another document, expand without
end or carry a pattern that never finishes. Those either exclude the tool or go unchecked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from agents.core import canonical
from agents.toolbox.keywords import Bounded, Effort, TooComplexError, effort

MAX_SCHEMA = 100_000  # characters
MAX_SCHEMA_DEPTH = 32
MAX_EXPANSION = 20_000  # nodes, with every $ref written out
MAX_PROBLEMS = 5
MAX_PROBLEM = 200  # characters
_PAIR = ("patternProperties", "unevaluatedProperties")


def flaw(schema: Mapping[str, Any]) -> str:
    """Why this schema cannot be used, or an empty string."""
    try:
        text = canonical.sorted_text(schema)
        canonical.check(schema, canonical.MAX_DEPTH - MAX_SCHEMA_DEPTH)
    except (ValueError, TypeError, RecursionError) as error:
        return f"its schema is not usable JSON: {error}"
    if len(text) > MAX_SCHEMA:
        return f"its schema has {len(text):,} characters, more than {MAX_SCHEMA:,}"
    return _flaw(text)


def problems(schema: Mapping[str, Any], given: Any, name: str = "arguments") -> list[str]:
    """What is wrong with what is given: path first, at most five, 200 characters each."""
    token = effort.set(Effort())
    try:
        errors = list(islice(_checker(canonical.event_text(schema)).iter_errors(given), 20))
    except (TooComplexError, RecursionError):
        return [f"{name}: too deeply nested or too long to be checked against the tool's schema"]
    except Unresolvable:
        return [f"{name}: the tool's schema refers to something that is not in it"]
    finally:
        effort.reset(token)
    errors.sort(key=lambda error: [str(part) for part in error.absolute_path])
    return [_sentence(error, name) for error in errors[:MAX_PROBLEMS]]


@lru_cache(maxsize=4096)
def _flaw(text: str) -> str:
    schema = json.loads(text)
    return _shape_flaw(schema) or _expansion_flaw(schema)


def _shape_flaw(schema: Mapping[str, Any]) -> str:
    if schema.get("type") != "object":
        return 'its schema is not of type "object"'
    try:
        # Without formats: a pattern in JavaScript's dialect is no reason to lose the tool.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(()))
    except SchemaError as error:
        return f"its schema is invalid at {error.json_path}: {error.message[:MAX_PROBLEM]}"
    nodes, allowed = list(_nodes(schema)), Effort()
    if _names_in_vain(nodes):
        return "its schema has property patterns beside unevaluatedProperties, a costly pair"
    return next(filter(None, (_node_flaw(node, allowed) for node in nodes)), "")


def _names_in_vain(nodes: list[Mapping[str, Any]]) -> bool:
    """Whether jsonschema would match the names of properties by itself, which has no bound."""
    return all(any(word in node for node in nodes) for word in _PAIR)


def _node_flaw(node: Mapping[str, Any], allowed: Effort) -> str:
    for word in ("$ref", "$dynamicRef"):
        target = node.get(word)
        if isinstance(target, str) and not target.startswith("#"):
            return "its schema refers to another document"
    patterns = node.get("patternProperties")
    try:
        for pattern in patterns if isinstance(patterns, Mapping) else ():
            allowed.finds(pattern, "")
    except TooComplexError:
        return "its schema has a property pattern that is no regular expression of bounded time"
    return ""


def _expansion_flaw(schema: Mapping[str, Any]) -> str:
    try:
        size = _Expansion(schema).size(schema)
    except RecursionError:
        size = MAX_EXPANSION + 1
    if size > MAX_EXPANSION:
        return f"its schema expands to more than {MAX_EXPANSION:,} parts"
    return ""


class _Expansion:
    """How large a schema is once every local ``$ref`` is written out; a cycle counts once."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._sizes: dict[str, int] = {}

    def size(self, node: object) -> int:
        if isinstance(node, list):
            return sum(self.size(item) for item in node)
        if not isinstance(node, Mapping):
            return 0
        total = 1 + sum(self.size(value) for key, value in node.items() if not _is_store(key))
        target = node.get("$ref")
        return total + (self._target(target) if isinstance(target, str) else 0)

    def _target(self, pointer: str) -> int:
        if pointer not in self._sizes:
            self._sizes[pointer] = 1  # what a cycle back to here counts
            self._sizes[pointer] = self.size(self._resolve(pointer))
        return self._sizes[pointer]

    def _resolve(self, pointer: str) -> object:
        node: object = self._root
        for part in pointer.removeprefix("#").split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            node = node.get(key) if isinstance(node, Mapping) else None
        return node


def _is_store(key: str) -> bool:
    return key in ("$defs", "definitions", "enum", "const", "default", "examples")


def _nodes(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for item in value.values():
            yield from _nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nodes(item)


@lru_cache(maxsize=512)
def _checker(text: str) -> Validator:
    schema = canonical.parse(text)
    if _names_in_vain(list(_nodes(schema))):
        raise TooComplexError
    # An explicit empty registry: without one, jsonschema fetches remote references.
    checker: Validator = Bounded(_undeclared(schema), registry=Registry())
    return checker


def _undeclared(value: object) -> object:
    """Without any ``$schema``, at which jsonschema goes on with a checker that has no bounds."""
    if isinstance(value, list):
        return [_undeclared(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: _undeclared(item)
        for key, item in value.items()
        if not (key == "$schema" and isinstance(item, str))
    }


def _sentence(error: ValidationError, name: str) -> str:
    path = error.json_path.removeprefix("$").lstrip(".") or name
    text = canonical.clean_text(f"{path}: {error.message}")
    return text if len(text) <= MAX_PROBLEM else text[: MAX_PROBLEM - 1] + "…"
