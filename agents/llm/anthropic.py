"""The model's turn over the Messages API. Nothing else imports ``anthropic``."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias, get_args

import anthropic
import httpx2
from anthropic.lib.streaming import AsyncMessageStream, ParsedMessageStreamEvent
from anthropic.types import ParsedMessage

from agents.core import canonical, redaction
from agents.core.model import ModelFailure, OnDelta, Request, Turn
from agents.llm import failures, reading
from agents.llm.windows import Windows

TIMEOUT = httpx2.Timeout(600, connect=5, read=120)  # seconds
ABOUT_TIMEOUT = 5.0  # seconds to ask about a model; a session that starts waits for it
# The SDK would look for a profile on disk if it were given no key at all.
PLACEHOLDER_KEY = "no-key"
# A shorter "key" is a word that a model may well write.
SHORTEST_SECRET = 8
# With it an endpoint may be told to drop thinking that no longer matches.
BINDING_BETA = "thinking-binding-controls-2026-08-01"
COMPACT_BETA = "compact-2026-09-04"

# What the SDK's accumulator raises when an endpoint sends something that is no stream of events.
MALFORMED = (ValueError, TypeError, AttributeError, LookupError, RuntimeError, AssertionError)

# In quotes: the SDK's union cannot be subscripted at run time.
Stream: TypeAlias = "AsyncMessageStream[None]"
Event: TypeAlias = "ParsedMessageStreamEvent[None]"


def _newest(family: str, names: Iterable[str]) -> str:
    """The name of the family's highest version, without a date."""
    found = (re.fullmatch(rf"claude-{family}-(\d+)(?:-(\d{{1,2}}))?", name) for name in names)
    versions = {match[0]: (int(match[1]), int(match[2] or 0)) for match in found if match}
    return max(versions, key=versions.__getitem__)


# The SDK's type is a union of the names it knows and ``str``.
KNOWN_MODELS: tuple[str, ...] = get_args(get_args(anthropic.types.Model)[0])
NEWEST_HAIKU = _newest("haiku", KNOWN_MODELS)


