"""What people are asked about calls, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.core.canonical import JsonObject


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    kind: ClassVar[str] = "approval_requested"
    approval_id: str
    call_id: str
    tool: str
    arguments: JsonObject
    digest: str
    decide_by: str
    required: int
    risk: str
    rule: str
    reason: str = ""  # the agent's own words; may be wrong or manipulated
    definition: str = ""  # digest of the tool's definition
    generation: int = 0  # rises when the call is asked again
    effect: str = ""  # as the catalogue has it now, where the call was judged anew
    title: str = ""  # as in ``ToolCall``


@dataclass(frozen=True, slots=True)
class VoteCast:
    """One of several people needed has approved; the last vote is an ``approval_decided``."""

    kind: ClassVar[str] = "vote_cast"
    approval_id: str
    call_id: str
    by: str
    decision: str
    reason: str
    digest: str
    votes: int = 1
    required: int = 1
    arguments: JsonObject | None = None  # if edited: what everyone approves from now on


@dataclass(frozen=True, slots=True)
class VoteWithdrawn:
    kind: ClassVar[str] = "vote_withdrawn"
    approval_id: str
    call_id: str
    by: str
    reason: str = ""
    reopened: bool = False  # the call was approved; it waits for people again


@dataclass(frozen=True, slots=True)
class ApprovalRaised:
    """The risk map was edited while the call waits: it needs more people than it asked for."""

    kind: ClassVar[str] = "approval_raised"
    approval_id: str
    call_id: str
    required: int
    before: int  # how many it asked for until now
    rule: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalDecided:
    """``decision``: approved, denied, answered, expired, invalidated, revoked or cancelled."""

    kind: ClassVar[str] = "approval_decided"
    approval_id: str
    call_id: str
    decision: str
    by: str
    reason: str
    digest: str
    arguments: JsonObject | None = None  # if edited: what will run instead
    waited_ms: int = 0
    held_until: str | None = None  # it takes effect then; until then it can be undone


@dataclass(frozen=True, slots=True)
class GrantGiven:
    """From here on, calls of ``tool`` in this session need not ask, up to ``risk``."""

    kind: ClassVar[str] = "grant_given"
    grant_id: str
    by: str
    tool: str
    risk: str  # the highest that it covers; never HIGH
    arguments: JsonObject | None = None  # only these; None: any
    until: str | None = None  # None: to the session's end
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GrantRevoked:
    kind: ClassVar[str] = "grant_revoked"
    grant_id: str
    by: str
    tool: str
    reason: str = ""
