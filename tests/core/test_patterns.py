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


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", ".*.*.*.*.*.*b", "(a?){40}a{40}b"])
def test_no_text_makes_a_pattern_slow(pattern: str) -> None:
    # ``re`` would not come back from any of these within a day.
    assert not patterns.compiled(pattern).fullmatch("a" * 2000 + "c")


@pytest.mark.parametrize("pattern", ["(?=a)a", r"(a)\1", "a{301}", "((a{20}){20}){20}", "(", "a++"])
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
