"""The endpoint's routes: the Messages API, and the doors by which a test controls it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.endpoint import compaction
from tests.endpoint.answer import Answer, Event, compose, sealed, sse
from tests.endpoint.billing import Cache, tokens
from tests.endpoint.blocks import Json, Spot
from tests.endpoint.history import check_messages
from tests.endpoint.log import Log
from tests.endpoint.refuse import TYPES, RefusedError, error_body
from tests.endpoint.rules import MAX_OUTPUT, check_request, parse
from tests.endpoint.script import Choice, Director
from tests.endpoint.wire import GoneError, Request, Response, TooLargeError, read_request

MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")
KEPT_HEADERS = (
    "anthropic-version",
    "anthropic-beta",
    "content-type",
    "user-agent",
    "x-stainless-retry-count",
)
# How many events pass before a stream breaks, unless the reply says so.
AFTER = {"cut": 4, "error_event": 4, "broken_event": 4, "hang": 0}


class Server:
    def __init__(self, script: Any, log: Log, window: int, cache_minimum: int) -> None:
        self._log = log
        self._window = window
        self._cache = Cache(cache_minimum)
        self._director = Director(log.scripts[-1] if log.scripts else script)
        for entry in log.since_script():
            if "conversation" in entry:
                self._director.restore(entry)
        self._tasks: set[asyncio.Task[None]] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._converse(reader, writer)
        except (GoneError, asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        keep = True
        while keep:
            response = Response(reader, writer)
            try:
                request = await read_request(reader)
            except TooLargeError:
                body = error_body(TYPES[413], "Request exceeds the maximum size", "")
                await response.send_json(413, body, {"connection": "close"})
                return
            if request is None:
                return
            await self._serve(request, response)
            keep = response.keep_alive and request.headers.get("connection") != "close"

    async def _serve(self, request: Request, response: Response) -> None:
        if request.path.startswith("/_"):
            await self._control(request, response)
            return
        entry = _entry(len(self._log.requests()), request)
        self._log.entries.append(entry)
        started = time.monotonic()
        try:
            await self._answer(request, response, entry)
        except RefusedError as refused:
            await _send_error(response, entry, refused, {})
        except GoneError:
            entry["outcome"] = "client_gone"
            raise
        except asyncio.CancelledError:
            entry["outcome"] = "stopped"
            raise
        finally:
            entry["ms"] = round((time.monotonic() - started) * 1000)
            self._log.write(entry)

    async def _control(self, request: Request, response: Response) -> None:
        if request.path == "/_log":
            await response.send_json(200, self._log.requests(), {})
            return
        if (request.method, request.path) != ("PUT", "/_script"):
            await response.send_json(404, {"error": "no such door"}, {})
            return
        try:
            script = json.loads(request.body)
            self._director = Director(script)
        except (ValueError, RefusedError) as exc:
            await response.send_json(400, {"error": str(exc)}, {})
            return
        self._log.script(script)
        await response.send_json(200, {"ok": True}, {})

    async def _answer(self, request: Request, response: Response, entry: Json) -> None:
        _check_headers(request.headers)
        if request.method == "GET" and request.path.startswith("/v1/models"):
            answer = self._model(request.path.removeprefix("/v1/models").strip("/"))
            entry.update(status=200, outcome="complete")
            await response.send_json(200, answer, _ids(entry))
            return
        routes: dict[str, Callable[[Request, Response, Json], Awaitable[None]]] = {
            "/v1/messages": self._messages,
            "/v1/messages/count_tokens": self._count,
        }
        route = routes.get(request.path)
        if route is None:
            raise RefusedError("Not found", 404)
        if request.method != "POST":
            raise RefusedError("Method not allowed", 405, TYPES[400])
        await route(request, response, entry)

    def _model(self, name: str) -> Json:
        if not name:
            models = [_model_info(model, self._window) for model in MODELS]
            ends = {"first_id": MODELS[0], "last_id": MODELS[-1]}
            return {"data": models, "has_more": False, **ends}
        if not name.startswith("claude-"):
            raise RefusedError(f"model: {name}", 404)
        return _model_info(name, self._window)

    async def _count(self, request: Request, response: Response, entry: Json) -> None:
        body, _dropped = _checked(request, counting=True)
        count = {"input_tokens": tokens(body)}
        entry.update(status=200, outcome="complete", answer=count)
        await response.send_json(200, count, _ids(entry))

    async def _messages(self, request: Request, response: Response, entry: Json) -> None:
        body, dropped = _checked(request, counting=False)
        size = tokens(body)
        if size > self._window:
            raise _too_long(size, self._window)
        if body.get("compaction"):
            await self._compact(body, response, entry)
            return
        choice = self._director.choose(body)
        entry.update(choice.note())
        reply = choice.reply
        if reply.get("fault") == "prompt_too_long":
            raise _too_long(reply.get("tokens", self._window + 1), self._window)
        if reply.get("fault") == "status":
            await _send_error(response, entry, _scripted(reply), _scripted_headers(reply))
            return
        answer = compose(choice, body, self._cache.bill(body))
        if dropped:
            answer.message["input_transformations"] = [_drop(spot) for spot in dropped]
        entry.update(status=200, answer=answer.message)
        send = _stream if body.get("stream") else _plain
        await send(response, entry, choice, answer)

    async def _compact(self, body: Json, response: Response, entry: Json) -> None:
        """Summarise instead of answering; the script's track "compaction" says what."""
        entry["scripted"] = True
        reply = self._director.compaction()
        if reply.get("fault") == "status":
            await _send_error(response, entry, _scripted(reply), _scripted_headers(reply))
            return
        message = sealed(reply, body, self._cache.bill(body))
        entry.update(status=200, answer=message, outcome="complete")
        await response.start_stream(_ids(entry))
        await _send_events(response, list(Answer(message, {}, 32, 0.0).events()), 0.0)
        await response.end_stream()


