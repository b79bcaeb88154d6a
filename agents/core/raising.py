"""What makes a call riskier than its tool: where its data came from, and how often it came. Pure.

Rules never change a risk; these raise the *judged* risk of one call, and say so in its rule. An
agent's settings hold what applies, under ``gate``: ``taint`` (on unless false), ``untrusted`` and
``sends`` (patterns of tools, beside those that say of themselves that they deal with the world
outside), ``cumulative`` (off unless set: true, or how many calls of each risk).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agents.core import events
from agents.core.risk import Effect, Judgement, Risk, Verdict, matches
from agents.core.state import State

CUMULATIVE: Mapping[str, int] = {"low": 20, "medium": 5}  # guards.md 5.3


def raised(
    judged: Judgement,
    state: State,
    tool: str,
    max_auto_risk: Risk,
    before: Iterable[events.Fact] = (),
) -> Judgement:
    """``judged`` with the risk that the session so far gives the call; ``before`` are the facts
    of its turn that come before it."""
    reasons = [_tainted(judged, state, tool), _cumulative(judged, state, before)]
    found = [reason for reason in reasons if reason]
    if not found:
        return judged
    risk = max(risk for risk, _ in found)
    because = " and ".join(why for _, why in found)
    asks = judged.verdict is Verdict.ALLOW and judged.compared and risk > max_auto_risk
    return replace(
        judged,
        verdict=Verdict.ASK if asks else judged.verdict,
        risk=risk,
        base=judged.risk,
        rule=f"{judged.rule}; judged {risk.name}: {because}",
    )


def untrusted(state: State, tool: str) -> bool:
    """Whether nobody vouches for what this tool returns."""
    return bool(_gate(state).get("taint", True)) and _deals(state, tool, "untrusted")


def tallied(tally: Mapping[str, int], fact: events.Fact) -> Mapping[str, int]:
    """How many calls that change something came since a person last approved one, by risk."""
    if not isinstance(fact, events.ToolCall) or fact.verdict not in ("allow", "ask"):
        return tally
    if fact.effect == Effect.READ:
        return tally
    risk = fact.base or fact.risk
    return {**tally, risk: tally.get(risk, 0) + 1}


def _tainted(judged: Judgement, state: State, tool: str) -> tuple[Risk, str] | None:
    if not state.tainted_by or judged.risk >= Risk.MEDIUM:
        return None
    listed = any(matches(pattern, tool) for pattern in _gate(state).get("sends", ()))
    outside = judged.effect is not Effect.READ and _deals(state, tool, "sends")
    if not (listed or outside):
        return None
    return Risk.MEDIUM, f"{state.tainted_by} returned untrusted content and {tool} sends data out"


def _cumulative(
    judged: Judgement, state: State, before: Iterable[events.Fact]
) -> tuple[Risk, str] | None:
    limit = _limits(state).get(judged.risk.word, 0)
    if not limit or judged.effect is Effect.READ or judged.risk is Risk.HIGH:
        return None
    tally = state.tally
    for fact in before:
        tally = tallied(tally, fact)
    count = tally.get(judged.risk.word, 0) + 1
    if count < limit:
        return None
    return Risk(judged.risk + 1), f"{count} {judged.risk.name} calls since a person looked"


def _limits(state: State) -> Mapping[str, int]:
    chosen = _gate(state).get("cumulative")
    if chosen is True:
        return CUMULATIVE
    return chosen if isinstance(chosen, Mapping) else {}


def _deals(state: State, tool: str, way: str) -> bool:
    """``way``: untrusted, if data comes in from outside; sends, if it goes out."""
    outside = state.started.outside if state.started else ()
    return tool in outside or any(matches(one, tool) for one in _gate(state).get(way, ()))


def _gate(state: State) -> Mapping[str, Any]:
    chosen = state.setting("gate")
    return chosen if isinstance(chosen, Mapping) else {}
