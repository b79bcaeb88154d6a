"""Each row of guards.md 5.1 that an answer's stop reason decides, at an endpoint process."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agents import inbox
from agents.core import events
from tests.agents.talking import READ, facts, play, results, said, shown, tail, working
from tests.agents.working import ENDED, begin, db, kinds, until
from tests.endpoint.fixtures import Talk, shared_endpoint, talk

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["shared_endpoint", "talk"]

TWO = {"tools": [*READ["tools"], {"name": "read_file", "input": {"path": "missing.csv"}}]}
CUT = {"fault": "truncate"}


async def test_every_call_of_a_turn_gets_one_result_in_order_before_any_words(talk: Talk) -> None:
    session = await play(talk, READ, TWO, "Read.", limits={"tool_calls": 3.75})
    called, answered = talk.requests()[-1]["messages"][-2:]
    asked = [block["id"] for block in called["content"] if block["type"] == "tool_use"]
    assert results(talk.requests()[-1]) == asked
    kinds = [block["type"] for block in answered["content"]]
    assert kinds == ["tool_result", "tool_result", "text"]
    assert session.tool_calls == 3


async def test_a_call_to_tools_without_any_call_is_an_end_that_says_so(talk: Talk) -> None:
    session = await play(talk, {"text": "I call.", "stop_reason": "tool_use"})
    (end,) = await facts(session, events.Complete)
    assert (session.status, end.text, end.reason) == ("completed", "I call.", "unexpected_stop")


async def test_a_stop_reason_that_nobody_knows_is_an_end_that_says_so(talk: Talk) -> None:
    session = await play(talk, {"text": "So far.", "stop_reason": "coffee_break"})
    (end,) = await facts(session, events.Complete)
    assert (session.status, end.text, end.reason) == ("completed", "So far.", "unexpected_stop")


async def test_calls_that_came_with_an_unknown_stop_reason_never_run(talk: Talk) -> None:
    session = await play(talk, {**READ, "stop_reason": "coffee_break"})
    assert (session.status, session.error_class) == ("failed", "unexpected_stop")
    assert "coffee_break" in session.error
    assert await kinds(session) == ["session_started", "turn_discarded", "error"]


async def test_an_empty_turn_is_noted_twice_and_then_ends_empty(talk: Talk) -> None:
    session = await play(talk, READ, *[{"fault": "empty"}] * 3)
    (end,) = await facts(session, events.Complete)
    assert (session.status, end.text, end.reason) == ("completed", "", "empty")
    notes = [shown(body).count("your last turn was empty") for body in talk.requests()]
    assert notes == [0, 0, 1, 2]


async def test_an_empty_turn_that_passes_is_not_in_the_history(talk: Talk) -> None:
    session = await play(talk, READ, {"fault": "empty"}, "All read.")
    assert session.result == "All read."
    assert all(message["content"] for message in talk.requests()[-1]["messages"])


async def test_a_cut_call_is_discarded_given_more_room_noted_and_then_fails(talk: Talk) -> None:
    session = await play(talk, CUT, CUT, CUT)
    assert (session.status, session.error_class) == ("failed", "truncated")
    assert [body["max_tokens"] for body in talk.requests()] == [8000, 32_000, 32_000]
    assert ["smaller tool calls" in shown(body) for body in talk.requests()] == [False, False, True]
    assert "tool_started" not in await kinds(session)
    assert session.tokens > 0, "what was thrown away was billed"


async def test_an_answer_cut_off_while_thinking_is_discarded_like_a_cut_call(talk: Talk) -> None:
    thought = {"thinking": "Much to think about.", "text": "", "stop_reason": "max_tokens"}
    await play(talk, thought, "Done.")
    assert [body["max_tokens"] for body in talk.requests()] == [8000, 32_000]


async def test_a_cut_text_is_continued_three_times_and_read_as_one(talk: Talk) -> None:
    parts = [{"text": part, "stop_reason": "max_tokens"} for part in ("One, ", "two, ", "three, ")]
    session = await play(talk, *parts, "four.")
    assert session.result == "One, two, three, four."
    assert [tail(body)[-1]["text"] for body in talk.requests()[1:]] == ["Continue."] * 3


async def test_a_text_that_is_cut_a_fourth_time_ends_as_cut_off(talk: Talk) -> None:
    session = await play(talk, *[{"text": "On and on. ", "stop_reason": "max_tokens"}] * 4)
    (end,) = await facts(session, events.Complete)
    assert (session.status, end.reason, len(talk.requests())) == ("completed", "cut_off", 4)


async def test_a_pause_goes_back_as_it_is_and_no_note_comes_after_it(talk: Talk) -> None:
    pauses = [{"fault": "pause_turn"}] * 8
    session = await play(talk, *pauses, READ, "Found.", limits={"steps": 10})
    assert session.status == "completed"
    noted = ["NOTE FROM THE RUNTIME" in shown(body) for body in talk.requests()]
    assert noted == [False] * 9 + [True]
    assert talk.requests()[8]["messages"][-1]["role"] == "assistant"


async def test_the_eleventh_pause_in_a_row_fails(talk: Talk) -> None:
    session = await play(talk, *[{"fault": "pause_turn"}] * 11)
    assert (session.status, session.error_class) == ("failed", "pause_turn")
    assert len(talk.requests()) == 11


# Refusals

REFUSED = {"fault": "refusal", "category": "cyber", "explanation": "This asks for an exploit."}


async def test_a_refusal_is_shown_with_its_category_and_waits_for_a_person(talk: Talk) -> None:
    session = await play(talk, READ, REFUSED)
    assert session.status == "waiting_input"
    assert session.asking == "The model refused (cyber): This asks for an exploit."
    (fact,) = await facts(session, events.TurnDiscarded)
    assert fact.stop_details == {
        "type": "refusal",
        "category": "cyber",
        "explanation": "This asks for an exploit.",
    }
    assert (await kinds(session)).count("thinking") == 1


async def test_a_refused_task_put_another_way_stands_in_its_place(talk: Talk, olu: User) -> None:
    said(talk, REFUSED, "Gladly.")
    async with working(talk):
        session = await until(await begin("Break in."), "waiting_input")
        await db(inbox.steer, olu, session.uuid, "Check the lock.", replaces=True)
        session = await until(session, *ENDED)
    assert session.result == "Gladly."
    assert talk.requests()[-1]["messages"][0]["content"][0]["text"] == "Check the lock."
    assert "Break in." not in shown(talk.requests()[-1])


async def test_refused_results_are_withheld_when_a_person_says_so(talk: Talk, olu: User) -> None:
    said(talk, {**READ, "thinking": "Let me see."}, REFUSED, "Without them, then.")
    async with working(talk):
        session = await until(await begin("Read."), "waiting_input")
        await db(inbox.steer, olu, session.uuid, "Go on without.", withholds=True)
        session = await until(session, *ENDED)
    assert session.result == "Without them, then."
    result, words = tail(talk.requests()[-1])
    assert result["content"] == "[withheld]"
    assert words["text"].endswith("Go on without.")


async def test_a_refused_session_goes_on_with_another_model_without_thinking(
    talk: Talk, olu: User
) -> None:
    said(talk, {**READ, "thinking": "Let me see."}, REFUSED, READ, "I can.")
    async with working(talk):
        session = await until(await begin("Read."), "waiting_input")
        await db(inbox.resume, olu, session.uuid, "claude-haiku-5-5")
        session = await until(session, *ENDED)
    assert session.result == "I can."
    (epoch,) = await facts(session, events.ContextCompacted)
    assert (epoch.epoch, epoch.reason, epoch.continues_with) == (1, "fallback", "claude-haiku-5-5")
    models = [body["model"] for body in talk.requests()]
    assert models == ["claude-sonnet-5-5"] * 2 + ["claude-haiku-5-5"] * 2
    assert "'thinking'" not in shown(talk.requests()[2])
    assert "read_file" in shown(talk.requests()[2])


async def test_a_refused_session_can_be_stopped(talk: Talk, olu: User) -> None:
    said(talk, REFUSED)
    async with working(talk):
        session = await until(await begin("Break in."), "waiting_input")
        await db(inbox.stop, olu, session.uuid)
        await until(session, "cancelled")


async def test_a_refusal_that_nobody_can_answer_fails_as_refused(talk: Talk) -> None:
    session = await play(talk, REFUSED, settings={"unattended": True})
    assert (session.status, session.error_class) == ("failed", "refused")
