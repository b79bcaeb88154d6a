"""Every kind of fact, and a record: a fact in its place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from agents.core.events.bounds import Complete, Error, SessionStarted, Stopped
from agents.core.events.calls import (
    OutcomeSettled,
    OutcomeUnknown,
    ToolCall,
    ToolResult,
    ToolRetried,
    ToolStarted,
)
from agents.core.events.decisions import (
    ApprovalDecided,
    ApprovalRaised,
    ApprovalRequested,
    GrantGiven,
    GrantRevoked,
    VoteCast,
    VoteWithdrawn,
)
from agents.core.events.guards import BudgetReached, BudgetWarned, LoopDetected
from agents.core.events.people import LimitsChanged, Message, Paused, Resumed, StopRequested
from agents.core.events.turns import ContextCompacted, ModelRetried, Thinking, TurnDiscarded

Fact: TypeAlias = (
    SessionStarted
    | Thinking
    | ToolCall
    | ApprovalRequested
    | VoteCast
    | VoteWithdrawn
    | ApprovalRaised
    | ApprovalDecided
    | GrantGiven
    | GrantRevoked
    | ToolStarted
    | ToolRetried
    | ToolResult
    | ModelRetried
    | TurnDiscarded
    | OutcomeUnknown
    | OutcomeSettled
    | ContextCompacted
    | LoopDetected
    | BudgetWarned
    | BudgetReached
    | Message
    | Paused
    | Resumed
    | StopRequested
    | Stopped
    | LimitsChanged
    | Complete
    | Error
)
KINDS: dict[str, type[Fact]] = {fact.kind: fact for fact in Fact.__args__}
ENDINGS = (Complete, Error, Stopped)


@dataclass(frozen=True, slots=True)
class Record:
    """A fact in its place in a session's log."""

    session: str  # the session's UUID
    seq: int  # gap-free from 1
    step: int  # 0 before the first model turn
    fact: Fact
    at: datetime  # UTC
    actor: str  # model, runtime, human:<id> or policy:<id>
    term: int
    digest: str

    @property
    def kind(self) -> str:
        return self.fact.kind
