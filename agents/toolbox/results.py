"""What the calls of a record returned, to be given again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.core import canonical, events
from agents.core.events import Record


@dataclass(slots=True)
class Results:
    """What each call returned, in the order of the record."""

    found: dict[str, list[events.ToolResult]] = field(default_factory=dict)
    played: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, log: Iterable[Record]) -> Results:
        results, asked = cls(), {}
        for record in log:
            match record.fact:
                case events.ToolStarted() as started:
                    asked[record.step, started.call_id] = key(started.tool, started.arguments)
                case events.ToolResult(executed=True) as result:
                    if call := asked.get((record.step, result.call_id)):
                        results.found.setdefault(call, []).append(result)
        return results

    def skip(self, log: Iterable[Record]) -> None:
        """Count what an earlier driver has played already."""
        for record in log:
            if isinstance(record.fact, events.ToolStarted) and record.fact.attempt == 1:
                self.played[key(record.fact.tool, record.fact.arguments)] += 1

    def next(self, name: str, arguments: Mapping[str, Any]) -> events.ToolResult | None:
        """The result of the same call, as often as it was recorded, then its last again."""
        call = key(name, arguments)
        results = self.found.get(call)
        if not results:
            return None
        at = min(self.played[call], len(results) - 1)
        self.played[call] += 1
        return results[at]


def key(name: str, arguments: Mapping[str, Any]) -> str:
    return canonical.digest({"tool": name, "arguments": arguments})
