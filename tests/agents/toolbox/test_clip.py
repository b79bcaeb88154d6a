"""How much of a text a model is shown."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.outputs import MAX_RESULT
from agents.toolbox.clip import HEAD, clip, share

ANY = st.characters(min_codepoint=0, max_codepoint=0x10FFFF)  # NUL and lone surrogates too
TEXTS = st.builds(lambda part, times: part * times, st.text(ANY, max_size=60), st.integers(0, 60))
LIMITS = st.integers(0, 2_000)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
MARKER = re.compile(r"\[\.\.\. ([\d,]+) (characters|items) omitted")


def omitted(shown: str) -> int:
    found = MARKER.search(shown)
    assert found, shown
    return int(found[1].replace(",", ""))


def test_a_short_text_stays_as_it_is() -> None:
    assert clip("short") == "short"
    assert clip("x" * MAX_RESULT) == "x" * MAX_RESULT


def test_a_long_text_keeps_its_head_and_tail_and_says_what_is_missing() -> None:
    text = "a" * 30_000 + "b" * 30_000
    shown = clip(text)
    assert len(shown) <= MAX_RESULT
    head, marker, tail = shown.split("\n")
    assert set(head) == {"a"}
    assert set(tail) == {"b"}
    assert abs(len(head) / (len(head) + len(tail)) - 0.6) < 0.01
    assert marker == f"[... {60_000 - len(head) - len(tail):,} characters omitted ...]"


def test_an_artifact_is_named_as_it_is_read() -> None:
    told = "; full output saved as artifact art_7; read it with read_artifact(art_7, offset, limit)"
    assert f"characters omitted{told} ...]" in clip("x" * 50_000, artifact="art_7")


@given(text=TEXTS, limit=LIMITS, artifact=st.sampled_from(["", "art_0123456789abcdef"]))
def test_no_text_is_longer_than_allowed_and_none_holds_what_no_store_accepts(
    text: str, limit: int, artifact: str
) -> None:
    shown = clip(text, limit, artifact)
    assert len(shown) <= limit or len(text) <= limit
    assert "\x00" not in shown
    assert not re.search("[\ud800-\udfff]", shown)


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0[")), more=TEXTS)
def test_head_and_tail_are_kept_and_the_rest_is_counted(text: str, more: str) -> None:
    whole = (text + "middle of it " * 60 + text)[:5_000]
    shown = clip(whole, 400, "art_0")
    if len(whole) <= 400:
        assert shown == whole
        return
    marker = MARKER.search(shown)
    assert marker
    head = shown[: marker.start() - 1]
    tail = shown[shown.index("...]", marker.end()) + 5 :]
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert omitted(shown) == len(whole) - len(head) - len(tail)
    assert head
    assert abs(len(head) - HEAD * (len(head) + len(tail))) <= 1


@given(items=st.lists(JSON, min_size=1, max_size=60), indent=st.sampled_from([None, 2]))
def test_an_array_stays_parseable_and_its_items_stay_as_they_were(
    items: list[Any], indent: int | None
) -> None:
    text = json.dumps(items, indent=indent, ensure_ascii=True)
    shown = clip(text, 300)
    assert len(shown) <= 300 or len(text) <= 300
    if MARKER.search(shown) and "items omitted" in shown:
        kept = json.loads(shown)
        at = next(n for n, item in enumerate(kept) if isinstance(item, str) and "items om" in item)
        assert kept[:at] == items[:at]
        assert kept[at + 1 :] == items[len(items) - (len(kept) - at - 1) :]
        assert omitted(shown) == len(items) - (len(kept) - 1)
    elif "characters omitted" not in shown:
        assert json.loads(shown) == items


def test_an_array_is_cut_by_items_at_the_real_limit() -> None:
    items = [{"n": n, "text": "x" * 100} for n in range(1_000)]
    shown = clip(json.dumps(items))
    kept = json.loads(shown)
    assert MAX_RESULT * 0.9 < len(shown) <= MAX_RESULT
    assert (kept[0], kept[-1]) == (items[0], items[-1])
    assert omitted(shown) == 1_000 - (len(kept) - 1)


def test_items_are_never_written_anew() -> None:
    """What JSON readers repair (equal keys, 1.10, \\ud800) comes through as it was written."""
    item = '{"a": 1.10, "a": 1E5, "s": "\\ud800", "n": 123456789012345678901234567890}'
    shown = clip(f"[{', '.join([item] * 50)}]", 1_000)
    assert shown.startswith(f"[{item}, ")
    assert shown.endswith(f"{item}]")
    assert "items omitted" in shown


def test_an_array_that_only_its_spacing_made_long_loses_nothing() -> None:
    text = "[\n" + ",\n          ".join(["1"] * 100) + "\n]"
    assert json.loads(clip(text, 700)) == [1] * 100


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(["x" * 100_000]),  # one huge item
        "[" + "1, " * 30_000,  # not closed
        "[" + "1 " * 30_000 + "]",
        "[" * 60_000,  # too deep
        "[" + "NaN, " * 20_000 + "1]",
        "[" + "1, " * 30_000 + "1] and more",
        "[" + "9" * 5_000 + "," + "1, " * 30_000 + "1]",  # no reader takes such a number
        json.dumps([1] * 1_000_000),  # too long to be parsed
    ],
)
def test_what_is_no_array_or_too_long_is_cut_as_text(text: str) -> None:
    shown = clip(text)
    assert "characters omitted" in shown
    assert len(shown) <= MAX_RESULT
    assert shown[:100] == text[:100]


def test_what_no_store_accepts_is_cleaned() -> None:
    assert set(clip("a\x00b\ud800")) == {"a", "b", "\ufffd"}


@given(lengths=st.lists(st.integers(0, 10_000), max_size=12), limit=st.integers(0, 20_000))
def test_the_largest_are_shrunk_first_and_only_as_far_as_needed(
    lengths: list[int], limit: int
) -> None:
    cap = share(lengths, limit)
    shown = [min(length, cap) for length in lengths]
    assert sum(shown) <= limit
    if sum(lengths) <= limit:
        assert shown == lengths
    else:
        assert limit - sum(shown) < len(lengths)
