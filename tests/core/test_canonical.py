"""One text for one value, and no way in for what readers disagree about."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core import canonical
from agents.core.canonical import BadJson

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
WHOLE = st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    canonical.check(value)
    assert canonical.parse(canonical.event_text(value)) == value
    assert canonical.parse(canonical.sorted_text(value)) == value


@given(st.dictionaries(TEXT, VALUES, max_size=6))
def test_the_approval_digest_does_not_depend_on_order(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical.digest(turned) == canonical.digest(value)


def test_the_event_text_keeps_insertion_order() -> None:
    assert canonical.event_text({"b": 1, "a": "é"}) == '{"b":1,"a":"é"}'
    assert canonical.sorted_text({"b": 1, "a": "é"}) == '{"a":"é","b":1}'


@pytest.mark.parametrize(
    ("one", "other"),
    [("x", "x "), (1, True), (1, 1.0), ("caf\u00e9", "cafe\u0301"), (None, ""), ([1, 2], [2, 1])],
)
def test_the_approval_digest_normalises_nothing(one: object, other: object) -> None:
    assert canonical.digest({"a": one}) != canonical.digest({"a": other})


def test_the_digest_is_the_same_in_every_process() -> None:
    code = "from agents.core.canonical import digest; print(digest({'b': 'x', 'a': [1, None]}))"
    runs = {subprocess.check_output([sys.executable, "-c", code]) for _ in range(2)}
    assert runs == {f"{canonical.digest({'a': [1, None], 'b': 'x'})}\n".encode()}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a":1,"a":2}', "duplicate key"),
        ('{"a":{"b":1,"b":1}}', "duplicate key"),
        ("NaN", "NaN is not JSON"),
        ("[Infinity]", "Infinity is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("1e400", "out of range"),
        ("-1e400", "out of range"),
        ("9007199254740993", "too large"),
        ("1" * 5_000, "too large"),
        (r'"\ud800"', "lone surrogate"),
        (r'{"\udfff":1}', "lone surrogate"),
        (r'"a\u0000b"', "NUL"),
        (r'{"\u0000":1}', "NUL"),
        ("[" * 66 + "]" * 66, "nested deeper"),
        ("[" * 100_000 + "]" * 100_000, "nested"),
        ('{"path": "a.txt", "text": "hello wor', "not valid JSON"),
        ("", "not valid JSON"),
        ("{} {}", "not valid JSON"),
        ("{'a':1}", "not valid JSON"),
    ],
)
def test_what_a_lenient_reader_would_repair_is_refused(text: str, problem: str) -> None:
    with pytest.raises(BadJson, match=problem):
        canonical.parse(text)


def test_what_is_at_the_edge_passes() -> None:
    assert canonical.parse("9007199254740992") == 2**53
    assert canonical.parse("-9007199254740992") == -(2**53)
    assert canonical.parse(r'"\ud83d\ude00"') == "😀"
    assert canonical.parse("[" * 64 + "1" + "]" * 64) is not None


@pytest.mark.parametrize("text", ["[]", '"a"', "1", "null", "true"])
def test_arguments_must_be_an_object(text: str) -> None:
    with pytest.raises(BadJson, match="object"):
        canonical.parse_object(text)


def test_an_object_is_given_back() -> None:
    assert canonical.parse_object('{"a":[1]}') == {"a": [1]}


@pytest.mark.parametrize("value", [{1: 2}, {"a": {1, 2}}, b"x", object(), float("nan"), 2**60])
def test_values_that_are_not_plain_json_are_refused(value: object) -> None:
    with pytest.raises(BadJson):
        canonical.check(value)


@pytest.mark.parametrize("write", [canonical.event_text, canonical.sorted_text])
def test_no_number_without_a_value_is_written(write: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write(float("inf"))


@given(st.text())
def test_cleaned_text_is_accepted_everywhere(text: str) -> None:
    cleaned = canonical.clean_text(text)
    canonical.check(cleaned)
    cleaned.encode()
    assert canonical.clean_text(cleaned) == cleaned


def test_cleaning_drops_nul_and_replaces_lone_surrogates_only() -> None:
    assert canonical.clean_text("a\x00b😀é") == "ab😀é"
    assert set(canonical.clean_text("\ud800")) == {"\ufffd"}


def test_the_digest_is_over_the_sorted_text() -> None:
    value = {"b": [1, 2.5], "a": None}
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    assert canonical.digest(value) == canonical.sha256(text)
