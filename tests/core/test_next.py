"""What a session does next, where two reasons meet."""

from __future__ import annotations

from agents.core import events
from agents.core.next import MAX_PAUSE_TURNS, next_step
from agents.core.step import Ask, Park, Say, Step
from tests.core.sessions import START, Session, text


def step(session: Session) -> Step:
    return next_step(session.state, 1, START)


def test_a_session_that_is_paused_does_not_end_though_the_model_is_done() -> None:
    session = Session()
    session.think(text("Done."))
    session.say(events.Paused("Olu"))
    assert step(session) == Park("paused")
    session.say(events.Resumed("Olu"))
    assert step(session) == Say((events.Complete("Done.", ""),))


def test_a_refusal_that_nobody_attends_is_the_end() -> None:
    for unattended in (True, False):
        session = Session(settings={"unattended": unattended})
        session.say(events.TurnDiscarded("refusal", "I will not.", {}, session.state.seq))
        found = step(session)
        if not unattended:
            assert isinstance(found, Park)
            continue
        assert isinstance(found, Say)
        (end,) = found.facts
        assert isinstance(end, events.Error)
        assert end.error_class == "refused"


def test_however_far_a_budget_is_overrun_it_is_reached_before_it_ends_a_session() -> None:
    session = Session(limits={"tokens": 100}, settings={"unattended": True})
    session.usage = {"input_tokens": 200, "output_tokens": 10}
    session.call("look", {}, "found")
    reached = step(session)
    assert isinstance(reached, Say)
    assert [fact.kind for fact in reached.facts] == ["budget_reached"]


def test_a_model_may_pause_ten_times_in_a_row_and_no_more() -> None:
    session = Session()
    for _ in range(MAX_PAUSE_TURNS):
        session.think(text("Searching."), stop_reason="pause_turn")
    assert isinstance(step(session), Ask)
    session.think(text("Searching."), stop_reason="pause_turn")
    assert isinstance(step(session), Say)
