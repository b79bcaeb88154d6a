"""Which facts of a log are trouble: what the filter for errors shows and counts. Pure.

What people or a policy decided is none: a denial, an expiry and a stop are what was wanted.
"""

from __future__ import annotations

from agents.core import events
from agents.core.events import Fact


def is_trouble(fact: Fact) -> bool:
    match fact:
        case events.ToolCall(verdict=verdict):
            return verdict == "invalid"
        case events.ToolResult(ok=ok, executed=executed):
            return executed and not ok
        case events.ToolRetried() | events.ModelRetried() | events.TurnDiscarded():
            return True
        case events.OutcomeUnknown() | events.BudgetReached() | events.Error():
            return True
        case _:
            return False
