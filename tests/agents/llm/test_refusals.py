"""What an endpoint's own errors mean, over HTTP and in the middle of a stream."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from agents.llm.failures import Answer, classify, failure, retry_after, tidy
from tests.agents.llm.asking import KEY, failing, model_at
from tests.endpoint.client import Endpoint

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "error_class", "transient"),
    [
        (400, "invalid_request", False),
        (401, "authentication", False),
        (402, "billing", False),
        (403, "permission", False),
        (404, "not_found", False),
        (408, "timeout", True),
        (409, "server_error", True),
        (413, "context_overflow", False),
        (422, "invalid_request", False),
        (429, "rate_limited", True),
        (500, "server_error", True),
        (502, "server_error", True),
        (503, "server_error", True),
        (504, "server_error", True),
        (529, "overloaded", True),
    ],
)
async def test_statuses(served: Endpoint, status: int, error_class: str, transient: bool) -> None:
    served.script([{"fault": "status", "status": status, "message": f"Because. {KEY}"}])
    asked = len(served.log())
    async with model_at(served.url) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == (error_class, transient)
    assert failure.status == status
    assert failure.request_id.startswith("req_")
    assert "Because." in failure.message
    assert KEY not in failure.message
    assert len(served.log()) == asked + 1  # nobody but the runtime retries


@pytest.mark.parametrize(
    ("value", "seconds"), [("7200", 7200.0), ("0.5", 0.5), ("-3", 0.0), ("nan", None), ("x", None)]
)
async def test_a_wait_is_reported_and_never_slept(
    served: Endpoint, value: str, seconds: float | None
) -> None:
    served.script([{"fault": "status", "status": 429, "retry_after": value}])
    began = time.monotonic()
    async with model_at(served.url) as model:
        failure = await failing(model)
    assert failure.retry_after == seconds
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("status", "wish", "transient"),
    [
        (400, "true", True),
        (404, "TRUE", True),
        (503, "false", False),
        (429, "false", False),
        (529, "maybe", True),
        (401, "true", False),
        (413, "true", False),
    ],
)
async def test_an_endpoint_that_says_whether_to_ask_again_is_believed(
    served: Endpoint, status: int, wish: str, transient: bool
) -> None:
    served.script([{"fault": "status", "status": status, "headers": {"x-should-retry": wish}}])
    async with model_at(served.url) as model:
        assert (await failing(model)).transient is transient


def test_milliseconds_are_more_exact_than_seconds() -> None:
    assert retry_after({"retry-after-ms": "250", "retry-after": "1"}) == 0.25
    assert retry_after({"retry-after-ms": "soon", "retry-after": "1"}) == 1.0


async def test_overflow_is_known_by_its_text(served: Endpoint) -> None:
    served.script([{"fault": "prompt_too_long"}])
    async with model_at(served.url) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == ("context_overflow", False)


@pytest.mark.parametrize(
    ("kind", "error_class", "transient"),
    [
        ("overloaded_error", "overloaded", True),
        ("api_error", "server_error", True),
        ("rate_limit_error", "rate_limited", True),
        ("timeout_error", "timeout", True),
        ("authentication_error", "authentication", False),
        ("invalid_request_error", "invalid_request", False),
        ("new_kind_of_error", "server_error", True),
    ],
)
async def test_errors_in_midstream(
    served: Endpoint, kind: str, error_class: str, transient: bool
) -> None:
    served.script([{"fault": "error_event", "type": kind}])
    async with model_at(served.url) as model:
        failure = await failing(model)
    assert (failure.error_class, failure.transient) == (error_class, transient)
    assert failure.usage["input_tokens"] > 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Mon, 23 Nov 2026 12:01:30 GMT", 90.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 12:00:10 -0000", 10.0),
        ("1e300", 30 * 24 * 3600.0),
        ("inf", None),
        ("", None),
        ("soon", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_no_retry_after() -> None:
    assert retry_after({}) is None


@pytest.mark.parametrize(
    "text",
    [
        "prompt is too long: 200001 tokens > 200000 maximum",
        "Input is too long for requested model.",
        "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000",
    ],
)
def test_overflow_texts(text: str) -> None:
    assert classify(Answer(400, "invalid_request_error", text)) == "context_overflow"
    assert classify(Answer(200, "invalid_request_error", text)) == "context_overflow"


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [
        (Answer(503, "overloaded_error"), "overloaded"),
        (Answer(500, "api_error"), "server_error"),
        (Answer(418), "invalid_request"),
        (Answer(302), "unknown"),
        (Answer(200), "server_error"),
        (Answer(200, "request_too_large"), "context_overflow"),
    ],
)
def test_classes(answer: Answer, error_class: str) -> None:
    assert classify(answer) == error_class


def test_messages_are_short_and_hold_no_key() -> None:
    assert len(tidy("x" * 9000, "")) == 500
    # The key goes before the cut, or a part of it could stay.
    assert KEY[:6] not in tidy("x" * 490 + KEY, KEY)
    assert failure("connection", f"at {KEY}", KEY).message == "at [API key]"
