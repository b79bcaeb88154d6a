"""What goes wrong at a model endpoint or an MCP server, and where a person finds it."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents import inbox, supervisor
from agents.core.tools import RateLimited, ToolContext, ToolOutput
from agents.llm.anthropic import AnthropicModel
from agents.models import AgentDefinition, GateRule, McpServer, Provider, Session
from agents.supervisor import Supervisor
from agents.toolbox.box import Box
from tests.agents.working import ENDED, begin, db, kinds, until, worker
from tests.endpoint.client import Endpoint

pytestmark = pytest.mark.django_db(transaction=True)


def model_of(endpoint: Endpoint) -> AnthropicModel:
    return AnthropicModel("sk-ant-a-key-of-the-tests", endpoint.url)


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [
        ({"fault": "status", "status": 404}, "not_found"),
        ({"fault": "status", "status": 400}, "invalid_request"),
        ({"fault": "status", "status": 529}, "overloaded"),
        ({"fault": "cut", "after": 3}, "cut_stream"),
        ({"fault": "bad_json"}, "bad_json"),
    ],
)
async def test_an_endpoint_that_keeps_failing_fails_the_session_in_words(
    endpoint: Endpoint, fault: dict[str, object], error_class: str
) -> None:
    endpoint.script([fault] * 5)
    async with worker(model_of(endpoint)):
        session = await until(await begin("Do it."), *ENDED)
    assert (session.status, session.error_class) == ("failed", error_class)
    assert session.error
    assert "sk-ant" not in session.error
    assert (await kinds(session))[-1] == "error"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"fault": "status", "status": 529}, "model_retried"),
        ({"fault": "error_event", "type": "overloaded_error", "after": 2}, "model_retried"),
        ({"fault": "cut", "after": 3}, "model_retried"),
        ({"fault": "quiet_end"}, "model_retried"),
        ({"fault": "bad_json"}, "turn_discarded"),
        ({"fault": "truncate"}, "turn_discarded"),
        ({"fault": "empty"}, "turn_discarded"),
    ],
)
async def test_a_fault_that_passes_is_on_record_and_costs_nothing_else(
    endpoint: Endpoint, fault: dict[str, object], kind: str
) -> None:
    read = {"tools": [{"name": "read_file", "input": {"path": "orders.csv"}}]}
    endpoint.script([read, fault, "All read."])
    async with worker(model_of(endpoint)):
        session = await until(await begin("Read it."), *ENDED)
    log = await kinds(session)
    assert (session.status, session.result) == ("completed", "All read.")
    assert kind in log
    assert log.count("tool_result") == 1


async def test_a_long_retry_after_parks_holds_no_task_and_resumes_by_itself(
    endpoint: Endpoint,
) -> None:
    endpoint.script([{"fault": "status", "status": 429, "retry_after": "7200"}, "Done."])
    async with worker(model_of(endpoint)) as running:
        session = await parked(await begin("Do it."), running)
        assert session.resume_at is not None
        wait = session.resume_at - timezone.now()
        assert timedelta(seconds=6000) < wait <= timedelta(seconds=7300)
        assert not running._drivers
        assert not [task for task in asyncio.all_tasks() if str(session.uuid) in task.get_name()]
        await time_comes(session)
        session = await until(session, *ENDED)
    assert (session.status, session.result) == ("completed", "Done.")
    assert "resumed" not in await kinds(session)


async def test_a_tool_that_is_rate_limited_for_hours_parks_and_is_tried_again_by_itself(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []

    async def call(box: Box, name: str, arguments: Any, context: ToolContext) -> ToolOutput:
        keys.append(context.idempotency_key)
        if len(keys) == 1:
            raise RateLimited("come back later", effects=False, retry_after=7200)
        return ToolOutput("posted")

    monkeypatch.setattr(Box, "call", call)
    endpoint.script([{"tools": [{"name": "read_file", "input": {"path": "orders.csv"}}]}, "Read."])
    async with worker(model_of(endpoint)) as running:
        session = await parked(await begin("Read it."), running)
        assert not running._drivers
        await time_comes(session)
        session = await until(session, *ENDED)
    assert session.result == "Read."
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert "resumed" not in await kinds(session)


async def test_what_a_rule_forbids_while_a_call_is_parked_is_not_tried_again(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    async def call(box: Box, name: str, arguments: Any, context: ToolContext) -> ToolOutput:
        made.append(name)
        raise RateLimited("come back later", effects=False, retry_after=7200)

    monkeypatch.setattr(Box, "call", call)
    wanted = {"name": "write_file", "input": {"path": "a.txt", "content": "a"}}
    endpoint.script([{"tools": [wanted]}, "Left alone."])
    async with worker(model_of(endpoint)) as running:
        session = await parked(await begin("Write it."), running)
        await db(GateRule.objects.create, name="freeze", tool="write_file", verdict="deny")
        await time_comes(session)
        session = await until(session, *ENDED)
    assert (session.result, made) == ("Left alone.", ["write_file"])


async def parked(session: Session, running: Supervisor) -> Session:
    """The session once its time has been put off and nobody drives it."""
    async with asyncio.timeout(60):
        while True:
            await db(session.refresh_from_db)
            if session.resume_at and session.status == "queued" and not running.driven:
                return session
            await asyncio.sleep(0.02)


async def time_comes(session: Session) -> None:
    """Move the clock: what the rows say is when it resumes."""
    await db(Provider.objects.update, not_before=timezone.now())
    await db(Session.objects.filter(pk=session.pk).update, resume_at=timezone.now())


async def test_an_endpoint_that_is_down_is_told_as_such() -> None:
    async with worker(AnthropicModel("key", "http://127.0.0.1:9")):
        session = await until(await begin("Do it."), *ENDED)
    assert (session.status, session.error_class) == ("failed", "connection")


async def test_a_refusal_waits_for_a_person_and_goes_on_with_their_words(
    endpoint: Endpoint, olu: User
) -> None:
    endpoint.script({"*": {"replies": [{"fault": "refusal"}, "As you say."], "shared": True}})
    async with worker(model_of(endpoint)):
        session = await until(await begin("Do it."), "waiting_input")
        assert session.asking
        await db(inbox.steer, olu, session.uuid, "Leave that part out.")
        session = await until(session, *ENDED)
    assert (session.status, session.result) == ("completed", "As you say.")
    said = endpoint.requests()[-1]["messages"]
    assert "Leave that part out." in str(said)
    assert endpoint.refusals() == []


async def test_an_mcp_server_that_dies_at_its_start_fails_the_session_in_words(
    endpoint: Endpoint,
) -> None:
    dying = [sys.executable, "-c", "import sys; sys.exit('no such account')"]
    await db(McpServer.objects.create, name="bank", command=dying)
    async with worker(model_of(endpoint)):
        session = await until(await begin("Pay.", tools=["bank__*"]), *ENDED)
    assert session.error_class == "mcp_unavailable"
    assert "bank" in session.error
    assert endpoint.requests() == []


async def test_an_agent_deleted_before_the_pick_up_fails_the_session_in_words(
    endpoint: Endpoint,
) -> None:
    session = await begin("Do it.")
    await db(AgentDefinition.objects.filter(name="tester").delete)
    async with worker(model_of(endpoint)):
        await until(session, *ENDED)
    assert session.error_class == "unknown_agent"


def test_an_unknown_agent_and_an_empty_task_are_refused(olu: User) -> None:
    with pytest.raises(inbox.Missing, match="no agent named 'ghost'"):
        supervisor.start(olu, "ghost", "Do it.")
    with pytest.raises(inbox.Invalid, match="task is empty"):
        supervisor.start(olu, "assistant", " \n")


async def test_arguments_that_break_the_schema_come_back_to_the_model_and_nobody_is_asked(
    endpoint: Endpoint,
) -> None:
    wrong = {"tools": [{"name": "write_file", "input": {"path": 7}}]}
    unknown = {"tools": [{"name": "launch_rocket", "input": {}}]}
    endpoint.script([wrong, unknown, "I see."])
    async with worker(model_of(endpoint)):
        session = await until(await begin("Write."), *ENDED)
    assert session.status == "completed"
    log = await kinds(session)
    assert "approval_requested" not in log
    assert "tool_started" not in log
    assert endpoint.refusals() == []
