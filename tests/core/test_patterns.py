"""Patterns of rules meet texts that a model wrote: the same answer as ``re``, in bounded time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core import patterns
from agents.core.risk import Condition, Risk, RiskMap, Rule, Verdict

PIECES = st.sampled_from(["a", "b", ".", "[^a]", r"\w", r"\d", "^", "$", r"\b", "(?:ab|b)", "\n"])
COUNTS = st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}", "*?", "{2,}"])


@st.composite
def written(draw: st.DrawFn) -> str:
    parts = [f"(?:{draw(PIECES)}){draw(COUNTS)}" for _ in range(draw(st.integers(0, 5)))]
    cut = draw(st.integers(0, len(parts)))
    inner = "".join(parts[:cut])
    return draw(st.sampled_from(["", "(?i)"])) + f"({inner}|{''.join(parts[cut:])}){draw(COUNTS)}"


@given(written(), st.text(alphabet="abAB1 \n", max_size=8))
def test_a_pattern_says_what_re_says(pattern: str, text: str) -> None:
    expected = re.fullmatch(pattern, text, re.DOTALL) is not None
    assert patterns.compiled(pattern).fullmatch(text) is expected


@given(written(), st.text(alphabet="abAB1 \n", max_size=8))
def test_a_pattern_is_found_where_re_finds_it(pattern: str, text: str) -> None:
    expected = re.search(pattern, text) is not None
    assert patterns.compiled(pattern, 0).search(text) is expected


@pytest.mark.parametrize("pattern", ["(a+)+b", ".*.*.*b", "(a?){40}a{40}b", f"(?:{'|' * 1_900})*b"])
def test_a_search_looks_at_each_place_once_for_each_character(pattern: str) -> None:
    looks: list[int] = []
    found = patterns.compiled(pattern)
    assert not found.search("a" * 2000, looks.append)
    assert len(looks) == 2001
    assert max(looks) <= len(found.places)
    assert sum(len(place.ways) for place in found.places) <= 3 * len(found.places)


def test_what_a_count_repeats_is_compiled_once() -> None:
    leaves = [place.leaf for place in patterns.compiled("[ab]{200}c").places if place.leaf]
    assert len(leaves) == 201
    assert len({id(leaf) for leaf in leaves}) == 2


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", ".*.*.*.*.*.*b", "(a?){40}a{40}b"])
def test_no_text_makes_a_pattern_slow(pattern: str) -> None:
    # ``re`` would not come back from any of these within a day.
    assert not patterns.compiled(pattern).fullmatch("a" * 2000 + "c")


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?=a)a", r"(a)\1", "a{301}", "((a{20}){20}){20}", "(", "a++"),
        *("(?a)(?u)x", "(a|" * 300 + "a" + ")" * 300, "(" * 900 + ")" * 900, f"[{'ab' * 1000}]"),
    ],
)
def test_what_cannot_be_matched_in_bounded_time_is_no_pattern(pattern: str) -> None:
    with pytest.raises(patterns.Unbounded):
        patterns.compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"), [("(?=x)x.*", "y"), ("y", "x" * (patterns.LONGEST + 1))]
)
def test_what_cannot_be_tested_lets_nothing_through(pattern: str, text: str) -> None:
    condition = Condition("text", "regex", pattern)
    for verdict, judged in (("deny", "deny"), ("ask", "ask"), ("allow", "ask")):
        rule = Rule("r", "*", Verdict(verdict), conditions=(condition,))
        found = RiskMap({}, (rule,)).judge("a", "t", {"text": text}, Risk.LOW)
        assert found.verdict == judged
