"""Schemas from strangers, and arguments checked against them."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from agents.toolbox import keywords, schema
from agents.toolbox.keywords import Effort


def an_object(**fields: Any) -> dict[str, Any]:
    return {"type": "object"} | fields


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        value = {"type": "array", "items": value}
    return an_object(properties={"a": value})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"type": "string"}, "not of type"),
        ({}, "not of type"),
        (an_object(properties={"a": {"type": "nonsense"}}), "invalid"),
        (an_object(properties={"a": {"$ref": "https://example.com/x"}}), "another document"),
        (an_object(properties={"a": {"$ref": "file:///etc/passwd"}}), "another document"),
        (an_object(description="x" * 200_000), "characters"),
        (an_object(patternProperties={"(": {}}), "regular expression"),
        (an_object(patternProperties={"(?=a)": {}}), "bounded time"),
        (an_object(patternProperties={f"[{'ab' * 1_000}]": {}}), "bounded time"),
        (an_object(patternProperties={f"{n:04}" * 10: {} for n in range(200)}), "bounded time"),
        (an_object(patternProperties={"a": {}}, unevaluatedProperties=False), "costly"),
        (an_object(properties={"a": {"maximum": float("nan")}}), "JSON"),
        (nested(60), "JSON"),
    ],
)
def test_a_schema_that_cannot_be_trusted_has_a_flaw(given: dict[str, Any], words: str) -> None:
    assert words in schema.flaw(given)


def test_a_reference_bomb_is_found_without_going_off() -> None:
    definitions: dict[str, Any] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 3} for n in range(60)
    }
    given = an_object(
        properties={"a": {"$ref": "#/$defs/d0"}}, **{"$defs": definitions | {"d60": {}}}
    )
    began = time.monotonic()
    assert "expands" in schema.flaw(given)
    assert time.monotonic() - began < 1


def test_a_tree_may_refer_to_itself() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    given = an_object(properties={"root": {"$ref": "#/$defs/node"}}, **{"$defs": {"node": node}})
    assert schema.flaw(given) == ""
    assert schema.problems(given, {"root": {"next": {"next": {}}}}) == []
    assert schema.problems(given, {"root": {"next": {"next": 3}}})[0].startswith("root.next.next")


@pytest.mark.parametrize("repeated", [1, 2])
def test_a_loop_that_never_ends_or_doubles_at_every_level_is_cut(repeated: int) -> None:
    loop = {"allOf": [{"$ref": "#/$defs/loop"}] * repeated}
    again = {"properties": {"x": {"allOf": [{"$ref": "#/$defs/again"}] * 2}}}
    given = an_object(
        properties={"a": {"$ref": "#/$defs/loop"}, "b": {"$ref": "#/$defs/again"}},
        **{"$defs": {"loop": loop, "again": again}},
    )
    deep: dict[str, Any] = {}
    for _ in range(50):
        deep = {"x": deep}
    began = time.monotonic()
    for arguments in ({"a": 1}, {"b": deep}):
        assert "too deeply" in schema.problems(given, arguments)[0]
    assert time.monotonic() - began < 5


DRAFT = "https://json-schema.org/draft/2020-12/schema"
HOSTILE = ["^(a+)+$", "(a|a)+$", ".*.*.*x", "(?:a?){20}a{20}x"]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_a_pattern_costs_what_it_and_its_text_are_long(pattern: str) -> None:
    cost = Effort()
    assert not cost.finds(pattern, "a" * 1_000 + "!")
    assert cost.steps <= keywords.COMPILING * len(pattern) + 100 * 1_002


@pytest.mark.parametrize(
    "words",
    [
        {"properties": {"a": {"pattern": "^b"}}},
        {"properties": {"a": {"$schema": DRAFT, "pattern": "^b"}}},
        {"patternProperties": {"^a": {"type": "integer"}}},
        {"patternProperties": {"^b": {}}, "additionalProperties": False},
        {"propertyNames": {"pattern": "^b"}},
    ],
)
def test_no_pattern_of_a_stranger_reaches_re(
    words: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(re, "search")
    assert len(schema.problems(an_object(**words), {"a": "a"})) == 1
    assert schema.problems(an_object(**words), {}) == []


def test_names_are_matched_by_any_of_their_patterns() -> None:
    given = an_object(
        properties={"c": {}},
        patternProperties={"^a": {"type": "integer"}, "b$": {}},
        additionalProperties={"type": "boolean"},
    )
    assert schema.flaw(given) == ""
    assert schema.problems(given, {"a1": 1, "xb": "x", "c": "x", "d": True}) == []
    found = schema.problems(given, {"a1": "x", "d": 1, "ab": "y"})
    assert [problem.partition(":")[0] for problem in found] == ["a1", "ab", "d"]


def test_what_one_check_costs_is_bounded_however_many_patterns_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cost = Effort()
    monkeypatch.setattr(schema, "Effort", lambda: cost)
    many = {"anyOf": [{"pattern": f"({n}|.)*.*.*.*x"} for n in range(1_000)]}
    assert schema.problems(an_object(properties={"a": many}), {"a": "a" * 10_000}) == []
    assert cost.steps < keywords.MAX_STEPS + 1_000_000
    unsure = schema.problems(an_object(patternProperties={"a": {}}), {"a": 1})
    assert "too long to be checked" in unsure[0]


def test_names_that_jsonschema_would_match_by_itself_are_not_let_through() -> None:
    given = an_object(patternProperties={"a": {}}, allOf=[{"unevaluatedProperties": False}])
    assert "too long to be checked" in schema.problems(given, {"a": 1})[0]


def test_a_name_that_is_too_long_to_be_matched_is_not_let_through() -> None:
    found = schema.problems(an_object(patternProperties={".*": {}}), {"a" * 10_001: 1})
    assert "too long to be checked" in found[0]


def test_a_pattern_of_another_dialect_is_left_to_the_tool() -> None:
    given = an_object(properties={"a": {"type": "string", "pattern": "^\\p{Lu}(?<rest>.*)$"}})
    assert schema.flaw(given) == ""
    assert schema.problems(given, {"a": "x"}) == []


def test_problems_name_the_path_first_and_stay_short() -> None:
    given = an_object(
        properties={f"p{n}": {"type": "integer"} for n in range(9)}, additionalProperties=False
    )
    found = schema.problems(given, {f"p{n}": "x" * 1_000 for n in range(9)})
    assert len(found) == 5
    assert found[0].startswith("p0: ")
    assert max(map(len, found)) <= 200
    assert schema.problems(given, {"p0": 1}) == []
    assert "other" in schema.problems(given, {"other": 1})[0]
