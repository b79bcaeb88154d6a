"""A session at one moment of its log, and what the model was sent then. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.core import compaction, context, events, summaries
from agents.core.events import Record
from agents.core.fold import replay
from agents.core.model import Request
from agents.core.state import State

SUMMARY_REASONS = ("summary", "compaction", "compaction_refused")


@dataclass(frozen=True, slots=True)
class Moment:
    state: State
    request: Request | None  # the last that was sent; None before the first
    answered: int | None  # the seq of the fact that its answer, or its failure, became


def at(log: Sequence[Record], seq: int) -> Moment:
    """The moment after event ``seq`` of a log that is whole from its first event on."""
    state = replay(log[:seq])
    for record in reversed(log[:seq]):
        if (head := asked_at(record.fact)) is not None:
            request = request_at(log, record, head)
            return Moment(state, request, record.seq)
    return Moment(state, None, None)


def asked_at(fact: events.Fact) -> int | None:
    """The head of the log when the request was built that ``fact`` is the answer to, or the
    failure of; None for facts that no request led to."""
    match fact:
        case events.Thinking(read_upto=head) | events.TurnDiscarded(read_upto=head):
            return head
        case events.ModelRetried() | events.ContextCompacted() | events.Error():
            return fact.read_upto
        case _:
            return None


def request_at(log: Sequence[Record], record: Record, head: int) -> Request | None:
    """The request itself, built from the log by the code that built it then."""
    state = replay(log[:head])
    summary = isinstance(record.fact, events.ContextCompacted) or (
        isinstance(record.fact, events.TurnDiscarded) and record.fact.reason in SUMMARY_REASONS
    )
    if not summary:
        return context.request(state)
    plan = compaction.due(state)
    return summaries.request(state, plan) if plan else None
