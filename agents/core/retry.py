"""How long to wait after a failure, and when to give up. Full jitter, bounded, never blind.

The tables are those of the AWS Architecture Blog's "Exponential Backoff And Jitter" (full jitter)
and, for which effects may be repeated, of our own rule: a write whose outcome is ambiguous is
never repeated by the machine.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.core.model import ModelFailure
from agents.core.risk import Effect
from agents.core.tools import RateLimited, ToolError

IN_PROCESS = 60.0  # seconds; a longer retry-after parks the session instead of holding a task
PER_CALL = 180.0  # seconds that all attempts of a call may take without a park between them
PARKS = (60, 300, 900, 1800, 1800, 1800)  # seconds, once the attempts in process are used up
# How long a target surely knows an idempotency key. Stripe's API reference ("Idempotent requests")
# lets keys go once they are 24 hours old; clocks differ, and an attempt takes its time.
KEY_KEPT = timedelta(hours=20)
LONGEST_PARK = 24 * 3600.0  # seconds; then a session looks again, whatever it was told


@dataclass(frozen=True, slots=True)
class Delay:
    seconds: float
    parked: bool = False

    @property
    def ms(self) -> int:
        return round(self.seconds * 1000)

    def until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.seconds)


def model_delay(
    failure: ModelFailure,
    attempt: int,
    settings: Mapping[str, Any],
    *,
    draw: float | None = None,
    spent: float = 0.0,
) -> Delay | None:
    """The wait after the ``attempt``-th failure in a row (from 1), or None to give up.

    ``spent`` is the time in seconds since the first of them. ``settings``: ``attempts`` in process
    (6), ``base`` (1 s), ``cap`` (30 s), ``parks`` (seconds), ``longest_park`` (a day).
    """
    attempts = int(settings.get("attempts", 6))
    parks = settings.get("parks", PARKS)
    if not failure.transient or attempt >= attempts + len(parks):
        return None
    wait = max(backoff(attempt, settings, draw), failure.retry_after or 0.0)
    if wait > IN_PROCESS:
        return parked(wait, settings)
    if attempt < attempts and (spent + wait <= PER_CALL or not parks):
        return Delay(wait)
    return parked(max(float(parks[max(attempt - attempts, 0)]), wait), settings)


def held_delay(failure: ModelFailure, settings: Mapping[str, Any]) -> Delay:
    """The wait of a session that was not let through to its model's endpoint."""
    wait = failure.retry_after or 0.0
    return parked(wait, settings) if wait > IN_PROCESS else Delay(wait)


def parked(seconds: float, settings: Mapping[str, Any]) -> Delay:
    longest = float(settings.get("longest_park", LONGEST_PARK))
    return Delay(min(seconds, longest), parked=True)


def tool_delay(
    error: ToolError,
    effect: Effect,
    attempt: int,
    settings: Mapping[str, Any],
    *,
    draw: float | None = None,
    spent: float = 0.0,
) -> Delay | None:
    """The wait after a tool's ``attempt``-th failure, or None where it must not be repeated.

    ``spent``: seconds since the first attempt, parks not counted.
    """
    if not error.transient or attempt > allowed_retries(error, effect):
        return None
    wait = max(backoff(attempt, settings, draw), error.retry_after or 0.0)
    if wait > IN_PROCESS:
        return parked(wait, settings)
    return Delay(wait) if spent + wait < PER_CALL else None


def time_allowed(timeout: float, began_at: datetime | None) -> float:
    """Seconds for the next attempt of a call whose first began then: repeats share what is left."""
    if began_at is None:
        return timeout
    left = PER_CALL - (datetime.now(UTC) - began_at).total_seconds()
    return min(timeout, max(left, 1.0))


def key_forgotten(used: datetime, at: datetime) -> bool:
    """Whether a repeat at this time may happen twice, though it carries the key of the first."""
    return at - used > KEY_KEPT


def allowed_retries(error: ToolError, effect: Effect) -> int:
    """Guards.md section 7: more where nothing happened, or where the tool says when to come."""
    repeatable = effect in (Effect.READ, Effect.KEYED)
    if not error.effects:
        return 3 if repeatable or isinstance(error, RateLimited) else 2
    if not repeatable:
        return 0
    return 2 if error.retry_after is None else 3


def ambiguous(error: ToolError, effect: Effect) -> bool:
    """Whether the call may have happened although it failed for good, and only a person can say.

    A key does not help here: were the model to call again, that would be under another.
    """
    return error.transient and error.effects and effect is not Effect.READ


def backoff(attempt: int, settings: Mapping[str, Any], draw: float | None = None) -> float:
    """Seconds: uniform between 0 and ``base * 2**(attempt-1)``, at most ``cap``."""
    ceiling = min(
        float(settings.get("cap", 30.0)), float(settings.get("base", 1.0)) * 2.0 ** (attempt - 1)
    )
    return ceiling * (random.random() if draw is None else draw)  # noqa: S311 - jitter, no secret
