"""Grants: what they cover, up to which risk, and until when."""

from __future__ import annotations

from typing import Any

import pytest

from agents.core import events
from agents.core.grants import covering
from agents.core.risk import Risk
from tests.core.sessions import START, Session


def granted(**fields: Any) -> Session:
    session = Session()
    given: dict[str, Any] = {"tool": "write", "arguments": None, "risk": "low", "by": "Ann"}
    session.say(events.GrantGiven(grant_id="g", **{**given, **fields}))
    return session


def covers(session: Session, tool: str = "write", risk: Risk = Risk.LOW, **given: Any) -> bool:
    return covering(session.state, tool, given, risk, START) is not None


def test_a_grant_covers_its_tool_alone() -> None:
    assert covers(granted())
    assert not covers(granted(), tool="look")


def test_a_grant_covers_no_call_above_its_risk() -> None:
    assert covers(granted(risk="medium"), risk=Risk.MEDIUM)
    assert not covers(granted(risk="low"), risk=Risk.MEDIUM)


def test_no_grant_covers_a_high_call_whatever_it_says() -> None:
    assert not covers(granted(risk="high"), risk=Risk.HIGH)


@pytest.mark.parametrize(("until", "holds"), [("09:00:00", False), ("09:00:01", True)])
def test_a_grant_ends_at_its_moment(until: str, holds: bool) -> None:
    assert covers(granted(until=f"2026-11-23T{until}Z")) is holds


def test_a_grant_for_one_calls_arguments_covers_no_others() -> None:
    session = granted(arguments={"path": "a", "n": 1})
    assert covers(session, n=1, path="a")
    assert not covers(session, n=2, path="a")
