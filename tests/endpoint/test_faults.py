"""Faults on demand, as the real SDK meets them."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from tests.endpoint.asking import (
    plain,
    said,
    sdk,
    stream,
    text,
    user,
)
from tests.endpoint.client import Endpoint


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
async def test_status_faults(
    endpoint: Endpoint, client: AsyncAnthropic, status: int, error: Any, kind: str
) -> None:
    fault = {"fault": "status", "status": status, "retry_after": "7200", "message": "No."}
    endpoint.script([fault, "Better."])
    with pytest.raises(error) as caught:
        await stream(client, [user("go")])
    assert caught.value.type == kind
    assert caught.value.response.headers["retry-after"] == "7200"
    assert caught.value.request_id == endpoint.log()[0]["request_id"]
    assert text(await stream(client, [user("go")])) == "Better."


@pytest.mark.parametrize("send", [stream, plain])
async def test_a_cut_connection(endpoint: Endpoint, client: AsyncAnthropic, send: Any) -> None:
    endpoint.script([{"fault": "cut"}])
    with pytest.raises(Exception, match=r"peer closed|incomplete|Connection error") as caught:
        await send(client, [user("go")])
    assert not isinstance(caught.value, anthropic.APIStatusError)
    assert endpoint.log()[0]["outcome"] == "cut"


async def test_a_stream_that_ends_quietly(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script([{"fault": "quiet_end"}])
    message = await stream(client, [user("go")])
    assert message.stop_reason is None
    assert text(message).startswith("This answer")


async def test_an_error_event_inside_a_stream(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script([{"fault": "error_event", "type": "overloaded_error", "after": 3}])
    with pytest.raises(anthropic.APIStatusError) as caught:
        await stream(client, [user("go")])
    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")


async def test_an_event_that_is_not_json(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script([{"fault": "broken_event"}])
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        await stream(client, [user("go")])


async def test_tool_input_that_is_not_json(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script([{"fault": "bad_json"}, {"fault": "bad_json"}, "Fine."])
    with pytest.raises(ValueError, match="JSON"):
        await stream(client, [user("go")])
    with pytest.raises(Exception, match=r".") as caught:
        await plain(client, [user("go")])
    assert not isinstance(caught.value, anthropic.APIConnectionError)
    assert text(await stream(client, [user("go")])) == "Fine."


async def test_tool_input_cut_by_max_tokens(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script([{"fault": "truncate"}, "Fine."])
    message = await stream(client, [user("go")])
    assert message.stop_reason == "max_tokens"
    assert message.content[0].to_dict()["input"] == {"path": "a.txt"}
    assert text(await stream(client, [user("go")])) == "Fine."


@pytest.mark.parametrize("after", [0, 3])
async def test_hanging(endpoint: Endpoint, after: int) -> None:
    endpoint.script([{"fault": "hang", "seconds": 30, "after": after}])
    async with sdk(endpoint, timeout=0.3) as client:
        with pytest.raises(Exception, match=r"(?i)timed? ?out|^$"):
            await stream(client, [user("go")])
    endpoint.wait(lambda log: log[0]["outcome"] == "client_gone")


async def test_hanging_for_a_moment_then_answering(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    fault = {"fault": "hang", "seconds": 0.1, "after": 2, "pings": True, "text": "At last."}
    endpoint.script([fault])
    assert text(await stream(client, [user("go")])) == "At last."


async def test_refusal(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script([{"fault": "refusal", "category": "cyber"}])
    message = await stream(client, [user("go")])
    assert (message.stop_reason, message.content) == ("refusal", [])
    assert message.stop_details is not None
    assert message.stop_details.category == "cyber"


@pytest.mark.parametrize("send", [stream, plain])
async def test_a_paused_turn_is_continued_as_it_is(
    endpoint: Endpoint, client: AsyncAnthropic, send: Any
) -> None:
    endpoint.script([{"fault": "pause_turn"}, {"text": "Found."}])
    first = await send(client, [user("go")])
    assert first.stop_reason == "pause_turn"
    turns = [user("go"), said([block.to_dict() for block in first.content])]
    last = await send(client, turns)
    assert text(last) == "Found."
    turns += [said([block.to_dict() for block in last.content]), user("thanks")]
    assert text(await send(client, turns)) == "Done."


async def test_the_window_exceeded_and_an_empty_turn(
    endpoint: Endpoint, client: AsyncAnthropic
) -> None:
    endpoint.script([{"fault": "model_context_window_exceeded"}, {"fault": "empty"}])
    assert (await stream(client, [user("go")])).stop_reason == "model_context_window_exceeded"
    empty = await stream(client, [user("go")])
    assert (empty.stop_reason, empty.content) == ("end_turn", [])


async def test_a_prompt_too_long(endpoint: Endpoint, client: AsyncAnthropic) -> None:
    endpoint.script([{"fault": "prompt_too_long", "tokens": 250_000}])
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long: 250000 tokens"):
        await stream(client, [user("go")])
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long: 200001 tokens"):
        await stream(client, [user("x" * 800_004)])
