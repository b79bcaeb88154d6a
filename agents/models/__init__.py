"""Every table. Sessions, approvals and outcomes are projections of the log; events are the log."""

from __future__ import annotations

from agents.models.alerts import Alert, AlertRule, AlertTarget, Delivery, Occurrence
from agents.models.artifacts import Artifact
from agents.models.catalogue import (
    EFFECTS,
    RISKS,
    AgentDefinition,
    Catalogue,
    GateRule,
    McpServer,
    ModelPrice,
    Tool,
)
from agents.models.decisions import Approval, Grant, LateEvidence, Look, Outcome, Vote
from agents.models.endpoints import Breaker, BreakerChange, Provider
from agents.models.insights import (
    Anomaly,
    DayFigure,
    Habit,
    Incident,
    RollupState,
    ToolUse,
    TurnUse,
)
from agents.models.people import ApiToken, Pin, Preference, RoleAssignment, SignIn, SignInLink
from agents.models.policy import PolicyChange
from agents.models.sessions import Event, ReadOnly, Session
from agents.models.slots import Served, Slots
from agents.models.spending import Cap, DaySpend
from agents.models.workers import Worker

__all__ = [
    "EFFECTS",
    "RISKS",
    "AgentDefinition",
    "Alert",
    "AlertRule",
    "AlertTarget",
    "Anomaly",
    "ApiToken",
    "Approval",
    "Artifact",
    "Breaker",
    "BreakerChange",
    "Cap",
    "Catalogue",
    "DayFigure",
    "DaySpend",
    "Delivery",
    "Event",
    "GateRule",
    "Grant",
    "Habit",
    "Incident",
    "LateEvidence",
    "Look",
    "McpServer",
    "ModelPrice",
    "Occurrence",
    "Outcome",
    "Pin",
    "PolicyChange",
    "Preference",
    "Provider",
    "ReadOnly",
    "RoleAssignment",
    "RollupState",
    "Served",
    "Session",
    "SignIn",
    "SignInLink",
    "Slots",
    "Tool",
    "ToolUse",
    "TurnUse",
    "Vote",
    "Worker",
]
