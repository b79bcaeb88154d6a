"""What the engine asks of a model, and what it gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Block = Mapping[str, Any]
SEALED = "compaction"  # the block in which the API itself summarised a conversation, and signed it

# Called with the kind ("text" or "thinking") and the text of that kind so far, cumulative.
OnDelta = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the Messages API; ``body`` is exactly what is sent."""

    model: str
    max_tokens: int
    system: Sequence[Block]
    tools: Sequence[Mapping[str, Any]]
    messages: Sequence[Mapping[str, Any]]
    tool_choice: Mapping[str, Any] | None = None
    thinking: Mapping[str, Any] | None = None
    # Let the endpoint drop thinking that no longer matches what stands before it. Once used, it
    # belongs to every later request of the conversation.
    drop_block: bool = False
    urgent: bool = False  # a person wants it asked now, although the endpoint may be held
    # Summarise the messages instead of answering them: the API's own compaction.
    compaction: Mapping[str, Any] | None = None

    @property
    def sealed(self) -> bool:
        """Whether it asks for a signed summary, or begins with one."""
        first = self.messages[0]["content"] if self.messages else ()
        return self.compaction is not None or any(b.get("type") == SEALED for b in first)

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "system": list(self.system),
            "messages": list(self.messages),
        }
        if self.tools:
            body["tools"] = list(self.tools)
        if self.tools and self.tool_choice:
            body["tool_choice"] = self.tool_choice
        if self.thinking or self.drop_block:
            body["thinking"] = dict(self.thinking or {"type": "adaptive"})
        if self.drop_block:
            body["thinking"]["block_binding"] = {"prefix_mismatch_behavior": "drop_block"}
        if self.compaction:
            body["compaction"] = self.compaction
        return body


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer: its content blocks byte for byte as the endpoint sent them."""

    content: Sequence[Block]
    stop_reason: str
    usage: Mapping[str, Any]
    model: str
    message_id: str = ""
    duration_ms: int = 0
    stop_details: Mapping[str, Any] | None = None  # of a refusal: category and explanation
    input_transformations: Sequence[Mapping[str, Any]] = ()  # what was left out of the request


class ModelFailure(Exception):
    """No usable answer came.

    ``error_class`` is one of ``overloaded, rate_limited, connection, timeout, cut_stream,
    server_error, bad_json, authentication, permission, billing, not_found, invalid_request,
    context_overflow, thinking_bound, unknown``. ``usage`` is what a stream that had started
    already cost.
    """

    def __init__(
        self,
        error_class: str,
        message: str,
        *,
        transient: bool = False,
        retry_after: float | None = None,
        status: int | None = None,
        request_id: str = "",
        usage: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message
        self.transient = transient
        self.retry_after = retry_after  # seconds, as the endpoint asked
        self.status = status  # HTTP status
        self.request_id = request_id
        self.usage = dict(usage or {})
        self.held = False  # nothing was asked: everybody waits for this endpoint


class Model(Protocol):
    async def turn(self, request: Request, on_delta: OnDelta) -> Turn:
        """Ask once, streaming, without retries. Raises ``ModelFailure``."""
        ...

    async def window(self, model: str) -> int | None:
        """Tokens that ``model`` can be shown at most; None where its endpoint does not say."""
        ...