class AnthropicModel:
    """A ``Model`` at any endpoint that speaks the Messages API. One per process: it holds the
    connection pool, and building a client costs tens of milliseconds.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        self._secret = api_key or ""
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key or PLACEHOLDER_KEY,
            base_url=base_url or None,
            max_retries=0,
            timeout=TIMEOUT,
            http_client=http_client,
        )
        self._windows = Windows(self._window)

    async def turn(self, request: Request, on_delta: OnDelta) -> Turn:
        """Ask once, streaming, without retries. Raises ``ModelFailure``.

        Cancelling the task closes the stream.
        """
        began = time.monotonic()
        answer = _Answer()
        message = await self._stream(request, answer, on_delta)
        return self._turn(message, answer, began)

    async def window(self, model: str) -> int | None:
        """Tokens that ``model`` can be shown at most; None where the endpoint does not say."""
        return await self._windows.of(model)

    async def _window(self, model: str) -> object:
        try:
            about = await self._client.models.retrieve(model, timeout=ABOUT_TIMEOUT)
            return about.max_input_tokens
        except (anthropic.AnthropicError, httpx2.HTTPError, *MALFORMED):
            return None  # gateways often know no such route; the agent's own figure counts then

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self._client.close()

    async def _stream(
        self, request: Request, answer: _Answer, on_delta: OnDelta
    ) -> ParsedMessage[None]:
        shown = {"text": "", "thinking": ""}  # of the blocks that are complete

        def tell(kind: str, piece: str, snapshot: str) -> None:
            # Only the end is new; searching all of it on every delta would be quadratic.
            if self._leaks(snapshot[-(len(piece) + len(self._secret)) :]):
                raise self._leak(answer)
            on_delta(kind, snapshot)

        async with aclosing(self._events(request, answer)) as events:
            async for event in events:
                match event.type:
                    case "text":
                        tell("text", event.text, shown["text"] + event.snapshot)
                    case "thinking":
                        tell("thinking", event.thinking, shown["thinking"] + event.snapshot)
                    case "content_block_stop" if event.content_block.type in shown:
                        block = event.content_block.to_dict(warnings=False)
                        shown[event.content_block.type] += f"{block[event.content_block.type]}\n\n"
        if answer.message is None or answer.message.stop_reason is None:
            raise self._failure(
                "cut_stream", "The model's answer broke off before its end.", answer
            )
        return answer.message

    async def _events(self, request: Request, answer: _Answer) -> AsyncGenerator[Event, None]:
        """The stream's events, with every fault turned into a ``ModelFailure``."""
        body = request.body()
        # The stable method knows no such parameter, and all others alike.
        extra = {"compaction": body.pop("compaction")} if request.compaction else None
        try:
            async with self._client.messages.stream(
                **body, extra_body=extra, extra_headers=_betas(request)
            ) as stream:
                answer.request_id = stream.request_id or ""
                async for event in stream:
                    answer.see(event, stream)
                    yield event
        except anthropic.APIStatusError as error:
            raise failures.refused(_answered(error), self._secret, answer.usage) from None
        except anthropic.APITimeoutError:
            raise self._failure("timeout", _too_slow(), answer) from None
        except anthropic.APIConnectionError as error:
            raise self._unreachable(error.__cause__ or error, answer) from None
        except httpx2.TimeoutException:
            raise self._failure("timeout", _too_slow(), answer) from None
        except httpx2.HTTPError as error:
            raise self._failure("cut_stream", f"The stream broke: {_name(error)}", answer) from None
        except anthropic.AnthropicError as error:
            raise self._failure("unknown", f"The model call failed: {error}", answer) from None
        except MALFORMED as error:
            raise self._unreadable(error, answer) from None

    def _turn(self, message: ParsedMessage[None], answer: _Answer, began: float) -> Turn:
        stop_reason = str(message.stop_reason)
        try:
            sent = [block.to_dict(warnings=False) for block in message.content]
            content = reading.blocks(sent, answer.raw, strict=stop_reason == "tool_use")
            # The stable accumulator leaves out what the API's own compaction took.
            apart = {k: answer.usage[k] for k in ("iterations",) if k in answer.usage}
            usage = {**message.usage.to_dict(warnings=False), **apart}
            reading.check_usage(usage)
        except canonical.BadJson as error:
            text = f"The model's turn was not valid JSON: {error}"
            raise self._failure("bad_json", text, answer) from None
        except MALFORMED as error:
            raise self._unreadable(error, answer) from None
        if self._leaks(content):
            raise self._leak(answer)
        extra = message.to_dict(warnings=False)
        return Turn(
            content=content,
            stop_reason=stop_reason,
            usage=usage,
            model=str(message.model),
            message_id=str(message.id),
            duration_ms=round((time.monotonic() - began) * 1000),
            stop_details=reading.table(extra.get("stop_details")),
            input_transformations=reading.tables(extra.get("input_transformations")),
        )

    def _unreadable(self, error: Exception, answer: _Answer) -> ModelFailure:
        # Its message would quote what the model wrote, so only its kind is told.
        text = f"The model endpoint sent what cannot be read ({type(error).__name__})."
        return self._failure("bad_json", text, answer)

    def _unreachable(self, cause: BaseException, answer: _Answer) -> ModelFailure:
        if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
            text = f"The model endpoint's address is not a usable URL: {cause}"
            return self._failure("invalid_request", text, answer)
        text = f"The model endpoint cannot be reached: {_name(cause)}"
        return self._failure("connection", text, answer)

    def _leaks(self, value: object) -> bool:
        return len(self._secret) >= SHORTEST_SECRET and redaction.contains(value, self._secret)

    def _leak(self, answer: _Answer) -> ModelFailure:
        text = "The model's turn contained the API key, so it was refused and not stored."
        return self._failure("secret_in_turn", text, answer)

    def _failure(self, error_class: str, message: str, answer: _Answer) -> ModelFailure:
        return failures.failure(
            error_class,
            message,
            self._secret,
            request_id=answer.request_id,
            usage=answer.usage,
        )


async def encoded(request: Request) -> bytes:
    """The body of a request exactly as it goes over the wire. Nothing is sent."""
    bodies: list[bytes] = []

    def keep(sent: httpx2.Request) -> httpx2.Response:
        bodies.append(sent.content)
        return httpx2.Response(400)

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(keep))
    model = AnthropicModel(http_client=client)
    with suppress(ModelFailure):
        await model.turn(request, lambda kind, text: None)
    await model.aclose()
    return bodies[0]


@dataclass(slots=True)
class _Answer:
    """What has come so far of one answer."""

    request_id: str = ""
    message: ParsedMessage[None] | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    raw: dict[int, list[str]] = field(default_factory=dict)  # tool arguments, by block

    def see(self, event: Event, stream: Stream) -> None:
        match event.type:
            case "message_start":
                self.message = stream.current_message_snapshot
                self.usage = event.message.usage.to_dict(warnings=False)
            case "message_delta":
                self.usage.update(event.usage.to_dict(exclude_none=True, warnings=False))
            case "content_block_delta" if event.delta.type == "input_json_delta":
                self.raw.setdefault(event.index, []).append(event.delta.partial_json)


def _betas(request: Request) -> dict[str, str] | None:
    wanted = ((BINDING_BETA, request.drop_block), (COMPACT_BETA, request.sealed))
    names = [name for name, needed in wanted if needed]
    return {"anthropic-beta": ",".join(names)} if names else None


def _answered(error: anthropic.APIStatusError) -> failures.Answer:
    return failures.Answer(
        status=error.status_code,
        type=str(error.type or ""),
        message=str(error.api_message or ""),
        headers=error.response.headers,
        request_id=error.request_id or "",
    )


def _name(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _too_slow() -> str:
    return "The model endpoint took too long to answer."
