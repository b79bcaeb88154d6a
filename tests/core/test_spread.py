"""Lengths by bucket: what is kept of them, and how near the truth it is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core import spread


def counted(lengths: list[float]) -> Counter[int]:
    return Counter(spread.bucket(length) for length in lengths)


@given(st.floats(0, 1e9))
def test_a_length_lies_within_its_bucket(length: float) -> None:
    number = spread.bucket(length)
    assert spread.edge(number) <= length * 1.000001 + 1e-6
    assert length < spread.edge(number + 1) * 1.000001 + 1e-6


@given(st.lists(st.integers(10, 10**7), min_size=1, max_size=60))
def test_a_median_is_right_to_a_bucket(lengths: list[int]) -> None:
    median = sorted(lengths)[(len(lengths) - 1) // 2]
    found = spread.quantile(counted([float(n) for n in lengths]), 0.5)
    assert found is not None
    assert median * 0.82 <= found <= median * 1.23


def test_known_quantiles() -> None:
    counts = counted([float(n) for n in range(1000, 2000)])
    assert spread.quantile(counts, 0.5) == pytest.approx(1500, rel=0.05)
    assert spread.quantile(counts, 0.95) == pytest.approx(1950, rel=0.09)
    assert spread.quantile(Counter(), 0.5) is None


def test_what_is_written_is_read_and_adds_up() -> None:
    first, second = counted([1, 5, 5, 900]), counted([5, 70])
    assert spread.load(spread.dump(first)) == first
    assert spread.merged([spread.dump(first), spread.dump(second), ""]) == first + second


def test_between_two_lengths_lies_everything_once() -> None:
    counts = counted([3, 40, 40, 5000])
    parts = [spread.between(counts, low, high) for low, high in [(0, 40), (40, 100), (100, 1e9)]]
    assert sum(parts) == pytest.approx(4)
    assert parts[2] == pytest.approx(1)
