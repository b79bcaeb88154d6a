"""Why a person's act was refused: exceptions with a sentence for the person."""

from __future__ import annotations

from agents.journal import FateUnknown, Refused
from agents.models import Approval

__all__ = ["Conflict", "FateUnknown", "Invalid", "Missing", "NotAllowed", "Problem", "Refused"]


class Problem(Refused):
    """``message`` is the truth to show."""

    def __init__(self, message: str, approval: Approval | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.approval = approval


class NotAllowed(Problem):
    """This person may not do this."""


class Conflict(Problem):
    """Somebody or something came first; ``approval`` is the row as it is now."""


class Invalid(Problem):
    """What was sent makes no sense."""


class Missing(Problem):
    """There is no such thing, or this person may not know of it."""
