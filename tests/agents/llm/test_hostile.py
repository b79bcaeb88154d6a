"""An endpoint that sends nonsense is answered with a failure, never with a crash or a belief."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from agents.core.model import Turn
from tests.agents.llm.asking import ask, failing, model_at

USAGE = {"input_tokens": 5, "output_tokens": 1}
START: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": USAGE,
}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "write_file", "input": {}}


def stream(
    *blocks: Mapping[str, Any], message: Mapping[str, Any] | None = None, **end: Any
) -> list[dict[str, Any]]:
    """The events of an answer whose blocks come whole, in their start."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**START, **(message or {})}}
    ]
    for index, block in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": "tool_use", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}, **end})
    return [*events, {"type": "message_stop"}]


def client(events: list[dict[str, Any]]) -> httpx2.AsyncClient:
    text = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    return sending(text.encode(), "text/event-stream")


def sending(body: bytes, kind: str) -> httpx2.AsyncClient:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": kind}, content=body)

    return httpx2.AsyncClient(transport=httpx2.MockTransport(answer))


async def turn_of(events: list[dict[str, Any]]) -> Turn:
    async with model_at("http://endpoint.invalid", http_client=client(events)) as model:
        return await ask(model)


# The SDK warns of wrong types while it copies them, before we see them.
warned = pytest.mark.filterwarnings("ignore:Pydantic serializer")

DELTA = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x"}}


@warned
@pytest.mark.parametrize(
    "events",
    [
        pytest.param(stream({**CALL, "id": ""}), id="a call without an id"),
        pytest.param(stream({**CALL, "id": 7}), id="a call whose id is a number"),
        pytest.param(stream({**CALL, "name": None}), id="a call without a name"),
        pytest.param(stream(CALL, CALL), id="two calls with one id"),
        pytest.param(stream({"type": "text", "text": "a\0b"}), id="NUL in a text"),
        pytest.param(stream({"type": "text", "text": "a\ud800"}), id="lone surrogate in a text"),
        pytest.param(stream({**CALL, "input": {"n": 2**70}}), id="huge integer"),
        pytest.param(stream(message={"usage": None}), id="no usage"),
        pytest.param(stream(message={"usage": {**USAGE, "input_tokens": -5}}), id="negative"),
        pytest.param(stream(message={"usage": {**USAGE, "input_tokens": "many"}}), id="words"),
        pytest.param(stream(message={"content": "text"}), id="content that is no list"),
        pytest.param([stream()[0], {**DELTA, "index": 3}], id="a delta of no block"),
        pytest.param([stream()[0], {"type": "message_delta"}], id="an empty delta"),
    ],
)
async def test_nonsense(events: list[dict[str, Any]]) -> None:
    async with model_at("http://endpoint.invalid", http_client=client(events)) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("bad_json", True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>It works!</html>", "text/html"),
        (b'{"content": []}', "application/json"),
        (b"", "text/event-stream"),
        (b"event: message_stop\ndata: {}\n\n", "text/event-stream"),
    ],
)
async def test_what_is_no_stream_is_no_answer(body: bytes, kind: str) -> None:
    async with model_at("http://endpoint.invalid", http_client=sending(body, kind)) as model:
        failure = await failing(model)
    assert failure.error_class in {"cut_stream", "bad_json"}
    assert failure.transient


async def test_unknown_blocks_and_ends_pass_through() -> None:
    block = {"type": "new_kind", "data": "kept", "more": [1, {"a": None}]}
    events = stream(block)
    events[-2]["delta"]["stop_reason"] = "new_reason"
    turn = await turn_of(events)
    assert list(turn.content) == [block]
    assert turn.stop_reason == "new_reason"
    assert turn.usage["output_tokens"] == 9


async def test_arguments_may_come_whole() -> None:
    turn = await turn_of(stream({**CALL, "input": {"path": "a"}}))
    assert turn.content[0]["input"] == {"path": "a"}


@pytest.mark.parametrize("error", [httpx2.ReadTimeout, httpx2.ConnectTimeout])
async def test_slowness_is_a_timeout(error: type[httpx2.TimeoutException]) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise error("slow", request=request)

    slow = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    async with model_at("http://endpoint.invalid", http_client=slow) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("timeout", True)


async def test_silence_in_midstream_is_a_timeout() -> None:
    class Silent(httpx2.AsyncByteStream):
        async def __aiter__(self) -> Any:
            yield f"event: message_start\ndata: {json.dumps(stream()[0])}\n\n".encode()
            raise httpx2.ReadTimeout("silent")

    def answer(_request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, stream=Silent())

    silent = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    async with model_at("http://endpoint.invalid", http_client=silent) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("timeout", True)
    assert failure.usage["input_tokens"] == 5
