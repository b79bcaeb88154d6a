"""The vocabulary: one frozen dataclass per fact.

Facts are in the past tense and never change. ``data`` of the stored event is the dataclass's
fields in their order, those that are None left out; ``VERSION`` rises when a field changes its
meaning, and ``decode`` upcasts what older versions wrote.
"""

from __future__ import annotations

from agents.core.canonical import JsonObject
from agents.core.events.bounds import Complete, Error, SessionStarted, Stopped
from agents.core.events.calls import (
    OutcomeSettled,
    OutcomeUnknown,
    ToolCall,
    ToolResult,
    ToolRetried,
    ToolStarted,
)
from agents.core.events.codec import (
    MAX_TEXT,
    VERSION,
    TooLarge,
    UnknownKind,
    bounded,
    data,
    decode,
    encode,
    link,
    parse_text,
    timestamp,
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
from agents.core.events.vocabulary import ENDINGS, KINDS, Fact, Record

__all__ = [
    "ENDINGS",
    "KINDS",
    "MAX_TEXT",
    "VERSION",
    "ApprovalDecided",
    "ApprovalRaised",
    "ApprovalRequested",
    "BudgetReached",
    "BudgetWarned",
    "Complete",
    "ContextCompacted",
    "Error",
    "Fact",
    "GrantGiven",
    "GrantRevoked",
    "JsonObject",
    "LimitsChanged",
    "LoopDetected",
    "Message",
    "ModelRetried",
    "OutcomeSettled",
    "OutcomeUnknown",
    "Paused",
    "Record",
    "Resumed",
    "SessionStarted",
    "StopRequested",
    "Stopped",
    "Thinking",
    "TooLarge",
    "ToolCall",
    "ToolResult",
    "ToolRetried",
    "ToolStarted",
    "TurnDiscarded",
    "UnknownKind",
    "VoteCast",
    "VoteWithdrawn",
    "bounded",
    "data",
    "decode",
    "encode",
    "link",
    "parse_text",
    "timestamp",
]
