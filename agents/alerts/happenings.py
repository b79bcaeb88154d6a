"""What may become an alert: facts of the log, and what the engine sees beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from agents.core import canonical, events
from agents.core.events import Record
from agents.models import AlertRule, Approval

Trigger = AlertRule.Trigger

MAX_PRIVATE = 2_000  # characters of arguments or of an error's words


@dataclass(frozen=True, slots=True)
class Happening:
    """``details`` may always be told; ``private`` only where a rule includes arguments."""

    trigger: Trigger
    subject: str  # noted once per rule
    path: str  # of the page that it links to
    at: datetime = field(default_factory=timezone.now)
    session: int | None = None
    session_uuid: str = ""
    agent: str = ""
    risk: str = ""  # a call's; empty where there is none
    error_class: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict)


# The kinds of fact that ``of`` is asked about; looked up once per event, so by type alone.
WATCHED: Mapping[type[events.Fact], Trigger] = {
    events.Error: Trigger.SESSION_FAILED,
    events.TurnDiscarded: Trigger.SESSION_REFUSED,
    events.LoopDetected: Trigger.LOOP_ASKED,
    events.BudgetReached: Trigger.BUDGET_REACHED,
    events.ApprovalRequested: Trigger.APPROVAL_REQUESTED,
    events.OutcomeUnknown: Trigger.OUTCOME_UNKNOWN,
}


def of(record: Record, session: int, agent: str) -> Happening | None:
    """What this fact means to rules, if anything."""
    fact = record.fact
    page = f"/sessions/{record.session}/"
    told: dict[str, Any] = {"path": f"{page}#e-{record.seq}"}
    match fact:
        case events.Error():
            told["error_class"] = fact.error_class
            told["details"] = {"error_class": fact.error_class}
            told["private"] = {"message": _clip(fact.message)}
        case events.TurnDiscarded(reason="refusal"):
            told["error_class"] = "refusal"
            told["private"] = {"message": _clip(fact.message)}
        case events.LoopDetected(rung="ask" | "wrap_up"):
            told["error_class"] = fact.rule
            told["details"] = {"rule": fact.rule, "rung": fact.rung}
        case events.BudgetReached():
            told["error_class"] = fact.dimension
            reached = {"dimension": fact.dimension, "used": fact.used, "limit": fact.limit}
            told["details"] = {**reached, "day": fact.day}
        case events.ApprovalRequested():
            told["path"] = f"/approvals/{fact.approval_id}/"
            told["risk"] = fact.risk
            told["details"] = {"tool": fact.tool, "risk": fact.risk, "decide_by": fact.decide_by}
            told["private"] = {"arguments": arguments(fact.arguments)}
        case events.OutcomeUnknown():
            told["path"] = f"/approvals/outcomes/{fact.outcome_id}/"
            told["details"] = {"tool": fact.tool}
            told["private"] = {"arguments": arguments(fact.arguments)}
        case _:
            return None
    return Happening(
        trigger=WATCHED[type(fact)],
        subject=f"{record.session}:{record.seq}",
        at=record.at,
        session=session,
        session_uuid=record.session,
        agent=agent,
        **told,
    )


def still_waiting(approval: Approval) -> Happening:
    """A call that nobody has decided for as long as a rule allows."""
    session = approval.session
    return Happening(
        trigger=Trigger.APPROVAL_WAITING,
        subject=waiting_subject(approval.uuid),
        path=f"/approvals/{approval.uuid}/",
        session=session.pk,
        session_uuid=str(session.uuid),
        agent=session.agent,
        risk=approval.risk,
        details={
            "tool": approval.tool,
            "risk": approval.risk,
            "requested_at": events.timestamp(approval.requested_at),
            "decide_by": events.timestamp(approval.decide_by),
        },
        private={"arguments": _clip(approval.arguments)},
    )


def waiting_subject(approval: UUID) -> str:
    return f"approval:{approval}"


def worker_lost(name: str, sessions: int) -> Happening:
    """A process died, or was cut off, while it drove sessions."""
    return Happening(
        trigger=Trigger.WORKER_GONE,
        subject=f"worker:{name}",
        path="/sessions/",
        details={"worker": name, "sessions": sessions},
    )


def anomaly_found(
    digest: str,
    said: str,
    session: int,
    session_uuid: str,
    agent: str,
    place: str,
    host: str = "",
) -> Happening:
    """Something unusual: ``said`` is the sentence, ``place`` the event in the session's page,
    ``host`` the one in a call's arguments that it is about."""
    return Happening(
        trigger=Trigger.ANOMALY,
        subject=f"anomaly:{digest}",
        path=f"/sessions/{session_uuid}/{place}",
        session=session,
        session_uuid=session_uuid,
        agent=agent,
        details={"said": _clip(said)},
        private={"host": _clip(host)} if host else {},
    )


def breaker_opened(name: str, opening: str, message: str = "") -> Happening:
    """Calls to ``name`` (a tool, server or model) fail so often that they are stopped for now.

    ``opening`` tells this opening from the next one of the same breaker, e.g. its time.
    """
    return Happening(
        trigger=Trigger.BREAKER_OPEN,
        subject=f"breaker:{name[:100]}:{opening}"[:160],
        path="/sessions/",
        error_class=name[:100],
        details={"name": name[:128]},
        private={"message": _clip(message)} if message else {},
    )


def arguments(value: Mapping[str, Any]) -> str:
    return _clip(canonical.sorted_text(value))


def _clip(text: str) -> str:
    text = canonical.clean_text(text)
    return text if len(text) <= MAX_PRIVATE else text[: MAX_PRIVATE - 1] + "…"
