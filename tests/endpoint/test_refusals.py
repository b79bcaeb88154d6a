"""What the API refuses, the endpoint refuses."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from tests.endpoint.asking import (
    GO,
    MODEL,
    TOOL,
    call,
    marked,
    result,
    said,
    stream,
    user,
)
from tests.endpoint.client import Endpoint

CALLED = said([call()])
DEEP = {"type": "object", "properties": {"a": {"type": "wrong"}}}


def tool(**more: Any) -> dict[str, Any]:
    return {"tools": [{**TOOL, **more}]}


@pytest.mark.parametrize(
    ("messages", "more", "words"),
    [
        ([], {}, "at least one message is required"),
        ([said("hi"), GO], {}, "first message must use"),
        ([{"role": "tool", "content": "x"}], {}, "Unexpected role 'tool'"),
        ([GO, said("hi")], {}, "does not support assistant message prefill"),
        ([user("")], {}, "must have non-empty content"),
        ([GO, said([]), GO], {}, "assistant messages must have non-empty content"),
        ([user([{"type": "text", "text": ""}])], {}, "text content blocks must be non-empty"),
        ([user([{"type": "text", "text": " "}])], {}, "non-whitespace"),
        ([user([{"type": "text", "text": "a", "x": 1}])], {}, r"text\.x: Extra inputs"),
        ([user([call()])], {}, "Input tag 'tool_use' does not match"),
        ([GO, CALLED], {}, "prefill"),
        ([GO, CALLED, user("no result")], {}, "without `tool_result` blocks immediately after"),
        (
            [GO, said([call(), call("toolu_2")]), user([result()])],
            {},
            "immediately after: toolu_2",
        ),
        ([GO, CALLED, GO, user([result()])], {}, "immediately after: toolu_1"),
        ([GO, CALLED, user([result(), result()])], {}, "must have a single result"),
        ([GO, said("x"), user([result()])], {}, "unexpected `tool_use_id`"),
        ([user([result()])], {}, "unexpected `tool_use_id`"),
        ([GO, CALLED, user([result(), result("toolu_9")])], {}, "toolu_9"),
        (
            [GO, CALLED, user([{"type": "text", "text": "first"}, result()])],
            {},
            "must come first",
        ),
        ([GO, CALLED, user([result(content="", is_error=True)])], {}, "cannot be empty"),
        (
            [GO, CALLED, user([result()]), CALLED, user([result()])],
            {},
            "ids must be unique",
        ),
        ([GO, said([call(name="a b")]), user([result()])], {}, "should match pattern"),
        ([GO, said([call(input="text")]), user([result()])], {}, "valid dictionary"),
        ([GO, said("x"), {"role": "system", "content": "y"}], {}, "directly follow a user"),
        ([GO], {"system": [{"type": "text", "text": ""}]}, "system.0: text content blocks"),
        ([GO], tool(name="a.b"), "should match pattern"),
        ([GO], tool(name="n" * 129), "should match pattern"),
        ([GO], tool(input_schema={}), "input_schema.type: Field required"),
        ([GO], tool(input_schema={"type": "string"}), "should be 'object'"),
        ([GO], tool(input_schema={"type": "object", "oneOf": []}), "does not support oneOf"),
        ([GO], tool(input_schema=DEEP), "draft 2020-12"),
        ([GO], tool(input_schema={"type": "object", "properties": {"a b": {}}}), "Property keys"),
        ([GO], tool(risk="high"), "risk: Extra inputs"),
        ([GO], {"tools": [TOOL, TOOL]}, "Tool names must be unique"),
        ([GO], {"tool_choice": {"type": "auto"}}, "only be specified while providing tools"),
        ([GO], {"tools": [TOOL], "tool_choice": {"type": "any"}}, "forced tool use"),
        ([GO], {"thinking": {"type": "disabled"}}, "not supported by claude-sonnet-5-5"),
        ([GO], {"max_tokens": 0}, "max_tokens"),
        ([GO], {"max_tokens": 200_000}, "maximum allowed number of output tokens"),
        ([GO], {"extra_body": {"top_p": 1}}, "top_p: Extra inputs are not permitted"),
        ([user([marked("x") for _ in range(5)])], {}, "A maximum of 4 blocks"),
        ([user([marked("x"), marked("y", ttl="1h")])], {}, "must not come after"),
        ([user([marked("")])], {}, "cannot be set for empty text"),
    ],
)
async def test_refused_as_the_api_refuses(
    endpoint: Endpoint, client: AsyncAnthropic, messages: Any, more: Any, words: str
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=words) as caught:
        await stream(client, messages, **more)
    assert caught.value.type == "invalid_request_error"
    assert len(endpoint.refusals()) == 1


async def test_a_model_that_is_not_there(client: AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError):
        await stream(client, [GO], model="gpt-1")


def post(endpoint: Endpoint, raw: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    request = urllib.request.Request(f"{endpoint.url}/v1/messages", raw, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, json.load(exc)


def test_a_key_is_required(endpoint: Endpoint) -> None:
    version = {"anthropic-version": "2026-10-21"}
    raw = json.dumps({"model": MODEL, "max_tokens": 9, "messages": [GO]}).encode()
    status, body = post(endpoint, raw, version)
    assert (status, body["error"]["type"]) == (401, "authentication_error")
    assert post(endpoint, raw, {**version, "authorization": "Bearer t"})[0] == 200
    assert post(endpoint, raw, {"x-api-key": "k"})[0] == 400


@pytest.mark.parametrize("raw", [b"{", b'{"max_tokens": NaN}', b'{"a": "\\ud800"}', b"[]", b"\xff"])
def test_a_body_that_is_not_json_is_refused(endpoint: Endpoint, raw: bytes) -> None:
    status, body = post(endpoint, raw, {"x-api-key": "k", "anthropic-version": "x"})
    assert (status, body["error"]["type"]) == (400, "invalid_request_error")
