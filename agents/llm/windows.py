"""How much each model can be shown, as its endpoint says: asked seldom, and never insisted on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

AGAIN = 300.0  # seconds until an endpoint that did not say is asked again
SMALLEST = 1_000  # tokens; what claims less is a mistake, not a window
# Tokens of a prompt beyond which all of it costs several times as much, which no price table says.
DEARER_BEYOND = {"claude-haiku-5-5": 100_000}


class Windows:
    """Remembers what ``ask`` said; ``ask`` gives None where nothing can be learned."""

    def __init__(self, ask: Callable[[str], Awaitable[object]]) -> None:
        self._ask = ask
        self._known: dict[str, tuple[int | None, float]] = {}  # until when, by the monotonic clock
        self._asking = asyncio.Lock()

    async def of(self, model: str) -> int | None:
        """What the endpoint says, or where the price steps if that comes first."""
        found = (await self._said(model), _step(model))
        return min((tokens for tokens in found if tokens), default=None)

    async def _said(self, model: str) -> int | None:
        async with self._asking:  # sessions that start together ask once
            tokens, until = self._known.get(model, (None, 0.0))
            if tokens is None and time.monotonic() >= until:
                tokens = _sound(await self._ask(model))
                self._known[model] = tokens, time.monotonic() + AGAIN
            return tokens


def _sound(tokens: object) -> int | None:
    number = isinstance(tokens, int) and not isinstance(tokens, bool)
    return tokens if number and tokens >= SMALLEST else None  # type: ignore[operator,return-value] # a number


def _step(model: str) -> int | None:
    """A name may carry a date behind it."""
    return next((most for name, most in DEARER_BEYOND.items() if model.startswith(name)), None)
