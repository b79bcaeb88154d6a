"""What a session's hands need of the engine: a gate, and a log that claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.core import events, turn
from agents.core.loop import Log as LoopLog
from agents.core.state import Call, State


@dataclass(frozen=True, slots=True)
class Judged:
    """What the gate says of one turn's calls, and under which version of the catalogue."""

    facts: tuple[events.Fact, ...]
    version: int | None  # None: the catalogue has no say


class Gate(Protocol):
    async def judge(self, state: State, calls: Sequence[turn.Proposed], reason: str) -> Judged:
        """For each call a ``tool_call``, and what follows at once: a result where nobody is
        asked, an ``approval_requested`` where somebody is."""
        ...

    async def refresh(self) -> None:
        """Read the catalogue again."""
        ...

    def again(self, state: State, call: Call) -> Judged:
        """For a call that must be asked about anew: the request, or the result where the
        catalogue forbids it by now."""
        ...

    def still(self, state: State, call: Call) -> Judged:
        """What stands in the way of a call that was let through under another version of the
        catalogue, or of its next attempt: no fact, if nothing does."""
        ...

    def digest(self, state: State, call: Call, definition: str) -> str:
        """What an approval of this call binds."""
        ...


class Log(LoopLog, Protocol):
    async def record(
        self, *facts: events.Fact, seen: int | None = None, catalogue: int | None = None
    ) -> None:
        """With ``catalogue``, raises ``Moved`` if the catalogue has another version."""
        ...

    async def claim(
        self, fact: events.ToolStarted, seen: int, catalogue: int | None = None
    ) -> bool:
        """Record the intent, consuming the approval, unless a stop, a pause, a decision or a new
        term came after ``seen``. False means: do not act. With ``catalogue``, raises ``Moved`` if
        the catalogue has another version."""
        ...

    def holds(self) -> bool:
        """Whether the lease is certain to hold still, by this process's own clock."""
        ...

    async def late(self, call_id: str, text: str) -> None:
        """Keep what was learned after the lease was lost."""
        ...

    def ghost(self, step: int, kind: str, text: str) -> None:
        """Show viewers the turn in progress; lossy, and not a fact."""
        ...


async def no_cap(state: State) -> events.BudgetReached | None:
    """All sessions together may spend what they like."""
    return None
