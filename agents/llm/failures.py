"""What went wrong with a model call: one ``ModelFailure`` that says what may be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agents.core import retry_after as waits
from agents.core.canonical import clean_text
from agents.core.model import ModelFailure

MESSAGE_CHARS = 500

OVERFLOW_TEXTS = (
    "prompt is too long",
    "input is too long",
    "input length and `max_tokens` exceed context limit",
)
BOUND_TEXT = "bound to a different conversation"

TRANSIENT = frozenset(
    "overloaded rate_limited connection timeout cut_stream server_error bad_json".split()
)

# What is answered otherwise than by asking the same again, whatever a header says.
HANDLED = frozenset({"context_overflow", "authentication", "billing", "permission"})

_BY_STATUS = {
    400: "invalid_request",
    401: "authentication",
    402: "billing",
    403: "permission",
    404: "not_found",
    408: "timeout",
    409: "server_error",
    413: "context_overflow",
    422: "invalid_request",
    429: "rate_limited",
    529: "overloaded",
}
_BY_TYPE = {
    "api_error": "server_error",
    "authentication_error": "authentication",
    "billing_error": "billing",
    "conflict_error": "server_error",
    "invalid_request_error": "invalid_request",
    "not_found_error": "not_found",
    "overloaded_error": "overloaded",
    "permission_error": "permission",
    "rate_limit_error": "rate_limited",
    "request_too_large": "context_overflow",
    "timeout_error": "timeout",
}
_LEAD = {
    "authentication": "The model endpoint refused the API key",
    "billing": "The model endpoint refused for billing reasons",
    "connection": "The model endpoint cannot be reached",
    "context_overflow": "The conversation no longer fits the model's context window",
    "invalid_request": "The model endpoint rejected the request",
    "not_found": "The model endpoint does not know this model or address",
    "overloaded": "The model is overloaded",
    "permission": "The API key may not do this",
    "rate_limited": "The model endpoint's rate limit was reached",
    "server_error": "The model endpoint failed",
    "thinking_bound": (
        "The model endpoint rejected the history: a thinking block is bound to a different "
        "conversation, so something before it was changed"
    ),
    "timeout": "The model endpoint took too long",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An error as the endpoint put it: over HTTP, or inside a stream that began with status 200."""

    status: int
    type: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""


def refused(answer: Answer, secret: str, usage: Mapping[str, Any] | None = None) -> ModelFailure:
    """The failure that an endpoint's own error answer means."""
    error_class = classify(answer)
    lead = _LEAD.get(error_class, "The model call failed")
    where = "in the middle of its answer" if answer.status == 200 else f"({answer.status})"
    message = f"{lead} {where}: {answer.message}" if answer.message else f"{lead} {where}."
    found = failure(
        error_class,
        message,
        secret,
        retry_after=retry_after(answer.headers),
        status=answer.status,
        request_id=answer.request_id,
        usage=usage,
    )
    # Whoever answered knows better than a table whether asking again can help.
    wish = answer.headers.get("x-should-retry", "").strip().lower()
    if wish in {"true", "false"} and error_class not in HANDLED:
        found.transient = wish == "true"
    return found


def failure(error_class: str, message: str, secret: str, **facts: Any) -> ModelFailure:
    """A failure whose message is short and free of the API key."""
    return ModelFailure(
        error_class, tidy(message, secret), transient=error_class in TRANSIENT, **facts
    )


def classify(answer: Answer) -> str:
    """The ``error_class`` of an answer. Mid-stream errors carry status 200 and only a type."""
    by_type = _BY_TYPE.get(answer.type, "")
    if BOUND_TEXT in answer.message:
        return "thinking_bound"
    if answer.status == 400 or by_type == "invalid_request":
        overflow = any(text in answer.message.lower() for text in OVERFLOW_TEXTS)
        return "context_overflow" if overflow else "invalid_request"
    if by_type and (answer.status < 400 or by_type == "overloaded"):
        return by_type
    if known := _BY_STATUS.get(answer.status):
        return known
    if answer.status >= 500 or answer.status == 200:
        return "server_error"
    return "invalid_request" if answer.status > 400 else "unknown"


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds the endpoint asks to wait: ``retry-after-ms``, or ``retry-after``."""
    exact = waits.seconds(headers.get("retry-after-ms"))
    if exact is not None:
        return exact / 1000
    return waits.seconds(headers.get("retry-after"), now)


def tidy(message: str, secret: str) -> str:
    """``message`` without the key, cut to 500 characters."""
    text = clean_text(message)
    if secret:
        text = text.replace(secret, "[API key]")
    return text if len(text) <= MESSAGE_CHARS else text[: MESSAGE_CHARS - 1] + "…"
