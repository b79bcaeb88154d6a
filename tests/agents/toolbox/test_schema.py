"""Schemas from strangers, and arguments checked against them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from agents.toolbox import schema


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
        (an_object(patternProperties={"(a+)+$": {}}), "never finish"),
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


def test_a_pattern_that_would_never_finish_is_not_run() -> None:
    given = an_object(properties={"a": {"type": "string", "pattern": "^(a+)+$"}})
    began = time.monotonic()
    assert schema.problems(given, {"a": "a" * 5_000 + "!"}) == []
    assert time.monotonic() - began < 1


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
