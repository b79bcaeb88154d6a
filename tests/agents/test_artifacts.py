"""Long and binary outputs, from the tool to the model, the log and the table."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from agents.core import events
from agents.core.risk import Effect
from agents.core.state import Call, CallStatus, State
from agents.core.tools import File, ToolOutput
from agents.llm.anthropic import AnthropicModel
from agents.models import Artifact, Event, McpServer, Session, Tool
from agents.session_log import SessionLog
from agents.testing import FixedGate, MemoryToolbox, ScriptedModel, Stage, calls, says
from agents.toolbox import record
from agents.toolbox.box import Box
from tests.agents.toolbox.test_showing import PDF
from tests.agents.working import ENDED, begin, db, until, worker
from tests.endpoint.client import Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

READ = calls(("c1", "read_file", {"path": "orders.csv"}))


def returning(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Any]) -> None:
    """Every call of ``read_file`` returns what ``answer`` gives."""
    real = Box.call

    async def call(self: Box, name: str, arguments: Any, context: Any) -> ToolOutput:
        if name != "read_file":
            return await real(self, name, arguments, context)
        return ToolOutput(answer())

    monkeypatch.setattr(Box, "call", call)


async def results(session: Session) -> list[events.ToolResult]:
    log = Event.objects.filter(session=session, kind="tool_result").order_by("seq")
    texts = await db(lambda: list(log.values_list("text", flat=True)))
    found = [events.decode("tool_result", json.loads(text)) for text in texts]
    return [one for one in found if isinstance(one, events.ToolResult)]


async def run(model: ScriptedModel, **fields: Any) -> Session:
    async with worker(model):
        return await until(await begin("Read it.", tools=["read_file"], **fields), *ENDED)


async def test_a_long_result_is_cut_once_and_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "".join(f"line {n} {secrets.token_hex(8)}\n" for n in range(3_000))
    returning(monkeypatch, lambda: whole)
    model = ScriptedModel([READ, says("Done.")])
    session = await run(model)
    (result,) = await results(session)
    (kept,) = await db(lambda: list(Artifact.objects.filter(session=session)))
    assert bytes(kept.content).decode() == whole
    assert kept.sha256 == hashlib.sha256(whole.encode()).hexdigest()
    assert (kept.size, kept.call_id, kept.step, kept.name) == (
        len(whole), "c1", 1, "read_file.txt"
    )  # fmt: skip
    assert result.artifacts == [
        {"id": kept.key, "name": kept.name, "mime": "text/plain", "bytes": kept.size,
         "sha256": kept.sha256}
    ]  # fmt: skip
    assert isinstance(result.content, str)
    assert len(result.content) <= 24_000
    assert f"read it with read_artifact({kept.key}, offset, limit)" in result.content
    told = model.requests[-1].messages[-1]["content"][0]["content"]
    assert told == f'<tool_output source="read_file">\n{result.content}\n</tool_output>'
    assert len(told) <= 24_000


async def test_the_agent_reads_on_where_it_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "".join(f"{n:06}" for n in range(20_000))
    returning(monkeypatch, lambda: whole)
    pieces: list[str] = []

    def read_on(request: Any) -> Any:
        text = request.messages[2]["content"][0]["content"]
        key = text.partition("artifact ")[2][:36]
        at = sum(map(len, pieces))
        return calls((f"r{at}", "read_artifact", {"id": key, "offset": at}))

    def note(request: Any) -> None:
        text = request.messages[-1]["content"][0]["content"]
        pieces.append(text.split("\n")[2])

    class Reader(ScriptedModel):
        async def turn(self, request: Any, on_delta: Any) -> Any:
            if len(request.messages) > 3:
                note(request)
            done = sum(map(len, pieces)) >= len(whole)
            if len(request.messages) > 1:
                self.turns = [says("Done.") if done else read_on(request)]
            return await super().turn(request, on_delta)

    session = await run(Reader([READ]))
    assert session.status == "completed"
    assert "".join(pieces) == whole
    assert await db(Artifact.objects.filter(session=session).count) == 1


async def test_nobody_reads_another_sessions_artifact(monkeypatch: pytest.MonkeyPatch) -> None:
    returning(monkeypatch, lambda: "the other's words " * 3_000)
    first = await run(ScriptedModel([READ, says("Done.")]))
    key = (await db(Artifact.objects.get, session=first)).key
    model = ScriptedModel([calls(("r1", "read_artifact", {"id": key})), says("Done.")])
    second = await run(model)
    (result,) = await results(second)
    assert (result.ok, result.error_class) == (False, "not_found")


async def test_known_secrets_are_kept_out_of_artifacts_too(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY = "sk-ant-a-key-of-the-tests"
    returning(monkeypatch, lambda: f"{settings.ANTHROPIC_API_KEY} " * 3_000)
    session = await run(ScriptedModel([READ, says("Done.")]))
    kept = await db(Artifact.objects.get, session=session)
    assert b"sk-ant" not in bytes(kept.content)
    assert b"[redacted]" in bytes(kept.content)


async def test_what_a_servers_key_is_stays_between_us_and_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = {"BANK_API_KEY": "hunter2hunter2", "DB_PASS": "xyzzy-xyzzy", "REGION": "north-west"}
    await db(McpServer.objects.create, name="bank", command=["false"], env=env)
    returning(monkeypatch, lambda: "north-west hunter2hunter2 xyzzy-xyzzy " * 3_000)
    session = await run(ScriptedModel([READ, says("Done.")]))
    kept = await db(Artifact.objects.get, session=session)
    assert b"hunter2" not in bytes(kept.content)
    assert b"north-west [redacted] [redacted]" in bytes(kept.content)
    log = await db(lambda: list(Event.objects.filter(session=session)))
    assert not any("hunter2" in event.text for event in log)


async def test_a_result_is_named_in_the_log_only_once_its_artifact_is_durable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    returning(monkeypatch, lambda: "x" * 50_000)
    there: list[int] = []
    real = SessionLog.record

    async def record(self: SessionLog, *facts: events.Fact, **guards: Any) -> None:
        for fact in facts:
            if isinstance(fact, events.ToolResult):
                keys = [one["id"] for one in fact.artifacts or ()]
                there.append(await db(Artifact.objects.filter(key__in=keys).count))
        await real(self, *facts, **guards)

    monkeypatch.setattr(SessionLog, "record", record)
    await run(ScriptedModel([READ, says("Done.")]))
    assert there == [1]


async def test_the_tool_is_frozen_with_the_others_and_judged_by_the_map() -> None:
    row = await db(Tool.objects.get, name="read_artifact")
    assert (row.risk, row.effect, row.reviewed) == ("safe", "read", True)
    await db(Tool.objects.filter(pk=row.pk).update, enabled=False)
    model = ScriptedModel([calls(("r1", "read_artifact", {"id": "art_0"})), says("Done.")])
    session = await run(model)
    (result,) = await results(session)
    assert result.error_class == "denied_by_policy"
    assert [tool["name"] for tool in model.requests[0].tools] == ["read_artifact", "read_file"]


async def test_an_agent_without_tools_gets_none() -> None:
    model = ScriptedModel([says("Done.")])
    async with worker(model):
        await until(await begin("Say it.", tools=[]), *ENDED)
    assert list(model.requests[0].tools) == []


async def test_artifacts_go_when_their_session_goes() -> None:
    session = await db(
        lambda: Session.objects.create(agent="a", title="t", task="t", model="m", status="failed")
    )
    await db(Artifact.objects.create, session=session, key="art_1", step=1, size=1, content=b"x")
    await db(session.delete)
    assert await db(Artifact.objects.count) == 0


async def test_pictures_and_documents_reach_a_real_endpoint_as_legal_blocks(
    monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint
) -> None:
    """Through the SDK, in one turn of four calls, and again with every later request."""
    outputs = iter([[File(_png(n)), File(_png(n + 10))] for n in range(3)] + [[File(PDF)]])
    returning(monkeypatch, lambda: next(outputs))
    reads = [{"name": "read_file", "input": {"path": f"{n}.png"}} for n in range(4)]
    endpoint.script([{"tools": reads}, {"tools": [{"name": "check_stock", "input": {}}]}, "Seen."])
    async with worker(AnthropicModel("sk-ant-a-key-of-the-tests", endpoint.url)):
        session = await begin("Look.", tools=["read_file", "check_stock"])
        session = await until(session, *ENDED)
    assert endpoint.refusals() == []
    assert (session.status, session.result) == ("completed", "Seen.")
    first, second, third = (body["messages"] for body in endpoint.requests())
    told = [block["content"] for block in second[2]["content"]]
    kinds = [part["type"] for content in told for part in content if not isinstance(content, str)]
    assert (kinds.count("image"), kinds.count("document")) == (4, 1)
    texts = [content if isinstance(content, str) else content[0]["text"] for content in told]
    assert all(text.startswith('<tool_output source="read_file">') for text in texts)
    assert len(first) == 1
    unmarked = [json.dumps(_unmarked(messages[:3])) for messages in (second, third)]
    assert unmarked[0] == unmarked[1]
    assert await db(Artifact.objects.filter(session=session).count) == 7


def _png(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (30, 20), shade).save(out, "PNG")
    return out.getvalue()


def _unmarked(value: Any) -> Any:
    """Without cache breakpoints, which move on."""
    if isinstance(value, dict):
        return {key: _unmarked(item) for key, item in value.items() if key != "cache_control"}
    return [_unmarked(item) for item in value] if isinstance(value, list) else value


async def test_a_fork_that_plays_its_tools_shows_and_names_what_was_shown_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = [{"id": "art_1"}]
    result = events.ToolResult(
        "c1", "read_file", True, "NOTE\n\ncut", own=6, source="read_file", artifacts=named
    )
    output = record._played(result)
    session = Stage(ScriptedModel([]), MemoryToolbox({}), FixedGate(MemoryToolbox({})))
    call = Call("c2", "read_file", {}, {}, CallStatus.STARTED, "safe", "", Effect.READ, 1, 60.0, "")
    hands = session.hands(session.store.lease())
    fact = await hands.outputs.result(State(calls=(call,)), call, output, 1)
    assert (fact.content, fact.own, fact.artifacts) == ("cut", None, named)
