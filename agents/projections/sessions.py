"""The session's own row."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from agents.core import canonical, events, titles
from agents.core.events import Record
from agents.core.trouble import is_trouble
from agents.core.wording import budget_name
from agents.models import Session
from agents.projections.rows import approval_row, outcome_row
from agents.projections.writes import Writes

Status = Session.Status
_FAILED = "The model's endpoint failed"
STRIP = 46  # events in the activity strip of a card


def project(row: Session, record: Record, writes: Writes) -> None:
    """Change ``row`` as ``record`` demands; ``writes`` collects the rest."""
    fact = record.fact
    writes.note(row, record)
    row.troubles += is_trouble(fact)
    match fact:
        case events.SessionStarted():
            row.model, row.limits = fact.model, dict(fact.limits)
        case events.Thinking():
            _thinking(row, fact, record, writes)
        case events.ToolCall():
            _proposed(row, fact, record, writes)
        case events.GrantGiven() | events.GrantRevoked():
            _granting(row, fact, record, writes)
        case events.ApprovalRequested():
            _asked(row, fact, record, writes)
        case events.VoteCast() | events.VoteWithdrawn():
            _voted(row, fact, writes)
        case events.ApprovalRaised():
            writes.raised.append(fact)
        case events.ApprovalDecided():
            _decided(row, fact, record, writes)
        case events.ToolStarted():
            _started(row, fact)
        case events.ToolResult():
            _resulted(row, fact)
        case events.ToolRetried():
            _tool_failed(row, fact)
        case events.ModelRetried():
            _model_failed(row, fact, record, writes)
        case events.TurnDiscarded():
            _discarded(row, fact, record, writes)
        case events.OutcomeUnknown():
            _in_doubt(row, fact, record, writes)
        case events.OutcomeSettled():
            _settled(row, fact, record, writes)
        case events.ContextCompacted():
            _compacted(row, fact, record, writes)
        case events.LoopDetected() | events.BudgetWarned():
            _mark(row, "w", 0)
        case events.BudgetReached():
            _does(row, f"{_whose(fact)} is reached")
        case events.Message():
            _wake(row)
        case events.Paused():
            _paused(row, fact)
        case events.Resumed():
            _resumed(row)
        case events.StopRequested():
            _stopping(row, fact)
        case events.LimitsChanged():
            _limited(row, fact)
        case events.Complete() | events.Error() | events.Stopped():
            _ended(row, fact, record, writes)
        case _:
            assert_never(fact)


# The fact kinds that a claim must have seen: they may forbid what it is about to do.
def forbids(fact: events.Fact) -> bool:
    match fact:
        case events.StopRequested() | events.Paused() | events.VoteWithdrawn():
            return True
        case events.GrantRevoked():
            return True
        case events.ApprovalDecided(decision=decision):
            return decision not in ("approved", "answered")
        case _:
            return False


# The model


def _thinking(row: Session, fact: events.Thinking, record: Record, writes: Writes) -> None:
    row.steps = record.step
    row.model_ms += fact.duration_ms
    _mark(row, "m", fact.duration_ms)
    if fact.text:
        _does(row, fact.text)
    writes.spending.add(row, fact.usage, fact.cost, record.at)


def _model_failed(row: Session, fact: events.ModelRetried, record: Record, writes: Writes) -> None:
    writes.spending.add(row, fact.usage, fact.cost, record.at)
    why = "Every session waits for the model's endpoint" if fact.held else _FAILED
    _again(row, fact.delay_ms, f"{why}: {fact.message}")


def _discarded(row: Session, fact: events.TurnDiscarded, record: Record, writes: Writes) -> None:
    writes.spending.add(row, fact.usage, fact.cost, record.at)
    _mark(row, "e", 0)


def _compacted(row: Session, fact: events.ContextCompacted, record: Record, writes: Writes) -> None:
    writes.spending.add(row, fact.usage, fact.cost, record.at)
    _does(row, "Context summarised")


def _whose(fact: events.BudgetReached) -> str:
    return "The day's cap" if fact.day else f"The {budget_name(fact.dimension)} budget"


# Calls, and what people say of them


def _proposed(row: Session, fact: events.ToolCall, record: Record, writes: Writes) -> None:
    _does(row, titles.of(fact), fact.tool)
    if is_trouble(fact):
        _mark(row, "e", 0)
    if fact.grant:
        writes.grants.append((fact, record, row))


def _granting(
    row: Session, fact: events.GrantGiven | events.GrantRevoked, record: Record, writes: Writes
) -> None:
    writes.grants.append((fact, record, row))
    _wake(row)


def _asked(row: Session, fact: events.ApprovalRequested, record: Record, writes: Writes) -> None:
    row.open_approvals += 1
    row.approvals_asked += 1
    writes.approvals.append(approval_row(row, fact, record))


def _voted(row: Session, fact: events.VoteCast | events.VoteWithdrawn, writes: Writes) -> None:
    writes.votes.append(fact)
    if isinstance(fact, events.VoteWithdrawn) and fact.reopened:
        row.open_approvals += 1


def _decided(row: Session, fact: events.ApprovalDecided, record: Record, writes: Writes) -> None:
    row.wait_ms += fact.waited_ms
    if fact.waited_ms:
        _mark(row, "h", fact.waited_ms)
    writes.decided.append((fact, record, row))
    _wake(row)


def _started(row: Session, fact: events.ToolStarted) -> None:
    _does(row, titles.of(fact), fact.tool)
    row.tool_calls += fact.attempt == 1
    row.high_executions += fact.attempt == 1 and fact.risk == "high"


def _resulted(row: Session, fact: events.ToolResult) -> None:
    row.tool_ms += fact.duration_ms
    if fact.executed:
        _mark(row, "t" if fact.ok else "e", fact.duration_ms)


def _tool_failed(row: Session, fact: events.ToolRetried) -> None:
    _again(row, fact.delay_ms, f"{fact.tool} failed, tried again: {fact.message}", fact.tool)


def _again(row: Session, delay_ms: int, activity: str, tool: str = "") -> None:
    _mark(row, "e", delay_ms)
    _does(row, activity, tool)


def _in_doubt(row: Session, fact: events.OutcomeUnknown, record: Record, writes: Writes) -> None:
    row.open_outcomes += 1
    writes.outcomes.append(outcome_row(row, fact, record))


def _settled(row: Session, fact: events.OutcomeSettled, record: Record, writes: Writes) -> None:
    row.open_outcomes = max(0, row.open_outcomes - 1)
    writes.settled.append((fact, record))
    _wake(row)


# People steer


def _paused(row: Session, fact: events.Paused) -> None:
    row.pausing, row.paused_by = True, _clip(fact.by)
    if not row.lease_owner and row.status != Status.OUTCOME_REVIEW:
        row.status = Status.PAUSED
    row.asking = _clip(fact.reason)


def _resumed(row: Session) -> None:
    row.pausing, row.paused_by = False, ""
    row.resume_at = None
    _wake(row)


def _stopping(row: Session, fact: events.StopRequested) -> None:
    row.stopping = True
    row.killing = row.killing or fact.kill
    _wake(row, always=True)


def _limited(row: Session, fact: events.LimitsChanged) -> None:
    row.limits = {**row.limits, **fact.limits}
    _wake(row)


# The row itself


def _ended(
    row: Session,
    fact: events.Complete | events.Error | events.Stopped,
    record: Record,
    writes: Writes,
) -> None:
    match fact:
        case events.Complete():
            _end(row, Status.COMPLETED, record.at, writes, result=fact.text)
        case events.Error():
            writes.spending.add(row, fact.usage or {}, fact.cost, record.at)
            told = {"error_class": fact.error_class, "error": fact.message}
            _end(row, Status.FAILED, record.at, writes, **told)
        case events.Stopped():
            _end(row, Status.CANCELLED, record.at, writes)
        case _:
            assert_never(fact)


def _end(row: Session, status: Session.Status, at: datetime, writes: Writes, **told: str) -> None:
    if row.ended:
        return
    for name, words in told.items():
        setattr(row, name, canonical.clean_text(words))
    row.status, row.ended_at = status, at
    row.lease_owner, row.lease_until, row.resume_at = "", None, None
    row.asking = row.question = ""
    if row.open_approvals:
        row.open_approvals = 0
        writes.ended.append((row, at))


def _wake(row: Session, *, always: bool = False) -> None:
    """A parked session has work again. A paused one waits for its resume, unless ``always``."""
    if row.lease_owner or row.ended:
        return
    if row.pausing and not always:
        reviewed = row.status == Status.OUTCOME_REVIEW and not row.open_outcomes
        row.status = Status.PAUSED if reviewed else row.status
        return
    row.status = Status.QUEUED
    row.resume_at = None


def _mark(row: Session, letter: str, ms: int) -> None:
    row.strip = [*row.strip[-STRIP + 1 :], [letter, ms]]


def _does(row: Session, activity: str, tool: str = "") -> None:
    """What the session does now; ``tool``: whose call it is, if it is one's."""
    row.activity, row.activity_tool = _clip(activity), canonical.clean_text(tool)[:128]


def _clip(text: str) -> str:
    # A column of PostgreSQL takes no NUL, which a model may well write.
    text = " ".join(canonical.clean_text(text).split())
    return text if len(text) <= 200 else text[:199] + "…"
