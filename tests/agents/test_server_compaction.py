"""The API's own compaction as an agent's choice: through the SDK, at an endpoint that insists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from agents.core import events
from agents.core.fold import replay
from agents.journal import read
from agents.llm.anthropic import AnthropicModel
from agents.models import ModelPrice, Session
from tests.agents.test_window import SOON, SUMMARISER
from tests.agents.working import ENDED, begin, db, until, worker
from tests.endpoint.blocks import unmarked
from tests.endpoint.client import Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

WRITE = {"name": "write_file", "input": {"path": "step-{n}.txt", "content": "w" * 8_000}}
WORK = {
    "function": "onward",
    "count": 20,
    "thinking": "I go on.",
    "tools": [WRITE],
    "text": "All written.",
}
AGENT: Mapping[str, Any] = {
    "compaction": "server",
    "model": "claude-opus-5-5",
    "thinking": {"type": "adaptive", "display": "summarized"},
}


async def run(endpoint: Endpoint, *sealed: Mapping[str, Any], **fields: Any) -> Session:
    ours = {"replies": [{"text": "Our own summary."}], "shared": True, "repeat": True}
    endpoint.script({"compaction": list(sealed), SUMMARISER: ours, "*": [WORK]})
    async with worker(AnthropicModel("key-of-the-tests", endpoint.url)):
        asked = {**AGENT, "settings": {**SOON, "keep_turns": 2}, **fields}
        session = await until(await begin("Write it.", **asked), *ENDED)
    assert (session.status, session.result) == ("completed", "All written."), session.error
    assert endpoint.refusals() == []
    return session


async def facts(session: Session, kind: type[Any]) -> list[Any]:
    log = await db(read, session.pk, 0)
    return [record.fact for record in log if isinstance(record.fact, kind)]


def betas(endpoint: Endpoint) -> list[tuple[bool, str]]:
    """Of each Messages request: whether it asks for or begins with a block, and its betas."""
    return [
        ('"compaction"' in entry["body"], entry["headers"].get("anthropic-beta", ""))
        for entry in endpoint.log()
        if entry["path"] == "/v1/messages"
    ]


async def test_the_signed_block_comes_first_the_kept_turns_keep_their_thinking_and_pins_come_last(
    endpoint: Endpoint,
) -> None:
    session = await run(endpoint, {"text": "First."}, {"text": "Second."}, {"text": "Third."})
    compacted = await facts(session, events.ContextCompacted)
    assert [fact.summary for fact in compacted][:2] == ["First.", "Second."]
    first = compacted[0]
    block = first.messages[0]["content"][0]
    answers = [e["answer"] for e in endpoint.log() if e.get("scripted")]
    assert block == answers[0]["content"][0], "as it came, signature and all"
    assert first.kept_turns == 2
    kinds = [[block["type"] for block in message["content"]] for message in first.messages]
    assert kinds[:3] == [["compaction"], ["thinking", "tool_use"], ["tool_result"]]
    assert kinds[-1] == ["tool_result", "text", "text", "text"]
    pinned = "\n".join(block["text"] for block in first.messages[-1]["content"][1:])
    assert pinned.startswith("Write it.")
    assert "write_file" in pinned
    assert all(("compact-2026-09-04" in beta) == sealed for sealed, beta in betas(endpoint))
    assert not endpoint.requests(SUMMARISER)


async def test_a_compaction_request_is_a_prefix_that_was_sent_and_is_read_from_the_cache(
    endpoint: Endpoint,
) -> None:
    await db(
        ModelPrice.objects.update_or_create,
        model="claude-opus-5-5",
        defaults={"input": 1, "output": 5, "cache_read": 0.1, "cache_write": 1.25},
    )
    session = await run(endpoint, {"text": "First."})
    bodies = endpoint.requests()
    asked = next(body for body in bodies if "compaction" in body)
    sent = [unmarked(body["messages"]) for body in bodies if "compaction" not in body]
    assert unmarked(asked["messages"]) in sent
    (first, *_) = await facts(session, events.ContextCompacted)
    usage = first.usage
    assert usage["cache_read_input_tokens"] > 10 * usage["input_tokens"]
    assert usage["output_tokens"] > 0, "what stands in the iterations is counted"
    price = (
        usage["input_tokens"]
        + 5 * usage["output_tokens"]
        + 0.1 * usage["cache_read_input_tokens"]
        + 1.25 * usage["cache_creation_input_tokens"]
    ) / 1_000_000
    assert first.cost == pytest.approx(price)


@pytest.mark.parametrize(
    "failed",
    [
        {"stop_reason": "end_turn"},
        {"stop_reason": "max_tokens"},
        {"stop_reason": "refusal"},
        {"stop_reason": "tool_use"},
        {"fault": "status", "status": 529},
    ],
)
async def test_where_the_api_makes_no_summary_ours_takes_its_place_and_the_next_is_asked_again(
    endpoint: Endpoint, failed: Mapping[str, Any]
) -> None:
    session = await run(endpoint, failed, {"text": "Sealed."})
    lost = await facts(session, events.TurnDiscarded)
    assert [fact.reason for fact in lost] == ["compaction"]
    summaries = [fact.summary for fact in await facts(session, events.ContextCompacted)]
    assert summaries[:2] == ["Our own summary.", "Sealed."]


async def test_an_endpoint_that_refuses_it_is_asked_once_and_said_so_on_the_timeline(
    endpoint: Endpoint,
) -> None:
    refusal = {"fault": "status", "status": 400, "message": "compaction: Extra inputs"}
    session = await run(endpoint, *[refusal] * 5)
    (lost,) = await facts(session, events.TurnDiscarded)
    assert lost.reason == "compaction_refused"
    assert "Extra inputs" in lost.message
    summaries = {fact.summary for fact in await facts(session, events.ContextCompacted)}
    assert summaries == {"Our own summary."}
    assert sum("compaction" in body for body in endpoint.requests()) == 1


async def test_its_log_folds_to_the_same_state_piece_by_piece(endpoint: Endpoint) -> None:
    session = await run(endpoint, {"text": "First."})
    log = await db(read, session.pk, 0)
    whole = replay(log)
    for cut in range(1, len(log), 7):
        assert replay(log[cut:], replay(log[:cut])) == whole
    assert json.dumps(list(whole.history[:1])).count("signature") == 1
