"""Random lives with crashes anywhere: every request is legal and tells what is pinned."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.core import epoch, events
from tests.core.lives import Life, Plot, Said, cut, live
from tests.core.loops import results
from tests.core.test_legality import CAMPAIGN

TOOLS = ["look", "charge", "write", "post", "wipe", "bomb", "nothing"]
TROUBLES = ["truncated", "cut", "pause", "empty", "refusal", "down", "bound", "bad_json"]
CALLS = st.builds(
    Said,
    tools=st.lists(st.sampled_from(TOOLS), min_size=1, max_size=4).map(tuple),
    think=st.booleans(),
    size=st.sampled_from([10, 200, 800, 3_000, 12_000]),
    same=st.integers(0, 9).map(lambda n: n == 9),
)
TROUBLE = st.builds(
    Said, st.sampled_from([*TROUBLES, "overflow", "forbidden"]), think=st.booleans()
)
SCRIPT = st.lists(st.one_of(CALLS, CALLS, CALLS, CALLS, TROUBLE), min_size=3, max_size=14).map(
    tuple
)
HAPPENINGS = st.sampled_from(["crash", "crash", "steer", "pause"])
PLOTS = st.builds(
    Plot,
    SCRIPT,
    mode=st.sampled_from(["summary", "server"]),
    window=st.sampled_from([6_000, 12_000, 40_000]),
    room=st.sampled_from([0.8, 1.0, 1.5]),
    keep=st.sampled_from([None, 0, 1, 2]),
    steps=st.sampled_from([None, None, 5]),
    fallback=st.booleans(),
    decisions=st.lists(
        st.sampled_from(["approved", "edit", "denied", "answered", "expired"]),
        min_size=1,
        max_size=6,
    ).map(tuple),
    settled=st.lists(st.sampled_from(["truly", "abandoned"]), min_size=1, max_size=3).map(tuple),
    summaries=st.lists(st.sampled_from(["", "fails", "refused", "empty"]), max_size=4).map(tuple),
    failing=st.lists(
        st.tuples(st.sampled_from(["charge", "write", "post", "wipe"]), st.booleans()), max_size=3
    ).map(tuple),
    moments=st.dictionaries(st.integers(1, 90), HAPPENINGS, max_size=8),
    requests=st.dictionaries(st.integers(1, 25), HAPPENINGS, min_size=1, max_size=8),
)


@settings(deadline=None, derandomize=not CAMPAIGN, max_examples=CAMPAIGN or 100, database=None)
@given(PLOTS, st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_whatever_happens_each_request_is_legal_and_tells_what_is_pinned(
    plot: Plot, cuts: list[float]
) -> None:
    life = live(plot)
    _assert_sound(life)
    for share in cuts:
        commits = life.stage.store.commits
        length = commits[min(int(share * len(commits)), len(commits) - 1)]
        _assert_resumes(life, plot, length)


def _assert_resumes(life: Life, plot: Plot, length: int) -> None:
    later = replace(plot, script=plot.script[-4:], moments={}, requests={}, failing=())
    again = live(later, cut(life, length))
    assert again.state.ended
    results(again.stage.store.records)


def _assert_sound(life: Life) -> None:
    records = life.stage.store.records
    told = results(records)
    calls = {r.fact.call_id for r in records if isinstance(r.fact, events.ToolCall)}
    assert set(told) == calls
    done = Counter(e for e in life.stage.toolbox.effects if e[0] != "look" and "«same»" not in e[1])
    assert set(done.values()) <= {1}
    assert list(life.state.weights) == [epoch.tokens(one) for one in life.state.history]


LONG = Plot(
    tuple(Said(tools=("look", "post", "charge"), think=n % 2 == 0, size=3_000) for n in range(8)),
    window=12_000,
    decisions=("approved", "denied", "edit", "answered", "expired"),
)


@pytest.mark.parametrize("mode", ["summary", "server"])
def test_a_session_cut_at_any_commit_goes_on_legally(mode: str) -> None:
    plot = replace(LONG, mode=mode)
    life = live(plot)
    assert life.endpoint.compactions.count((mode, False)) > 1
    for length in life.stage.store.commits:
        _assert_resumes(life, plot, length)


@pytest.mark.parametrize("mode", ["summary", "server"])
def test_a_crash_during_any_request_loses_nothing(mode: str) -> None:
    whole = live(replace(LONG, mode=mode))
    crashed: list[Any] = []
    for at in range(1, whole.endpoint.asked + 1):
        life = live(replace(LONG, mode=mode, requests={at: "crash"}))
        assert life.crashes == 1
        _assert_sound(life)
        crashed += [one for one in life.endpoint.compactions if one[1]]
    assert crashed.count((mode, True)) > 1