def _entry(number: int, request: Request) -> Json:
    headers = request.headers
    keys = [name for name in ("x-api-key", "authorization") if headers.get(name)]
    return {
        "n": number,
        "at": time.time(),
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": {name: headers[name] for name in KEPT_HEADERS if name in headers},
        "auth": keys[0] if keys else None,
        "body": request.body.decode("utf-8", "replace"),
        "request_id": f"req_{os.urandom(12).hex()}",
        "status": None,
        "outcome": None,
    }


def _ids(entry: Json) -> dict[str, str]:
    return {"request-id": entry["request_id"]}


def _check_headers(headers: dict[str, str]) -> None:
    if not headers.get("x-api-key") and not headers.get("authorization"):
        raise RefusedError("x-api-key header is required", 401)
    if not headers.get("anthropic-version"):
        raise RefusedError("anthropic-version: header is required")


def _checked(request: Request, *, counting: bool) -> tuple[Json, list[Spot]]:
    body = parse(request.body)
    betas = request.headers.get("anthropic-beta", "")
    check_request(body, bool(betas), counting)
    compaction.check_param(body, betas)
    return body, check_messages(body, betas)


def _too_long(size: int, window: int) -> RefusedError:
    return RefusedError(f"prompt is too long: {size} tokens > {window} maximum")


def _drop(spot: Spot) -> Json:
    reason = "prefix_binding_mismatch"
    return {"type": "thinking_dropped", "path": spot.path, "reason": reason}


def _scripted(reply: Json) -> RefusedError:
    status = int(reply.get("status", 500))
    return RefusedError(reply.get("message", f"Scripted {status}"), status, reply.get("type"))


def _scripted_headers(reply: Json) -> dict[str, str]:
    headers = {str(k).lower(): str(v) for k, v in reply.get("headers", {}).items()}
    if "retry_after" in reply:
        headers["retry-after"] = str(reply["retry_after"])
    return headers


async def _send_error(
    response: Response, entry: Json, refused: RefusedError, headers: dict[str, str]
) -> None:
    body = error_body(refused.kind, refused.message, entry["request_id"])
    entry.update(status=refused.status, outcome="error", answer=body)
    await response.send_json(refused.status, body, {**_ids(entry), **headers})


