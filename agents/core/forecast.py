"""What an edit of the risk map would have changed over calls that were made. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from agents.core.risk import Judgement, Risk, RiskMap, Verdict


@dataclass(frozen=True, slots=True)
class Past:
    """A call that was made, or ``count`` of them that no rule could tell apart."""

    agent: str
    tool: str
    max_auto_risk: Risk
    arguments: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    denied: int = 0  # how many of them people denied


@dataclass(frozen=True, slots=True)
class Forecast:
    """Counts of calls, under the edited map against the map as it stands."""

    calls: int = 0
    unasked: int = 0  # would have run without asking
    unasked_denied: int = 0  # of these, denied by people
    asked: int = 0  # would have waited for people
    refused: int = 0  # would have been forbidden
    permitted: int = 0  # would no longer have been forbidden
    more_people: int = 0
    fewer_people: int = 0

    @property
    def changed(self) -> int:
        others = self.more_people + self.fewer_people
        return self.unasked + self.asked + self.refused + self.permitted + others


def forecast(before: RiskMap, after: RiskMap, calls: Iterable[Past]) -> Forecast:
    """Judge every call under both maps and count what differs."""
    counts = dict.fromkeys((one.name for one in fields(Forecast)), 0)
    maps = _Narrowed(before), _Narrowed(after)
    for call in calls:
        counts["calls"] += call.count
        old, new = (one.judge(call) for one in maps)
        _count(counts, call, old, new)
    return Forecast(**counts)


def _count(counts: dict[str, int], call: Past, old: Judgement, new: Judgement) -> None:
    if old.verdict is not new.verdict:
        if old.verdict is Verdict.DENY:
            counts["permitted"] += call.count
        if new.verdict is Verdict.ALLOW:
            counts["unasked"] += call.count * (old.verdict is Verdict.ASK)
            counts["unasked_denied"] += call.denied * (old.verdict is Verdict.ASK)
        elif new.verdict is Verdict.DENY:
            counts["refused"] += call.count
        else:
            counts["asked"] += call.count * (old.verdict is Verdict.ALLOW)
    elif new.verdict is Verdict.ASK and new.required != old.required:
        counts["more_people" if new.required > old.required else "fewer_people"] += call.count


class _Narrowed:
    """A map that looks only at the rules which can hold for an agent's calls of a tool."""

    def __init__(self, whole: RiskMap) -> None:
        self.narrow = cache(whole.narrowed)

    def judge(self, call: Past) -> Judgement:
        return self.narrow(call.agent, call.tool).judge(
            call.agent, call.tool, call.arguments, call.max_auto_risk
        )
