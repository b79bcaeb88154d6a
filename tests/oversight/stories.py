"""Sessions with a past, written straight into the tables: the shortest way to a page."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from agents.core import canonical, events
from agents.core.events import Fact, Record
from agents.models import Approval, Event, Session
from agents.projections import Writes, project

TASK = "Refund the duplicate charge of A. Lindqvist and tell her."
Told = tuple[float, int, Fact]  # seconds since the start, step, fact


@transaction.atomic  # as an append is: a process that serves meanwhile sees all of it or nothing
def tell(told: Iterable[Told], by: User | None = None, **fields: Any) -> Session:
    """A session whose log is ``told``, with its projections."""
    start = fields.pop("start", datetime.now(UTC) - timedelta(minutes=12))
    known = {"agent": "assistant", "title": TASK, "task": TASK, "model": "claude-sonnet-5-5"}
    session = Session.objects.create(**{**known, **fields}, started_by=by)
    Session.objects.filter(pk=session.pk).update(created_at=start)
    session.created_at = start
    add(session, told)
    return session


@transaction.atomic
def add(session: Session, told: Iterable[Told]) -> None:
    writes = Writes()
    stored = []
    for seconds, step, fact in told:
        session.last_seq += 1
        at = session.created_at + timedelta(seconds=seconds)
        actor = f"human:{session.started_by_id}" if hasattr(fact, "by") else "runtime"
        digest = canonical.sha256(f"{session.uuid} {session.last_seq}")
        record = Record(str(session.uuid), session.last_seq, step, fact, at, actor, 1, digest)
        stored.append(_event(session, record))
        project(session, record, writes)
    Event.objects.bulk_create(stored, batch_size=500)
    session.save()
    writes.save()


def _event(session: Session, record: Record) -> Event:
    text = events.encode(record.fact)
    fields = {"step": record.step, "kind": record.kind, "text": text, "at": record.at}
    return Event(
        session=session, seq=record.seq, actor=record.actor, term=1, digest=record.digest, **fields
    )


def started(**fields: Any) -> Fact:
    known: dict[str, Any] = {
        "agent": "assistant",
        "task": TASK,
        "model": "claude-sonnet-5-5",
        "limits": {"steps": 50, "tokens": 2_000_000, "usd": 4},
        "tools": [
            {"name": name, "description": name, "input_schema": {"type": "object"}}
            for name in ("process_payment", "read_file")
        ],
        "system": [{"type": "text", "text": "Be careful."}],
        "max_auto_risk": "low",
        "max_tokens": 8000,
        "window": 200_000,
        "by": "Olu Bello",
    }
    return events.SessionStarted(**{**known, **fields})


def turn(text: str, thought: str = "", **fields: Any) -> Fact:
    blocks = [{"type": "thinking", "thinking": thought}] if thought else []
    known: dict[str, Any] = {
        "content": [*blocks, {"type": "text", "text": text}],
        "text": text,
        "usage": {"input_tokens": 5100, "output_tokens": 320},
        "stop_reason": "tool_use",
        "model": "claude-sonnet-5-5",
        "duration_ms": 3800,
        "read_upto": 1,
        "cost": 0.041,
    }
    return events.Thinking(**{**known, **fields})


def call(tool: str, risk: str = "safe", verdict: str = "allow", **arguments: Any) -> Fact:
    return events.ToolCall(
        call_id=f"call-{tool}",
        tool=tool,
        arguments=arguments,
        risk=risk,
        verdict=verdict,
        rule=f"{tool} is {risk.upper()}",
    )


def result(tool: str, content: str, ok: bool = True, ms: int = 900, **fields: Any) -> Fact:
    return events.ToolResult(f"call-{tool}", tool, ok, content, duration_ms=ms, **fields)


WHY = "The customer was charged twice on 14 November. I want to pay one of them back."


def asked(
    tool: str,
    risk: str = "medium",
    required: int = 1,
    why: str = WHY,
    minutes: float = 9,
    **arguments: Any,
) -> Fact:
    late = datetime.now(UTC) + timedelta(minutes=minutes)
    return events.ApprovalRequested(
        approval_id=str(uuid.uuid4()),
        call_id=f"call-{tool}",
        tool=tool,
        arguments=arguments,
        digest=canonical.digest(arguments),
        decide_by=late.isoformat(),
        required=required,
        risk=risk,
        rule=f"{tool} is {risk.upper()}; only {'SAFE' if risk == 'low' else 'LOW'} runs unasked",
        reason=why,
    )


def decided(request: Fact, decision: str = "approved", by: str = "Ann Lee") -> Fact:
    assert isinstance(request, events.ApprovalRequested)
    late = decision == "expired"  # nobody's doing
    return events.ApprovalDecided(
        request.approval_id,
        request.call_id,
        decision,
        "" if late else by,
        "" if late else "Checked with the bank.",
        request.digest,
        waited_ms=22_000,
    )


def waiting(
    by: User | None = None, risk: str = "medium", required: int = 1, **more: Any
) -> Approval:
    """A session that waits for one approval; the approval."""
    arguments: dict[str, Any] = {
        "amount": 1240,
        "currency": "EUR",
        "recipient": "A. Lindqvist",
        "order_id": 4471,
    }
    arguments |= {"note": "Refund\nfor order 4471", "urgent": False, **more}
    request = asked("process_payment", risk, required, **arguments)
    told: list[Told] = [
        (0, 0, started()),
        (4, 1, turn("I’ll look up the charges first.", "Two charges with one order number.")),
        (4.1, 1, call("read_file", path="orders/4471.json")),
        (
            5.2,
            1,
            result("read_file", json.dumps({"order": 4471, "charges": [1240, 1240]}, indent=1)),
        ),
        (9, 2, turn("Both charges are real. I’ll refund one of them.")),
        (9.1, 2, call("process_payment", risk, "ask", **arguments)),
        (9.1, 2, request),
    ]
    session = tell(told, by, status="waiting_approval", limits={"steps": 50, "usd": 4})
    return session.approvals.get()


def finished(by: User | None = None, **fields: Any) -> Session:
    """A session that ran to its end, with an approval and a failure on its way."""
    request = asked("send_email", to="lindqvist@example.com", subject="Your refund", body="Dear A.")
    told: list[Told] = [
        (0, 0, started()),
        (4, 1, turn("I’ll look up the charges first.", "Two charges with one order number.")),
        (4.1, 1, call("find_records", table="charges", order=4471)),
        (5.2, 1, result("find_records", "charge 1 1240.00 ok\n" * 40)),
        (9, 2, turn("Now I’ll write to the customer.")),
        (9.1, 2, call("send_email", "medium", "ask", to="lindqvist@example.com")),
        (9.1, 2, request),
        (190, 2, decided(request)),
        (190.2, 2, events.ToolStarted("call-send_email", "send_email", {}, "d", "k", 1, "a")),
        (
            191,
            2,
            events.ToolRetried("call-send_email", "send_email", 1, "unavailable", "421 busy", 2000),
        ),
        (194, 2, result("send_email", "Sent to lindqvist@example.com")),
        (
            199,
            3,
            turn("The refund is on its way and **she has been told**.", stop_reason="end_turn"),
        ),
        (199.1, 3, events.Complete("The refund is on its way and **she has been told**.")),
    ]
    return tell(told, by, **fields)


def long(by: User | None = None, count: int = 10_000, **fields: Any) -> Session:
    """A session of ``count`` events, five a step, that still runs."""
    told: list[Told] = [(0, 0, started(limits={"steps": 5000, "usd": 400}))]
    step = 0
    while len(told) < count:
        step += 1
        told += [
            (
                step,
                step,
                turn(f"Now file {step}.", "It may be in there. " * 8, read_upto=len(told)),
            ),
            (step, step, call("read_file", path=f"src/{step}.py")),
            (step, step, result("read_file", f"line {step}\n" * 30)),
            (step, step, call("find_records", table="orders", id=step)),
            (step, step, result("find_records", f"Order {step} is paid.")),
        ]
    return tell(told[:count], by, **{"status": "running", "title": "A long one", **fields})


def unknown() -> Fact:
    return events.OutcomeUnknown(
        outcome_id=str(uuid.uuid4()),
        call_id="call-lost",
        tool="process_payment",
        arguments={"order_id": 4471, "amount": 12.5},
        idempotency_key="key-1",
        started_at=datetime.now(UTC).isoformat(),
        evidence="The worker died after it had started the call.",
    )
