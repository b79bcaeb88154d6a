"""Loops are caught at the stated call, progress never is, and each rung follows the last."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count, cycle
from typing import Any

import pytest

from agents.core import events, stuck
from agents.core.evidence import WINDOW
from tests.core.sessions import Session, text

Step = Callable[[Session, int], object]


def first_detection(step: Step, calls: int, **settings: Any) -> tuple[int, str] | None:
    """The call after which a loop is found, and the rule."""
    session = Session(settings=settings)
    for number in range(1, calls + 1):
        step(session, number)
        if found := stuck.detect(session.state):
            return number, found.rule
    return None


def same_error(session: Session, number: int) -> None:
    session.fail("look", {"at": "x"}, content=f"error number {number}")


def other_error(session: Session, number: int) -> None:
    session.fail("look", {"at": number})


def same_result(session: Session, _: int) -> None:
    session.call("look", {"at": "x"}, "nothing")


def progress(session: Session, number: int) -> None:
    session.call("look", {"at": "x"}, f"{number} of 40 files")


def around(period: int) -> Step:
    def step(session: Session, number: int) -> None:
        session.call("look", {"at": number % period}, "nothing")

    return step


def coming_back(session: Session, number: int) -> None:
    session.call("look", {"at": "x" if number % 2 else number}, "nothing")


def cycle_with_progress(session: Session, number: int) -> None:
    session.call("look", {"at": number % 2}, f"{number} of 40 files")


def same_words(session: Session, _: int) -> None:
    session.think(text("I  am still THINKING."), stop_reason="max_tokens")


def blocks_tried(session: Session, number: int) -> None:
    session.fail("look", {"at": number}, error_class=stuck.BLOCKED, executed=False)
    session.call("write", {"at": number}, f"wrote {number}")


def error_after_success(session: Session, number: int) -> None:
    if number % 3:
        session.fail("look", {"at": "x"})
    else:
        session.call("look", {"at": "x"}, f"{number} of 40 files")


def other_words(session: Session, number: int) -> None:
    session.think(text(f"Thought number {number}."), stop_reason="max_tokens")


def words_and_calls(session: Session, number: int) -> None:
    session.call("look", {"at": number}, f"{number} of 40 files")
    session.think(text("Still at it."), stop_reason="max_tokens")


def around_with_errors(session: Session, number: int) -> None:
    (session.fail if number % 2 else session.call)("look", {"at": number % 2}, content="no")


def another_spelling(session: Session, number: int) -> None:
    session.call("look", {"at": " x" * (number % 2) or "x ", "request_id": number}, "nothing")


def three_at_once(session: Session, number: int) -> None:
    for call_id in session.propose(*[("look", {"at": number})] * 3):
        session.answer(call_id, "nothing")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (same_error, (3, "same_call_error")),
        (other_error, (6, "error_streak")),
        (same_result, (3, "same_call_same_result")),
        (progress, None),
        (coming_back, (9, "repeat_in_window")),
        (around(2), (6, "cycle")),
        (around(3), (9, "cycle")),
        (around(4), (12, "cycle")),
        (around(5), (15, "cycle")),
        (cycle_with_progress, None),
        (same_words, (3, "monologue")),
        (three_at_once, None),
        (blocks_tried, (3, "blocked_attempts")),
        (error_after_success, None),
        (other_words, None),
        (words_and_calls, None),
        (around_with_errors, (6, "cycle")),
        (another_spelling, (3, "same_call_same_result")),
        (around(6), (25, "repeat_in_window")),
    ],
)
def test_a_pattern_is_caught_at_the_stated_call(
    step: Step, expected: tuple[int, str] | None
) -> None:
    assert first_detection(step, 40) == expected


def test_a_pollable_tool_may_give_the_same_result_nineteen_times() -> None:
    expected = (20, "same_call_same_result")
    assert first_detection(same_result, 40, pollable=["lo*"]) == expected


def test_a_pollable_tool_in_turn_with_another_is_not_a_cycle_before_twenty_calls() -> None:
    assert first_detection(around(2), 40, pollable=["look"]) == (20, "cycle")


def test_a_pollable_tool_may_come_back_as_often_as_the_window_can_hold() -> None:
    assert first_detection(coming_back, 60) == (9, "repeat_in_window")
    assert first_detection(coming_back, 60, pollable=["look"]) is None


def test_turns_that_bring_nothing_new_are_noticed_and_nothing_is_done() -> None:
    session = Session()
    session.call("look", {"at": 0}, "nothing")
    for number in range(14):
        assert stuck.notice(session.state) is None
        session.call("look", {"at": number + 1}, "nothing")
    assert stuck.notice(session.state) is None
    session.call("look", {"at": "last"}, "nothing")
    found = stuck.notice(session.state)
    assert found
    assert (found.rule, found.rung, found.evidence) == ("no_progress", "notice", {"count": 15})
    before = session.state
    session.say(found)
    assert stuck.notice(session.state) is None
    assert (session.state.loops, session.state.notes) == (before.loops, before.notes)
    session.call("look", {"at": "new"}, "something else")
    assert session.state.news_step == session.state.step


def test_masked_times_and_ids_do_not_count_as_progress() -> None:
    ids = (f"550e8400-e29b-41d4-a716-4466554400{n:02}" for n in count())

    def step(session: Session, number: int) -> None:
        content = f"pending since {number} s, at 2026-11-23T09:{number:02}:00Z, {next(ids)}"
        session.call("look", {}, content)

    assert first_detection(step, 40) == (3, "same_call_same_result")


def test_thresholds_belong_to_the_agent_and_zero_turns_a_rule_off() -> None:
    settings = {"loops": {"same_call_same_result": 4}}
    assert first_detection(same_result, 40, **settings) == (4, "same_call_same_result")
    off = {"same_call_same_result": 0, "repeat_in_window": 0, "no_progress": 0}
    assert first_detection(same_result, 40, loops=off) is None


def test_six_failures_of_one_turn_are_no_streak_because_the_model_could_not_react() -> None:
    session = Session()
    for call_id in session.propose(*[("look", {"at": n}) for n in range(6)]):
        session.answer(call_id, "no", ok=False, error_class="not_found")
    assert stuck.detect(session.state) is None


def test_parallel_calls_make_the_same_cycle_in_whatever_order_they_end() -> None:
    session = Session()
    orders: Iterator[int] = cycle([1, -1])
    for _ in range(3):
        ids = session.propose(("look", {"at": 1}), ("look", {"at": 2}))
        for call_id in ids[:: next(orders)]:
            session.answer(call_id, "nothing")
    found = stuck.detect(session.state)
    assert found
    assert found.rule == "cycle"


def test_nothing_is_found_while_a_call_is_open() -> None:
    session = Session()
    for number in (1, 2):
        same_error(session, number)
    ids = session.propose(("look", {"at": "x"}), ("look", {"at": "y"}))
    session.answer(ids[0], "no", ok=False, error_class="not_found")
    assert stuck.detect(session.state) is None
    session.answer(ids[1], "yes")
    assert stuck.detect(session.state) is None  # the last call did not fail


@pytest.mark.parametrize("error_class", ["denied", "expired", "answered", "stopped"])
def test_what_a_person_decided_is_no_evidence(error_class: str) -> None:
    session = Session()
    for _ in range(10):
        session.fail("look", {}, error_class=error_class, executed=False)
    assert session.state.settled == ()


@pytest.mark.parametrize("error_class", ["invalid_arguments", "unknown_tool", "policy"])
def test_calls_that_could_not_run_are_evidence(error_class: str) -> None:
    session = Session()
    for _ in range(3):
        session.fail("look", {}, error_class=error_class, executed=False)
    found = stuck.detect(session.state)
    assert found
    assert found.rule == "same_call_error"
    assert found.evidence["last_error"] == "no such thing"


def settled_reads(error_class: str, read: bool) -> Session:
    session = Session()
    window: tuple[stuck.Settled, ...] = ()
    for step in range(1, 4):
        fact = events.ToolResult("c", "look", False, "try later", error_class)
        window = stuck.settle(window, "look", {}, fact, step, step, read)
    object.__setattr__(session.state, "settled", window)
    object.__setattr__(session.state, "loop_seq", 0)
    return session


def test_transient_failures_of_reads_are_left_to_the_breaker() -> None:
    assert stuck.detect(settled_reads("rate_limited", read=True).state) is None
    assert stuck.detect(settled_reads("rate_limited", read=False).state)
    assert stuck.detect(settled_reads("not_found", read=True).state)


def test_the_window_is_bounded() -> None:
    session = Session()
    for number in range(WINDOW + 10):
        session.call("look", {"at": number}, "something")
    assert len(session.state.settled) == WINDOW


# Signatures


def test_spelling_makes_no_difference_to_a_signature() -> None:
    plain = stuck.signature("t", {"a": "caf\u00e9\nx", "b": [2, {"c": 1}]})
    spelled = {"b": [2.0, {"c": 1}], "a": " cafe\u0301\r\nx ", "request_id": "7"}
    assert stuck.signature("t", spelled) == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [({"a": 1}, {"a": True}), ({"a": 1}, {"a": "1"}), ({"a": None}, {}), ({"a": 1.5}, {"a": 1})],
)
def test_what_differs_has_another_signature(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert stuck.signature("t", one) != stuck.signature("t", other)


def test_a_signature_is_the_same_in_every_process() -> None:
    code = "from agents.core.stuck import signature; print(signature('t', {'a': 'x', 'b': 2}))"
    runs = [subprocess.check_output([sys.executable, "-c", code]) for _ in range(2)]
    assert {run.decode().strip() for run in runs} == {stuck.signature("t", {"b": 2, "a": "x"})}


def test_images_count_by_their_bytes() -> None:
    def step(session: Session, number: int) -> None:
        source = {"type": "base64", "media_type": "image/png", "data": "A" * 70_000 + str(number)}
        session.call("look", {}, [{"type": "image", "source": source}])

    assert first_detection(step, 40) is None
