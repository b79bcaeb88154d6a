"""The scenarios of guards.md section 5, each through the real worker, the real SDK over HTTP, the
database and an endpoint in a process of its own, which refuses whatever the API would."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents import chain, inbox
from agents.core import events
from agents.core.state import context_size
from agents.doorbell import bell
from agents.llm.anthropic import AnthropicModel
from agents.models import Outcome, Provider, Session
from agents.supervisor import Supervisor
from agents.tasks import end
from agents.toolbox.box import Box
from tests.agents.posting import HeldBox, approval_of
from tests.agents.talking import READ, facts, play, results, said, shown, status, tail, working
from tests.agents.working import ENDED, at_rest, begin, db, kinds, until, worker
from tests.endpoint.fixtures import Talk, shared_endpoint, talk

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["shared_endpoint", "talk"]

POST: dict[str, Any] = {"name": "post_tweet", "input": {"text": "We are open."}}
TOOLS = ["read_file", "write_file", "post_tweet"]


async def asked(talk: Talk, *replies: Any, **fields: Any) -> Session:
    """Begin a session that posts; call it while a worker runs."""
    said(talk, *replies)
    return await begin("Post it.", tools=TOOLS, **fields)


async def sound(session: Session) -> None:
    assert await db(chain.verify, session) is None


async def test_parallel_calls_of_which_one_runs_one_waits_and_two_cannot(
    talk: Talk, ann: User
) -> None:
    four = [
        *READ["tools"],
        POST,
        {"name": "write_file", "input": {"path": 7}},
        {"name": "launch_rocket", "input": {}},
    ]
    async with working(talk):
        session = await until(await asked(talk, {"tools": four}, "Done."), "waiting_approval")
        before = await facts(session, events.ToolResult)
        assert {r.tool for r in before if r.executed} == {"read_file"}, "it did not wait"
        assert {r.error_class for r in before if not r.ok} == {"invalid_arguments", "unknown_tool"}
        held = await approval_of(session)
        await db(inbox.approve, ann, held.uuid, held.digest)
        session = await until(session, *ENDED)
    assert session.status == "completed"
    answer = talk.requests()[-1]["messages"]
    calls = [block["id"] for block in answer[1]["content"] if block["type"] == "tool_use"]
    assert results(talk.requests()[-1]) == calls
    assert [bool(block.get("is_error")) for block in answer[2]["content"]] == [
        False,
        False,
        True,
        True,
    ]
    await sound(session)


async def test_an_edited_call_runs_as_edited_and_the_answer_of_the_model_stays(
    talk: Talk, ann: User
) -> None:
    turn = {"tools": [POST], "thinking": "Post it."}
    async with working(talk):
        session = await until(await asked(talk, turn, "Done."), "waiting_approval")
        held = await approval_of(session)
        await db(inbox.approve, ann, held.uuid, held.digest, arguments={"text": "We are closed."})
        session = await until(session, *ENDED)
    (started,) = await facts(session, events.ToolStarted)
    assert started.arguments == {"text": "We are closed."}
    call = talk.requests()[-1]["messages"][1]["content"][-1]
    assert call["input"] == POST["input"]
    assert "a human reviewer changed the arguments" in tail(talk.requests()[-1])[0]["content"]
    await sound(session)


async def test_a_denied_call_never_runs_and_the_model_is_told_why(talk: Talk, ann: User) -> None:
    async with working(talk):
        session = await until(await asked(talk, {"tools": [POST]}, "So be it."), "waiting_approval")
        held = await approval_of(session)
        await db(inbox.deny, ann, held.uuid, held.digest, "Not today.")
        session = await until(session, *ENDED)
    assert (session.status, session.result) == ("completed", "So be it.")
    assert await facts(session, events.ToolStarted) == []
    (block,) = tail(talk.requests()[-1])
    assert block["is_error"]
    assert block["content"].startswith("NOT EXECUTED. A human reviewer denied `post_tweet`.")
    assert "Not today" in block["content"]
    kept = [body["system"][-1]["cache_control"].get("ttl") for body in talk.requests()]
    assert kept == ["1h", "1h"], "the instructions outlive the time that people take"


async def test_a_truncated_call_never_runs(talk: Talk) -> None:
    session = await play(talk, {"fault": "truncate"}, READ, "Read.")
    assert session.result == "Read."
    assert talk.requests()[0]["system"][-1]["cache_control"] == {"type": "ephemeral"}
    assert (await kinds(session)).count("tool_started") == 1
    assert [body["max_tokens"] for body in talk.requests()] == [8000, 32_000, 8000]


async def test_an_overload_in_mid_stream_is_retried_and_its_tokens_are_booked(talk: Talk) -> None:
    session = await play(talk, {"fault": "error_event", "after": 3}, "Done.")
    (fact,) = await facts(session, events.ModelRetried)
    assert fact.error_class == "overloaded"
    assert context_size(fact.usage) > 0
    assert session.result == "Done."


async def test_a_cut_stream_leaves_nothing_in_the_conversation(talk: Talk) -> None:
    session = await play(talk, {"fault": "cut", "after": 4}, {"fault": "quiet_end"}, "Done.")
    assert [fact.error_class for fact in await facts(session, events.ModelRetried)] == [
        "cut_stream"
    ] * 2
    assert [len(body["messages"]) for body in talk.requests()] == [1, 1, 1]
    assert session.result == "Done."


async def test_arguments_that_are_no_json_run_nothing(talk: Talk) -> None:
    session = await play(talk, {"fault": "bad_json"}, "Done.")
    assert [fact.reason for fact in await facts(session, events.TurnDiscarded)] == ["bad_json"]
    assert "tool_started" not in await kinds(session)
    assert session.result == "Done."


async def test_529_is_retried_where_everybody_sees_it(talk: Talk) -> None:
    session = await play(talk, status(529), status(529), "Done.")
    tried = await facts(session, events.ModelRetried)
    assert [(fact.error_class, fact.attempt) for fact in tried] == [
        ("overloaded", 1),
        ("overloaded", 2),
    ]
    retries = [entry["headers"].get("x-stainless-retry-count") for entry in talk.log()]
    assert set(retries) == {"0"}, "the SDK does not retry behind our back"
    assert session.result == "Done."


async def test_a_long_retry_after_parks_and_the_session_resumes_by_itself(talk: Talk) -> None:
    said(talk, status(429, retry_after=7200), "Done.")
    async with working(talk) as running:
        session = await begin("Do it.")
        async with asyncio.timeout(60):
            while session.resume_at is None:
                await until(session, "queued", "running")
        await at_rest(running)
        assert session.resume_at - timezone.now() > timedelta(seconds=7000)
        past = timezone.now() - timedelta(seconds=1)
        await db(Provider.objects.update, not_before=past)
        await db(Session.objects.filter(pk=session.pk).update, resume_at=past)
        session = await until(session, *ENDED)
    assert session.result == "Done."
    assert len(talk.requests()) == 2


async def test_a_crash_in_the_middle_of_a_call_never_runs_it_twice(
    talk: Talk, ann: User, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = HeldBox()
    monkeypatch.setattr(Box, "call", box.into(Box))
    await bell.open()
    lost = Supervisor(model=AnthropicModel("key", talk.url))
    await lost.start()
    session = await until(await asked(talk, {"tools": [POST]}, "Posted."), "waiting_approval")
    held = await approval_of(session)
    await db(inbox.approve, ann, held.uuid, held.digest)
    await box.hold.entered.wait()
    await end([*lost._tasks, *[d.task for d in lost._drivers.values() if d.task]])  # as kill -9
    past = timezone.now() - timedelta(seconds=1)
    await db(Session.objects.filter(pk=session.pk).update, lease_until=past)
    async with worker(AnthropicModel("key", talk.url)):
        session = await until(session, "outcome_review")
        outcome = await db(Outcome.objects.get, session=session)
        await db(inbox.settle, ada, outcome.uuid, "happened", "It is out.")
        session = await until(session, *ENDED)
    assert len(box.keys) == 1
    assert (session.status, session.result) == ("completed", "Posted.")
    assert tail(talk.requests()[-1])[0]["content"] == "It is out."
    await sound(session)


def look(path: str) -> dict[str, Any]:
    return {"tools": [{"name": "read_file", "input": {"path": path}}]}


async def test_a_soft_budget_warns_and_a_spent_one_wraps_up_without_tools(talk: Talk) -> None:
    looks = [look(f"{number}.csv") for number in range(5)]
    settings = {"unattended": True, "loops": {"error_streak": 0}}
    session = await play(talk, *looks, "Half done.", settings=settings, limits={"steps": 5})
    assert (session.status, session.error_class) == ("failed", "budget_exhausted")
    assert session.error == "Half done."
    (warned,) = await facts(session, events.BudgetWarned)
    assert (warned.dimension, warned.used, warned.limit) == ("steps", 4, 5)
    noted = [shown(body).count("Prioritise finishing") for body in talk.requests()]
    assert noted == [0, 0, 0, 0, 1, 1], "said once, and it stays"
    last = talk.requests()[-1]
    assert last["tool_choice"] == {"type": "none"}
    assert last["max_tokens"] == 4096
    assert "the budget is used up" in shown(last)


async def test_a_last_turn_that_calls_tools_all_the_same_runs_nothing_and_is_the_end(
    talk: Talk,
) -> None:
    replies = [look(f"{number}.csv") for number in range(4)]
    settings = {"unattended": True, "loops": {"error_streak": 0}}
    session = await play(talk, *replies, settings=settings, limits={"steps": 2})
    assert (session.status, session.error_class) == ("failed", "budget_exhausted")
    assert [fact.reason for fact in await facts(session, events.TurnDiscarded)] == ["called_tools"]
    assert (session.tool_calls, len(talk.requests())) == (2, 3)


async def test_a_stop_with_an_approval_pending_closes_the_call_and_asks_nobody(
    talk: Talk, olu: User
) -> None:
    async with working(talk):
        session = await until(await asked(talk, {"tools": [POST]}), "waiting_approval")
        await db(inbox.stop, olu, session.uuid)
        session = await until(session, "cancelled")
    assert (await approval_of(session)).state == "cancelled"
    (result,) = await facts(session, events.ToolResult)
    assert result.content == "NOT EXECUTED: the run was stopped."
    assert len(talk.requests()) == 1


async def test_a_refusal_is_neither_kept_nor_carried_out(talk: Talk) -> None:
    refusal = {"fault": "refusal", **READ, "text": "I would rather"}
    session = await play(talk, refusal)
    assert session.status == "waiting_input"
    assert await kinds(session) == ["session_started", "turn_discarded"]


async def test_a_paused_turn_is_sent_back_and_goes_on(talk: Talk) -> None:
    session = await play(talk, {"fault": "pause_turn"}, "Found.")
    assert session.result == "Found."
    first, second = talk.requests()
    assert len(second["messages"]) == len(first["messages"]) + 1
    assert second["messages"][-1]["role"] == "assistant"
