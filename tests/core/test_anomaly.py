"""The formulas, against values worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core import anomaly


def test_a_z_score_by_hand() -> None:
    # log1p of e-1, e²-1 … is 1, 2, 3, 4, 5: median 3, deviations 2 1 0 1 2, MAD 1.
    usual = [math.expm1(n) for n in (1, 2, 3, 4, 5)]
    assert anomaly.robust_z(math.expm1(10), usual) == pytest.approx(0.6745 * 7)
    assert anomaly.robust_z(math.expm1(3), usual) == pytest.approx(0)
    assert anomaly.robust_z(math.expm1(1), usual) == pytest.approx(-1.349)


def test_where_most_are_equal_the_mean_deviation_stands_in() -> None:
    # Nine of ten equal: MAD 0, mean deviation 0.2.
    usual = [math.expm1(1)] * 9 + [math.expm1(3)]
    assert anomaly.robust_z(math.expm1(2), usual) == pytest.approx(1 / (1.2533 * 0.2))


def test_where_all_are_equal_only_twice_as_much_counts() -> None:
    assert anomaly.robust_z(201, [100.0] * 30) == math.inf
    assert anomaly.robust_z(199, [100.0] * 30) == 0


@given(st.lists(st.floats(0, 1e9), min_size=20, max_size=60), st.floats(0, 1e9))
def test_a_larger_value_never_has_a_smaller_z(usual: list[float], value: float) -> None:
    assert anomaly.robust_z(value * 2 + 1, usual) >= anomaly.robust_z(value, usual) - 1e-9


def test_an_average_forgets_by_a_fifth() -> None:
    assert anomaly.ewma([1.0], 0.0) == pytest.approx(0.2)
    assert anomaly.ewma([1.0, 1.0], 0.0) == pytest.approx(0.36)
    assert anomaly.ewma([1.0, 0.0], 0.0) == pytest.approx(0.16)


def test_the_limits_of_an_average_are_three_sigmas_of_its_own() -> None:
    assert anomaly.margin(0.3) == pytest.approx(3 * 0.3 * math.sqrt(0.2 / 1.8))
    assert anomaly.share_deviation(0.5, 25) == pytest.approx(0.1)


def test_a_deviation_that_outliers_do_not_move() -> None:
    assert anomaly.deviation([1, 2, 3, 4, 5]) == pytest.approx(1 / 0.6745)
    assert anomaly.deviation([1, 2, 3, 4, 500]) == pytest.approx(1 / 0.6745)


def test_surprise_by_hand() -> None:
    # Two runs of one call: ^ -> a twice, a -> $ twice. Vocabulary a, $ and the unknown: 3.
    counts = {"^": {"a": 2}, "a": {"$": 2}}
    usual = anomaly.surprise(["a"], counts)
    bits = -math.log2(2.5 / 3.5)
    assert usual.score == pytest.approx(2 * bits / 8)
    odd = anomaly.surprise(["b"], counts)
    assert odd.oddest.before == "^"
    assert odd.oddest.after == "b"
    assert odd.oddest.bits == pytest.approx(-math.log2(0.5 / 3.5))
    # After an unknown token anything is as likely: one of three.
    assert odd.score == pytest.approx((-math.log2(0.5 / 3.5) + math.log2(3)) / 8)


def test_a_long_run_is_as_odd_as_its_oddest_stretch() -> None:
    counts = {"^": {"a": 50}, "a": {"a": 1000, "$": 50}}
    calm = anomaly.surprise(["a"] * 40, counts)
    odd = anomaly.surprise(["a"] * 16 + ["b", "c"] * 4 + ["a"] * 16, counts)
    assert calm.score < 1
    assert odd.score > 1.5


def test_a_percentile_is_one_of_the_values() -> None:
    assert anomaly.percentile([float(n) for n in range(1, 101)], 0.99) == 99
    assert anomaly.percentile([7.0], 0.99) == 7
