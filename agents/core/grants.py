"""Leave that a person gave for calls to come, in one session. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agents.core import canonical, events
from agents.core.risk import Risk
from agents.core.state import State


def covering(
    state: State, tool: str, arguments: Mapping[str, Any], risk: Risk, now: datetime
) -> events.GrantGiven | None:
    """The grant under which this call need not ask. HIGH is never covered."""
    if risk >= Risk.HIGH:
        return None
    return next((g for g in state.grants if covers(g, tool, arguments, risk, now)), None)


def covers(
    grant: events.GrantGiven,
    tool: str,
    arguments: Mapping[str, Any],
    risk: Risk,
    now: datetime,
) -> bool:
    if grant.tool != tool or risk > Risk.of(grant.risk):
        return False
    if grant.until is not None and datetime.fromisoformat(grant.until) <= now:
        return False
    if grant.arguments is None:
        return True
    return canonical.sorted_text(grant.arguments) == canonical.sorted_text(arguments)


def rule(grant: events.GrantGiven) -> str:
    """Why a call need not ask, in words."""
    which = "" if grant.arguments is None else " with these arguments"
    return f"{grant.by} granted {grant.tool}{which} in this session"
