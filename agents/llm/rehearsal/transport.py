"""The rehearsal model as an HTTP endpoint inside the process, so that the SDK's own code runs."""

from __future__ import annotations

import asyncio
import json
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable

import httpx2

from agents.llm.rehearsal import player, wire
from agents.llm.rehearsal.conversation import Conversation

SPEED = "OVERSIGHT_REHEARSAL_SPEED"  # 1 is a natural pace; tests use 100 and more
FIRST_TOKEN = 0.35  # seconds before the first word, at speed 1
DELTA = 0.03  # seconds between deltas, at speed 1
REMEMBERED = 1000  # turns whose attempts are counted

_REFUSALS = {
    "overloaded": (529, "overloaded_error", "Overloaded (rehearsed)"),
    "rate_limited": (429, "rate_limit_error", "Rate limit reached (rehearsed)"),
}


def speed_from_environment() -> float:
    """How much faster than natural the rehearsal plays. Nonsense counts as 1."""
    try:
        speed = float(os.environ.get(SPEED, "1"))
    except ValueError:
        return 1.0
    return speed if speed > 0 else 1.0


class RehearsalTransport(httpx2.AsyncBaseTransport):
    """Answers ``POST /v1/messages`` from the script, streaming at a human pace.

    The turns depend on the request alone. Only rehearsed faults need a memory, of how often a turn
    was asked for; a restart forgets it and merely rehearses the fault again.
    """

    def __init__(self, speed: float | None = None) -> None:
        self._speed = speed if speed is not None else speed_from_environment()
        self._attempts: OrderedDict[tuple[str, int], int] = OrderedDict()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/v1/messages":
            return _error(404, "not_found_error", f"No such path: {request.url.path}")
        talk = Conversation(json.loads(await request.aread()))
        reply = player.reply(talk)
        fault = self._fault(talk, reply)
        await asyncio.sleep(FIRST_TOKEN / self._speed)
        if fault in _REFUSALS:
            return _error(*_REFUSALS[fault])
        headers = {"content-type": "text/event-stream", "request-id": f"req_{talk.digest[:24]}"}
        stream = _Paced(_faulty(fault, list(wire.events(talk, reply))), DELTA / self._speed)
        return httpx2.Response(200, headers=headers, stream=stream)

    def _fault(self, talk: Conversation, reply: player.Reply) -> str:
        """The fault to play on this attempt, or nothing once all have been played."""
        if not reply.faults:
            return ""
        # Notes that a discarded turn leaves behind change the request but not whose turn it is.
        key = (f"{talk.system} {talk.opening}", talk.turns)
        attempt = self._attempts.pop(key, 0)
        if attempt >= len(reply.faults):
            return ""
        self._attempts[key] = attempt + 1
        while len(self._attempts) > REMEMBERED:
            self._attempts.popitem(last=False)
        return reply.faults[attempt]


class _Paced(httpx2.AsyncByteStream):
    """Events with a pause before each, so that a viewer sees the model write."""

    def __init__(self, events: Iterable[wire.Event], pause: float) -> None:
        self._events = events
        self._pause = pause  # seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for event in self._events:
            await asyncio.sleep(self._pause if event[0] == "content_block_delta" else 0)
            yield wire.encode(event)


def _faulty(fault: str, whole: list[wire.Event]) -> list[wire.Event]:
    match fault:
        case "cut":
            return wire.cut(whole)
        case "truncated":
            return wire.truncated(whole)
        case "error_event":
            return [*wire.cut(whole), ("error", wire.error("overloaded_error", "Overloaded"))]
        case _:
            return whole


def _error(status: int, kind: str, message: str) -> httpx2.Response:
    headers = {"retry-after": "1"} if status in (429, 529) else {}
    return httpx2.Response(status, headers=headers, json=wire.error(kind, message))
