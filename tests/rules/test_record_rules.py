"""Rows 49 to 56: what is on record, and what bounds a session."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.conf import settings
from structlog.testing import capture_logs

from agents import chain, projections
from agents.core import events, moment, turn
from agents.core.budget import check
from agents.core.model import ModelFailure, Turn
from agents.core.outputs import MAX_RESULT
from agents.core.tools import ToolContext, ToolOutput
from agents.journal import read
from agents.models import Event, Session
from agents.testing import ScriptedModel, calls, says
from agents.toolbox.box import Box
from agents.toolbox.clip import clip
from tests.agents.desk import Desk, said
from tests.agents.posting import ask
from tests.agents.working import db, until, worker
from tests.core.loops import play, stage
from tests.core.sessions import START
from tests.core.sessions import Session as Written
from tests.rules.rows import row

database = pytest.mark.django_db(transaction=True)


@row(49)
@database
def test_every_moment_is_aware_and_in_utc() -> None:
    desk = Desk()
    desk.write(said())
    for record in read(desk.row.pk, 0):
        assert record.at.utcoffset() == timedelta(0)
    assert events.timestamp(START.astimezone(UTC)).endswith("Z")


@row(50)
@database
def test_data_that_names_a_field_of_the_header_overwrites_nothing() -> None:
    desk = Desk()
    given = {"event": "x", "session_id": "y", "step": 99, "seq": 99, "kind": "z", "level": "low"}
    with capture_logs() as lines:
        (record,) = desk.write(events.ToolCall("c1", "look", given, "safe", "allow", "rule"))
    (line,) = [line for line in lines if line.get("kind") == "tool_call"]
    assert (line["event"], line["seq"], line["step"]) == ("event", record.seq, record.step)
    assert line["session"] == str(desk.row.uuid)
    assert isinstance(record.fact, events.ToolCall)
    assert record.fact.arguments == given
    assert (record.seq, record.kind) == (2, "tool_call")


@row(51)
@database
async def test_every_event_has_its_order_its_actor_and_what_it_cost() -> None:
    model = ScriptedModel([calls(("c1", "read_file", {"path": "orders.csv"})), says("Read.")])
    async with worker(model):
        session = await until(await ask(), *Session.ENDED)
    log = await db(lambda: list(read(session.pk, 0)))
    assert [record.seq for record in log] == list(range(1, len(log) + 1))
    assert {record.actor for record in log} == {"model", "runtime"}
    assert all(record.term and record.digest for record in log)
    first = next(record.fact for record in log if isinstance(record.fact, events.Thinking))
    assert (first.usage["input_tokens"], first.model) == (10, "claude-sonnet-5-5")
    call = next(record.fact for record in log if isinstance(record.fact, events.ToolCall))
    assert (call.risk, call.verdict, call.effect) == ("safe", "allow", "read")
    started = next(record.fact for record in log if isinstance(record.fact, events.ToolStarted))
    assert (started.call_id, started.attempt) == (call.call_id, 1)
    assert await db(chain.verify, session) is None


@row(52)
@database
def test_an_event_and_its_rows_are_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    project = projections.Writes.save

    def broken(writes: projections.Writes) -> None:
        project(writes)
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(projections.Writes, "save", broken)
    with pytest.raises(RuntimeError):
        desk.write(said())
    monkeypatch.undo()
    assert desk.kinds() == ["session_started"]
    assert desk.refresh().last_seq == 1
    desk.write(said())
    assert (desk.kinds()[-1], desk.refresh().last_seq) == ("message", 2)


@row(53)
@database
async def test_secrets_are_redacted_as_they_are_written_and_output_is_capped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = "sk-ant-a-key-of-the-tests"

    async def call(box: Box, name: str, arguments: Any, context: ToolContext) -> ToolOutput:
        return ToolOutput(f"the key is {secret}, " + "x" * 200_000)

    monkeypatch.setattr(Box, "call", call)
    monkeypatch.setattr(settings, "ANTHROPIC_API_KEY", secret)
    model = ScriptedModel([calls(("c1", "read_file", {"path": "orders.csv"})), says("Read.")])
    async with worker(model):
        session = await until(await ask(), *Session.ENDED)
    texts = await db(lambda: list(Event.objects.filter(session=session).values_list("text")))
    assert secret not in str(texts)
    assert len(str(texts)) < 3 * MAX_RESULT
    assert len(clip("x" * 200_000)) <= MAX_RESULT + 200


@row(54)
async def test_every_request_can_be_built_again_from_the_log() -> None:
    made = stage([calls(("c1", "look", {"n": 1})), says("Done.")])
    made.begin()
    await play(made)
    answers = [r.seq for r in made.store.records if isinstance(r.fact, events.Thinking)]
    for sent, seq in zip(made.model.requests, answers, strict=True):
        again = moment.at(made.store.records, seq).request
        assert again
        assert json.dumps(again.body()) == json.dumps(sent.body())


@row(55)
@pytest.mark.parametrize(
    ("limits", "usage", "cost"),
    [
        ({"steps": 1}, {}, None),
        ({"tokens": 1000}, {"input_tokens": 900, "output_tokens": 100}, None),
        ({"usd": 0.5}, {"input_tokens": 10}, 0.5),
        ({"active_seconds": 1}, {}, None),
    ],
)
def test_steps_tokens_dollars_and_time_each_bound_a_session(
    limits: dict[str, float], usage: dict[str, int], cost: float | None
) -> None:
    session = Written(limits=limits)
    session.think({"type": "text", "text": "Hm."}, usage=usage, cost=cost)
    reached = check(session.state)
    assert isinstance(reached, events.BudgetReached)
    assert {reached.dimension} == set(limits)


REASONS = (
    "end_turn max_tokens stop_sequence tool_use pause_turn refusal model_context_window_exceeded"
    " something_new"
).split()
# Calls that come with one of these are not carried out; the model is asked once more.
SAMPLED_AGAIN = {"end_turn", "max_tokens", "stop_sequence", "pause_turn"}
FAILURES = (
    "overloaded rate_limited connection timeout cut_stream server_error bad_json authentication"
    " permission billing not_found invalid_request context_overflow thinking_bound unknown"
).split()


@row(56)
@pytest.mark.parametrize("reason", REASONS)
def test_no_way_that_an_answer_can_end_is_without_a_rule(reason: str) -> None:
    call = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    for content in ([], [{"type": "text", "text": "So."}], [call]):
        session = Written()
        fact = turn.judge(session.state, Turn(content, reason, {}, "m"), None)
        session.say(fact)
        if isinstance(fact, events.Thinking):
            assert content, "an empty answer is never kept"
            assert (reason == "tool_use") or not turn.proposed(fact)
        else:
            assert "c1" not in str(session.state.history)
        if content == [call] and reason in SAMPLED_AGAIN:
            assert isinstance(fact, events.TurnDiscarded)
            assert fact.reason == "truncated"


@row(56)
@pytest.mark.parametrize("error_class", FAILURES)
def test_no_failure_of_an_endpoint_is_without_a_rule(error_class: str) -> None:
    transient = error_class in FAILURES[:6]
    session = Written()
    failure = ModelFailure(error_class, "no", transient=transient)
    fact = turn.failed(session.state, failure, START)
    session.say(fact)
    state = session.state
    answered = state.retry_at or state.asking or state.ended or state.bad_json
    assert answered or state.overflowed or state.drop_block
