"""Rows 27 to 37: when a session repeats itself, and what follows."""

from __future__ import annotations

import subprocess
import sys

from agents.core import context, events, stuck
from agents.core.evidence import WINDOW, signature
from agents.core.next import next_step
from agents.core.step import Park
from agents.testing import calls, says
from tests.core.loops import assert_paired, kinds, play, stage
from tests.core.sessions import START, Session, text
from tests.core.test_ladder import escalate
from tests.core.test_stuck import (
    around,
    first_detection,
    other_error,
    progress,
    same_error,
    same_words,
    three_at_once,
)
from tests.rules.rows import row

ELSEWHERE = """
from agents.core.evidence import signature
print(signature("pay", {"b": [1, {"y": 2, "x": 1}], "a": "z"}))
"""


@row(27)
def test_a_call_has_one_signature_in_every_process_and_key_order() -> None:
    here = signature("pay", {"a": "z", "b": [1, {"x": 1, "y": 2}]})
    for seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", ELSEWHERE],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.strip() == here


@row(28)
def test_polling_whose_results_change_is_no_loop() -> None:
    assert first_detection(progress, 40) is None


@row(29)
def test_a_cycle_of_five_is_found_and_calls_that_changed_something_are_not() -> None:
    assert first_detection(around(5), 20) == (15, "cycle")

    def scattered(session: Session, number: int) -> None:
        at = "x" if number % 3 == 0 else number
        session.call("look", {"at": at}, f"state {number}")

    assert first_detection(scattered, 30) is None


@row(30)
def test_evidence_that_has_fired_is_spent() -> None:
    session = Session()
    escalate(session)
    for number in range(2):
        assert stuck.detect(session.state) is None
        same_error(session, number)
    assert stuck.detect(session.state) is None


@row(31)
def test_the_same_call_three_times_in_one_turn_counts_once() -> None:
    assert first_detection(three_at_once, 2) is None


@row(32)
def test_every_call_keeps_its_result_and_the_note_comes_after_them() -> None:
    session = Session()
    for number in range(2):
        same_error(session, number)
    ids = session.propose(("look", {"at": "x"}), ("write", {"at": "y"}))
    session.answer(ids[0], "no such thing", ok=False, error_class="not_found")
    session.answer(ids[1], "written")
    session.say(events.LoopDetected("same_call_error", "reflect", {}, "NOTE FROM THE RUNTIME: ..."))
    messages = context.request(session.state).messages
    assert_paired(messages)
    assert [block["type"] for block in messages[-1]["content"]] == [
        "tool_result",
        "tool_result",
        "text",
    ]


@row(33)
def test_a_loop_is_judged_once_its_results_are_in_and_blocks_at_the_second_rung() -> None:
    session = Session()
    for number in range(2):
        same_error(session, number)
    (call_id,) = session.propose(("look", {"at": "x"}))
    assert stuck.detect(session.state) is None, "the third call is still open"
    session.answer(call_id, "no such thing", ok=False, error_class="not_found")
    found = stuck.detect(session.state)
    assert found
    assert found.rung == "reflect"
    session.say(found)
    assert not stuck.is_blocked(session.state, "look", {"at": "x"})
    assert escalate(session).rung == "block"
    assert stuck.is_blocked(session.state, "look", {"at": "x"})


@row(34)
def test_a_loop_climbs_from_a_note_to_a_block_to_a_person_to_the_end() -> None:
    session = Session()
    rungs = [escalate(session).rung for _ in range(3)]
    assert rungs == ["reflect", "block", "ask"]
    step = next_step(session.state, 1, START)
    assert isinstance(step, Park)
    assert step.status == "waiting_input"
    alone = Session(settings={"unattended": True})
    assert [escalate(alone).rung for _ in range(3)] == ["reflect", "block", "wrap_up"]
    assert alone.state.wrap_up


@row(35)
def test_streaks_of_errors_monologues_and_alternations_are_found() -> None:
    assert first_detection(other_error, 10) == (6, "error_streak")
    assert first_detection(same_words, 10) == (3, "monologue")
    assert first_detection(around(2), 10) == (6, "cycle")
    session = Session()
    for _ in range(4):  # a turn that pauses is not over, so it is no monologue
        session.think(text("Searching."), stop_reason="pause_turn")
    assert stuck.detect(session.state) is None


@row(36)
async def test_an_answer_is_kept_before_its_calls_and_only_tool_use_calls() -> None:
    made = stage([calls(("c1", "look", {})), says("Done.")])
    made.begin()
    await play(made)
    order = kinds(made.store.records)
    assert order.index("thinking") < order.index("tool_call") < order.index("tool_started")
    assert made.model.requests[1].messages[1]["role"] == "assistant"
    other = stage([calls(("c1", "look", {}), stop_reason="end_turn"), says("Done.")])
    other.begin()
    await other.drive()
    assert other.toolbox.requests == []


@row(37)
async def test_evidence_is_bounded_and_comes_from_the_log_alone() -> None:
    session = Session()
    for number in range(3 * WINDOW):
        session.call("look", {"at": number}, "r" * 500)
    assert len(session.state.settled) <= WINDOW
    made = stage([calls(("c1", "look", {}))] * 2 + [says("Done.")])
    made.begin()
    state = await play(made)
    assert made.store.state().settled == state.settled
