"""What changes of the risk map would have changed over the last thirty days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agents.catalogue import risk_map
from agents.core.forecast import Forecast, forecast
from agents.core.risk import matches
from agents.models import GateRule, PolicyChange, Tool
from agents.riskmap.calls import DAYS, recorded
from agents.riskmap.changes import Change
from agents.riskmap.wording import forecast_words

Subject = PolicyChange.Subject
Rows = tuple[list[Tool], list[GateRule]]


@dataclass(frozen=True, slots=True)
class Outlook:
    """One change, and what it would have done."""

    change: Change
    figures: Forecast
    sampled: bool  # there were more calls than were looked at

    @property
    def sentences(self) -> list[str]:
        return forecast_words(self.stored())

    def stored(self) -> dict[str, Any]:
        """For the history."""
        return {**asdict(self.figures), "days": DAYS, "sampled": self.sampled}


def outlook(change: Change) -> Outlook:
    """Judge the recorded calls by the map as it stands and by the edited one."""
    return outlooks([change])[0]


def outlooks(changes: Sequence[Change]) -> list[Outlook]:
    """Each change's own share of what all of them together would have done.

    The calls are read once: a server's review changes many tools.
    """
    tools, rules = list(Tool.objects.all()), list(GateRule.objects.all())
    before = risk_map(tools, rules)
    concerned = [frozenset(_affected(change, tools)) for change in changes]
    edited: Rows = (tools, rules)
    for change in changes:
        edited = _edited(change, *edited)
    after = risk_map(*edited)
    made = recorded(sorted(frozenset().union(*concerned)), (before, after))
    return [
        Outlook(
            change,
            forecast(before, after, [call for call in made.calls if call.tool in names]),
            made.sampled,
        )
        for change, names in zip(changes, concerned, strict=True)
    ]


def _affected(change: Change, tools: Sequence[Tool]) -> list[str]:
    if change.subject == Subject.TOOL:
        return [change.name] if change.judges else []
    patterns = {side["tool"] for side in (change.before, change.after) if side}
    return [tool.name for tool in tools if any(matches(one, tool.name) for one in patterns)]


def _edited(change: Change, tools: Sequence[Tool], rules: Sequence[GateRule]) -> Rows:
    if change.subject == Subject.TOOL:
        others = [tool for tool in tools if tool.name != change.name]
        return [*others, *_row(Tool, change)], list(rules)
    left = [rule for rule in rules if rule.name != change.name]
    return list(tools), [*left, *_row(GateRule, change)]


def _row(model: Any, change: Change) -> list[Any]:
    name = change.renamed or change.name
    return [] if change.after is None else [model(name=name, **change.after)]
