"""What the API takes and gives."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from ninja import Field, Schema
from pydantic import ConfigDict

from agents.core.risk import Effect
from agents.models import Approval, Event, Outcome, Session, Tool
from agents.starting import MAX_TASK

RiskWord: TypeAlias = Literal["safe", "low", "medium", "high"]
Status = Session.Status
ApprovalState = Approval.State
OutcomeState = Outcome.State


class Problem(Schema):
    code: str
    message: str


class Refusal(Schema):
    error: Problem


REFUSALS: dict[Any, Any] = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 500, 503), Refusal)


class Given(Schema):
    """A request's body: nothing unknown, nothing bent into another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NewSession(Given):
    agent: str = Field(min_length=1, max_length=64)
    task: str = Field(min_length=1, max_length=MAX_TASK)
    limits: dict[str, Any] | None = None


class Reason(Given):
    reason: Annotated[str, Field(max_length=2_000)] = ""


class Stop(Reason):
    kill: bool = False


class Text(Given):
    text: str = Field(min_length=1, max_length=20_000)


class Limits(Reason):
    limits: dict[str, Any]


class Answer(Reason):
    answer: Literal["go_on", "wrap_up", "lift_block"] = "go_on"


class Decision(Given):
    decision: Literal["approve", "deny"]
    digest: str = Field(min_length=1, max_length=64)
    reason: Annotated[str, Field(max_length=2_000)] = ""
    arguments: dict[str, Any] | None = None


class Settlement(Given):
    decision: Literal["happened", "not_happened", "abandoned"]
    result: Annotated[str, Field(max_length=20_000)] = ""
    reason: Annotated[str, Field(max_length=2_000)] = ""


class ToolChange(Given):
    risk: RiskWord | None = None
    effect: Literal["read", "keyed", "probed", "irreversible"] | None = None
    approvals: int | None = None
    starter_may_decide: bool | None = None
    timeout: float | None = None
    pollable: bool | None = None
    reviewed: bool | None = None
    enabled: bool | None = None
    title: str | None = None  # of its calls, e.g. Run SQL on {database}; empty: from the name
    reason: str = ""  # kept in the change log


class SessionError(Schema):
    error_class: str
    message: str


class SessionOut(Schema):
    id: str
    status: Status
    agent: str
    task: str
    title: str
    model: str
    result: str
    error: SessionError | None
    asking: str
    steps: int
    tokens: int
    cost: float | None
    limits: dict[str, Any]
    last_seq: int
    created_at: datetime
    ended_at: datetime | None
    resume_at: datetime | None
    started_by: str | None


class EventOut(Schema):
    seq: int
    step: int
    kind: str
    data: dict[str, Any]
    at: datetime
    actor: str
    digest: str


class VoteOut(Schema):
    by: str
    decision: str
    at: datetime


class ApprovalOut(Schema):
    id: str
    session: str
    call_id: str
    tool: str
    arguments: dict[str, Any]
    digest: str
    risk: str
    reason: str
    rule: str
    status: ApprovalState
    decide_by: datetime
    votes: list[VoteOut]
    required: int
    requested_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    decision_reason: str


class OutcomeOut(Schema):
    id: str
    session: str
    call_id: str
    tool: str
    arguments: dict[str, Any]
    idempotency_key: str
    started_at: datetime
    evidence: str
    status: OutcomeState
    settled_at: datetime | None
    settled_by: str | None
    result: str
    reason: str


class ToolOut(Schema):
    name: str
    risk: str
    effect: Effect
    approvals: int
    starter_may_decide: bool
    timeout: float
    pollable: bool
    reviewed: bool
    enabled: bool
    title: str
    server: str
    description: str


class StoppedOut(Schema):
    stopped: int


def session(row: Session) -> SessionOut:
    error = SessionError(error_class=row.error_class, message=row.error)
    return SessionOut(
        id=str(row.uuid),
        status=Status(row.status),
        agent=row.agent,
        task=row.task,
        title=row.title,
        model=row.model,
        result=row.result,
        error=error if row.error_class else None,
        asking=row.asking,
        steps=row.steps,
        tokens=row.tokens,
        cost=None if row.cost is None else float(row.cost),
        limits=row.limits,
        last_seq=row.last_seq,
        created_at=row.created_at,
        ended_at=row.ended_at,
        resume_at=row.resume_at,
        started_by=row.started_by.get_username() if row.started_by else None,
    )


def event(row: Event) -> EventOut:
    return EventOut(
        seq=row.seq,
        step=row.step,
        kind=row.kind,
        data=json.loads(row.text),
        at=row.at,
        actor=row.actor,
        digest=row.digest,
    )


def approval(row: Approval) -> ApprovalOut:
    votes = [
        VoteOut(by=vote.user.get_username(), decision=vote.decision, at=vote.at)
        for vote in row.ballots.all()
    ]
    return ApprovalOut(
        id=str(row.uuid),
        session=str(row.session.uuid),
        call_id=row.call_id,
        tool=row.tool,
        arguments=json.loads(row.arguments),
        digest=row.digest,
        risk=row.risk,
        reason=row.reason,
        rule=row.rule,
        status=ApprovalState(row.state),
        decide_by=row.decide_by,
        votes=votes,
        required=row.required,
        requested_at=row.requested_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by.get_username() if row.decided_by else None,
        decision_reason=row.decision_reason,
    )


def outcome(row: Outcome) -> OutcomeOut:
    return OutcomeOut(
        id=str(row.uuid),
        session=str(row.session.uuid),
        call_id=row.call_id,
        tool=row.tool,
        arguments=json.loads(row.arguments),
        idempotency_key=row.idempotency_key,
        started_at=row.started_at,
        evidence=row.evidence,
        status=OutcomeState(row.state),
        settled_at=row.settled_at,
        settled_by=row.settled_by.get_username() if row.settled_by else None,
        result=row.result,
        reason=row.reason,
    )


def tool(row: Tool) -> ToolOut:
    return ToolOut(
        name=row.name,
        risk=row.risk,
        effect=Effect(row.effect),
        approvals=row.approvals,
        starter_may_decide=row.starter_may_decide,
        timeout=row.timeout,
        pollable=row.pollable,
        reviewed=row.reviewed,
        enabled=row.enabled,
        title=row.title,
        server=row.server,
        description=row.description,
    )
