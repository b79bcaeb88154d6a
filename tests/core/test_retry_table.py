"""The retry table of guards.md section 7, cell by cell."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.core import retry
from agents.core.risk import Effect
from agents.core.tools import (
    InvalidArguments,
    NotFound,
    PermissionDenied,
    RateLimited,
    ToolError,
    ToolTimeout,
    Unavailable,
)
from tests.core.sessions import START

READ, KEYED, PROBED, IRREVERSIBLE = Effect
TABLE: dict[str, tuple[ToolError, dict[Effect, int]]] = {
    "invalid arguments": (
        InvalidArguments("no", effects=False),
        dict.fromkeys(Effect, 0),
    ),
    "not found": (NotFound("no", effects=False), dict.fromkeys(Effect, 0)),
    "permission": (PermissionDenied("no", retry_after=1), dict.fromkeys(Effect, 0)),
    "unknown": (ToolError("KeyError"), dict.fromkeys(Effect, 0)),
    "rate limit, proven not done": (
        RateLimited("busy", effects=False),
        dict.fromkeys(Effect, 3),
    ),
    "rate limit": (
        RateLimited("busy", retry_after=1),
        {READ: 3, KEYED: 3, PROBED: 0, IRREVERSIBLE: 0},
    ),
    "connection refused": (
        Unavailable("refused", effects=False),
        {READ: 3, KEYED: 3, PROBED: 2, IRREVERSIBLE: 2},
    ),
    "timeout": (ToolTimeout("slow"), {READ: 2, KEYED: 2, PROBED: 0, IRREVERSIBLE: 0}),
    "reset": (Unavailable("reset"), {READ: 2, KEYED: 2, PROBED: 0, IRREVERSIBLE: 0}),
    "503 with retry-after": (
        Unavailable("down", retry_after=1),
        {READ: 3, KEYED: 3, PROBED: 0, IRREVERSIBLE: 0},
    ),
}


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize("case", TABLE)
def test_a_failed_call_is_tried_again_as_often_as_its_effect_allows(
    case: str, effect: Effect
) -> None:
    error, cells = TABLE[case]
    waits = [retry.tool_delay(error, effect, n, {}, draw=0.5) for n in range(1, 6)]
    assert sum(wait is not None for wait in waits) == cells[effect]
    doubtful = error.transient and error.effects and effect is not READ
    assert retry.ambiguous(error, effect) is doubtful, "a person is asked, and nobody else guesses"


def test_a_key_is_trusted_for_less_than_the_day_that_targets_keep_it() -> None:
    slowest = timedelta(seconds=retry.PER_CALL)
    assert retry.KEY_KEPT + slowest < timedelta(hours=24) - timedelta(hours=3)
    assert retry.key_forgotten(START, START + retry.KEY_KEPT + slowest)
    assert not retry.key_forgotten(START, START + retry.KEY_KEPT)