async def _plain(response: Response, entry: Json, choice: Choice, answer: Answer) -> None:
    """Without a stream a break shows as a body that is short, broken or late."""
    fault = choice.reply.get("fault")
    raw = json.dumps(answer.message, ensure_ascii=False).encode()
    entry["outcome"] = fault or "complete"
    if fault == "error_event":
        raise _stream_error(choice.reply)
    if fault == "hang":
        await response.pause(choice.reply.get("seconds", 60))
    if fault in {"cut", "quiet_end"}:
        await response.send_bytes(200, raw[: len(raw) // 2], _ids(entry), declared=len(raw))
        response.cut()
        return
    broken = raw[: len(raw) // 2] if fault in {"bad_json", "broken_event"} else raw
    await response.send_bytes(200, broken, _ids(entry))


def _stream_error(reply: Json) -> RefusedError:
    kind = reply.get("type", "overloaded_error")
    status = {name: code for code, name in TYPES.items()}.get(kind, 500)
    return RefusedError(reply.get("message", "Overloaded"), status, kind)


async def _stream(response: Response, entry: Json, choice: Choice, answer: Answer) -> None:
    reply, fault = choice.reply, choice.reply.get("fault")
    events = list(answer.events())
    after = int(reply.get("after", AFTER.get(fault or "", len(events))))
    if fault == "quiet_end" and "after" not in reply:
        after = len(events) - 2
    if fault == "hang" and after == 0:
        await response.pause(reply.get("seconds", 60))
    await response.start_stream(_ids(entry))
    await _send_events(response, events[:after], answer.delay)
    entry["outcome"] = fault or "complete"
    if fault == "cut":
        response.cut()
        return
    if fault in {"error_event", "broken_event"}:
        await response.send_chunk(_break(reply, entry))
    elif fault == "hang":
        await _hang(response, reply if after else {"seconds": 0})
        await _send_events(response, events[after:], answer.delay)
    elif fault != "quiet_end":
        await _send_events(response, events[after:], answer.delay)
    await response.end_stream()


def _break(reply: Json, entry: Json) -> bytes:
    if reply["fault"] == "broken_event":
        return b'event: content_block_delta\ndata: {"type": "content_block_delta", "ind\n\n'
    error = _stream_error(reply)
    return sse(("error", error_body(error.kind, error.message, entry["request_id"])))


async def _send_events(response: Response, events: list[Event], delay: float) -> None:
    if not delay:
        data = b"".join(map(sse, events))
        if data:
            await response.send_chunk(data)
        return
    for event in events:
        if event[0] == "content_block_delta":
            await response.pause(delay)
        await response.send_chunk(sse(event))


async def _hang(response: Response, reply: Json) -> None:
    """Silence in the middle of a stream, or nothing but pings."""
    left = float(reply.get("seconds", 60))
    if not reply.get("pings"):
        await response.pause(left)
        return
    while left > 0:
        await response.pause(min(left, 1.0))
        await response.send_chunk(sse(("ping", {"type": "ping"})))
        left -= 1.0


def _model_info(name: str, window: int) -> Json:
    yes, no = {"supported": True}, {"supported": False}
    efforts = dict.fromkeys(("low", "medium", "high", "xhigh", "max"), yes)
    kinds = {"adaptive": yes, "enabled": no, "disabled": no, "between_tools": no}
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "2026-09-01T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": None,
        "max_input_tokens": window,
        "max_tokens": MAX_OUTPUT,
        "capabilities": {
            "batch": yes,
            "citations": yes,
            "code_execution": no,
            "context_management": {"supported": False},
            "effort": {"supported": True, **efforts},
            "image_input": yes,
            "pdf_input": yes,
            "server_tools": {"supported": False, "code_execution": no, "web_search": no},
            "structured_outputs": yes,
            "thinking": {"supported": True, "types": kinds},
        },
    }
