"""Each rung of the loop guard follows the last, and people bring it down again."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from agents.core import events, stuck
from agents.core.evidence import WINDOW
from agents.core.next import next_step
from agents.core.step import Ask, Park, Say
from tests.core.sessions import Session
from tests.core.test_stuck import other_error, same_error, same_result, same_words


def escalate(session: Session) -> events.LoopDetected:
    """Loop until it is noticed, and put it on record."""
    for number in range(WINDOW):
        if found := stuck.detect(session.state):
            session.say(found)
            return found
        same_error(session, number)
    raise AssertionError("no loop was found")


def test_reflection_then_a_block_then_a_person() -> None:
    session = Session()
    rungs = [escalate(session).rung for _ in range(3)]
    assert rungs == ["reflect", "block", "ask"]
    assert session.state.asking == "loop"


def test_evidence_is_spent_once_it_has_fired() -> None:
    session = Session()
    escalate(session)
    assert stuck.detect(session.state) is None
    same_error(session, 1)
    same_error(session, 2)
    assert stuck.detect(session.state) is None


def test_a_block_covers_the_call_and_nothing_else() -> None:
    session = Session()
    escalate(session)
    assert not stuck.is_blocked(session.state, "look", {"at": "x"})
    escalate(session)
    assert stuck.is_blocked(session.state, "look", {"at": "x "})
    assert not stuck.is_blocked(session.state, "look", {"at": "y"})
    assert not stuck.is_blocked(session.state, "write", {"at": "x"})


def test_an_error_streak_blocks_the_whole_tool() -> None:
    session = Session()
    for number in count():
        other_error(session, number)
        if found := stuck.detect(session.state):
            session.say(found)
            if found.rung == "block":
                break
    assert stuck.is_blocked(session.state, "look", {"at": "anything"})


def test_three_blocked_attempts_bring_a_person() -> None:
    session = Session()
    for number in range(3):
        session.fail("look", {}, error_class=stuck.BLOCKED, executed=False)
        session.call("write", {"at": number}, "done")
    found = stuck.detect(session.state)
    assert found
    assert (found.rule, found.rung) == ("blocked_attempts", "ask")


def test_a_persons_message_starts_the_ladder_anew() -> None:
    session = Session()
    for _ in range(3):
        escalate(session)
    session.say(events.Message(by="ada", text="look elsewhere"))
    assert stuck.detect(session.state) is None
    assert escalate(session).rung == "reflect"


def test_after_three_questions_the_session_wraps_up() -> None:
    session = Session()
    rungs = []
    for _ in range(6):
        rungs.append(escalate(session).rung)
        session.say(events.Resumed(by="ada"))
    assert rungs == ["reflect", "block", "ask", "ask", "ask", "wrap_up"]
    assert session.state.wrap_up


def test_an_unattended_session_wraps_up_where_a_person_would_be_asked() -> None:
    session = Session(settings={"unattended": True})
    assert [escalate(session).rung for _ in range(3)] == ["reflect", "block", "wrap_up"]
    assert stuck.detect(session.state) is None


def test_another_rule_only_reflects_again_but_the_third_detection_asks() -> None:
    session = Session()
    escalate(session)
    for _ in range(3):
        same_result(session, 0)
    found = stuck.detect(session.state)
    assert found
    assert (found.rule, found.rung) == ("same_call_same_result", "reflect")
    session.say(found)
    assert escalate(session).rung == "ask"


@pytest.mark.parametrize(("clean", "rung"), [(19, "ask"), (20, "block")])
def test_twenty_clean_calls_are_worth_a_rung(clean: int, rung: str) -> None:
    session = Session()
    assert [escalate(session).rung for _ in range(2)] == ["reflect", "block"]
    for number in range(clean):
        session.call("write", {"at": number}, f"wrote {number}")
    assert escalate(session).rung == rung


@pytest.mark.parametrize(("clean", "rung"), [(14, "block"), (15, "reflect")])
def test_the_same_rule_blocks_only_if_it_comes_again_within_fifteen_calls(
    clean: int, rung: str
) -> None:
    session = Session()
    assert escalate(session).rung == "reflect"
    for number in range(clean):
        session.call("write", {"at": number}, f"wrote {number}")
    assert escalate(session).rung == rung


def test_a_monologue_has_nothing_to_block_and_brings_a_person() -> None:
    session = Session()
    for rung in ("reflect", "ask"):
        for _ in range(3):
            same_words(session, 0)
        found = stuck.detect(session.state)
        assert found
        assert found.rung == rung
        assert found.evidence["text"] == "I  am still THINKING."
        session.say(found)


def test_the_note_names_the_tool_the_count_and_the_last_error() -> None:
    found = escalate(Session())
    assert found.evidence["count"] == 3
    assert len(found.evidence["seqs"]) == 3
    for words in ("`look`", "3 times", '"error number 2"'):
        assert words in found.note


def asking(**settings: object) -> Session:
    """A session that has asked a person about a loop."""
    session = Session(settings=settings)
    while session.state.asking != "loop":
        escalate(session)
    return session


def test_a_question_waits_half_an_hour_as_rows_and_then_the_session_wraps_up() -> None:
    session = asking()
    asked_at = session.state.asked_at
    assert asked_at
    parked = next_step(session.state, 1, asked_at)
    half_an_hour = asked_at + timedelta(minutes=30)
    assert isinstance(parked, Park)
    assert (parked.status, parked.resume_at, parked.question) == (
        "waiting_input",
        half_an_hour,
        "loop",
    )
    said = next_step(session.state, 2, half_an_hour)
    assert isinstance(said, Say)
    (fact,) = said.facts
    assert isinstance(fact, events.LoopDetected)
    assert (fact.rung, fact.evidence) == ("wrap_up", {"unanswered_seconds": 1800})
    session.say(fact)
    wraps = next_step(session.state, 2, half_an_hour)
    assert isinstance(wraps, Ask)
    assert wraps.request.tool_choice == {"type": "none"}


def test_how_long_a_question_waits_belongs_to_the_agent() -> None:
    session = asking(loops={"answer_seconds": 0})
    assert session.state.asked_at
    assert stuck.answer_by(session.state) is None


def test_a_lifted_block_lets_the_call_run_and_the_model_is_told() -> None:
    session = asking()
    assert session.state.blocked
    session.say(events.Resumed("Olu", answer="lift_block"))
    assert not session.state.blocked
    assert session.state.notes[-1].text.startswith("NOTE FROM THE RUNTIME: Olu lifted")
    assert escalate(session).rung == "reflect"


def test_a_person_may_let_a_looping_session_wrap_up() -> None:
    session = asking()
    session.say(events.Resumed("Olu", answer="wrap_up"))
    assert session.state.wrap_up
    assert "Olu asks you to wrap up" in session.state.notes[-1].text


def test_the_evidence_lists_each_call_with_its_counts() -> None:
    session = Session()
    for number in range(6):
        session.call("look", {"at": number % 2}, "nothing")
    found = stuck.detect(session.state)
    assert found
    assert found.evidence["calls"] == [
        {"tool": "look", "arguments": '{"at":0}', "count": 3, "failed": 0},
        {"tool": "look", "arguments": '{"at":1}', "count": 3, "failed": 0},
    ]


def test_a_block_holds_for_the_rest_of_its_epoch() -> None:
    session = Session()
    evidence = {"signature": stuck.signature("look", {"at": "x"})}
    session.say(events.LoopDetected("same_call_error", "block", evidence))
    assert stuck.is_blocked(session.state, "look", {"at": "x"})
    session.say(events.ContextCompacted(1, 9, 8, "s", session.state.history, 0))
    assert not stuck.is_blocked(session.state, "look", {"at": "x"})
