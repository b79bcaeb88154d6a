"""Circuit breakers as the loop sees them: ask before a call, tell what came of it."""

from __future__ import annotations

from typing import Protocol

from agents.core.tools import ToolError, ToolOutput, ToolTimeout


class TemporarilyUnavailable(ToolError):
    """Nobody asked the tool: it has failed so often that it is left alone for a while."""

    error_class = "temporarily_unavailable"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, effects=False, retry_after=retry_after)


class Trial(Protocol):
    """One call that was let through."""

    async def ended(self, outcome: ToolOutput | ToolError | None) -> None:
        """Tell what came of it; None if it was never made or is not known."""
        ...


class Breakers(Protocol):
    async def enter(self, tool: str, server: str) -> Trial:
        """Let a call through. Raises ``TemporarilyUnavailable`` while a breaker is open."""
        ...


class AlwaysClosed:
    """No breakers."""

    async def enter(self, tool: str, server: str) -> Trial:
        return self

    async def ended(self, outcome: ToolOutput | ToolError | None) -> None:
        return


def counts(outcome: object, *, server: bool) -> bool:
    """Whether an outcome speaks against the tool, or against the server it comes from.

    Only what a healthy tool would not have done counts: timeouts, unavailability, rate limits. One
    tool's timeout says nothing of its server's other tools.
    """
    if not isinstance(outcome, ToolError) or not outcome.transient:
        return False
    return not (server and isinstance(outcome, ToolTimeout))
