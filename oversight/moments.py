"""A session at one moment, for people: what the model had been shown, what was left of the
budgets, who was being asked, and the approval's card as its approver saw it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Q

from agents import roles
from agents.core import budget, canonical, events, moment, titles
from agents.core.budget import Meter
from agents.core.events import Fact, Record
from agents.core.moment import Moment
from agents.core.state import CallStatus
from agents.models import Approval
from oversight import cases, wording
from oversight.cases import Case
from oversight.wording import Preview

MOST_MESSAGES = 60  # of the end of what the model was shown


@dataclass(frozen=True, slots=True)
class Part:
    """One block of a message. ``kind`` is text, thinking, tool_use, tool_result or another."""

    kind: str
    name: str
    text: Preview
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    role: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that waited for people at that moment."""

    title: str
    risk: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything about the moment after ``record``."""

    record: Record
    model: str
    messages: list[Said]
    left_out: int  # earlier messages that the page does not list
    epoch: int
    tokens: int
    meters: list[Meter]
    queue: list[Asked]
    elsewhere: int  # calls of other sessions that waited then, of those that one may see
    card: Case | None

    @property
    def asked_anything(self) -> bool:
        return bool(self.messages)


def shown(log: Sequence[Record], seq: int, user: roles.Person) -> Shown:
    """The moment after event ``seq`` of a whole log."""
    found, record = moment.at(log, seq), log[seq - 1]
    messages = list(found.request.messages) if found.request else []
    return Shown(
        record=record,
        model=found.request.model if found.request else "",
        messages=[_said(message) for message in messages[-MOST_MESSAGES:]],
        left_out=max(len(messages) - MOST_MESSAGES, 0),
        epoch=found.state.epoch,
        tokens=found.state.context_tokens,
        meters=budget.meters(found.state, record.at),
        queue=_queue(found, log[:seq]),
        elsewhere=_elsewhere(record, user),
        card=_card(log, record, user),
    )


def _said(message: Mapping[str, Any]) -> Said:
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return Said(str(message["role"]), [_part(block) for block in blocks])


def _part(block: Mapping[str, Any]) -> Part:
    kind = str(block.get("type", ""))
    match kind:
        case "text" | "thinking":
            return Part(kind, "", wording.preview(str(block.get(kind, ""))))
        case "tool_use":
            shown_arguments = wording.pretty(block.get("input", {}))
            return Part(kind, str(block.get("name", "")), wording.preview(shown_arguments))
        case "tool_result":
            text = wording.plain(block.get("content", ""))
            return Part(kind, "", wording.preview(text), failed=bool(block.get("is_error")))
        case _:
            return Part(kind, "", wording.preview(wording.pretty(dict(block))))


def _queue(found: Moment, log: Iterable[Record]) -> list[Asked]:
    since = {
        record.fact.call_id: record.at
        for record in log
        if isinstance(record.fact, events.ApprovalRequested)
    }
    return [
        Asked(titles.of(call), call.risk, since.get(call.call_id))
        for call in found.state.calls
        if call.status is CallStatus.WAITING
    ]


def _elsewhere(record: Record, user: roles.Person) -> int:
    waited = Q(decided_at=None) | Q(decided_at__gt=record.at)
    rows = roles.visible_approvals(user).filter(waited, requested_at__lte=record.at)
    return rows.exclude(session__uuid=record.session).count()


def _card(log: Sequence[Record], record: Record, user: roles.Person) -> Case | None:
    """The card of the approval that the event is about, with what was known when it was decided."""
    about = getattr(record.fact, "approval_id", None)
    row = Approval.objects.select_related("session").filter(uuid=about).first() if about else None
    if row is None or not roles.can(user, "view", row.session):
        return None
    before = [*log[: record.seq - 1], *([record] if _asks(record) else [])]
    then = _as_it_stood(row, [one.fact for one in before])
    found = cases.case(then, user, as_of=record.at)
    facts = cases.facts(then, _effect(before, row.call_id))
    return replace(found, facts=facts, votes=found.votes[: then.votes])


def _asks(record: Record) -> bool:
    return isinstance(record.fact, events.ApprovalRequested)


def _as_it_stood(row: Approval, facts: Iterable[Fact]) -> Approval:
    """The row as these facts of its log left it: asked, raised, or edited by an earlier vote."""
    then, voters = copy.copy(row), set[str]()
    then.state, then.arguments = Approval.State.PENDING, row.original
    for fact in facts:
        if getattr(fact, "approval_id", None) != str(row.uuid):
            continue
        match fact:
            case events.ApprovalRequested():
                then.risk, then.rule, then.digest = fact.risk, fact.rule, fact.digest
                then.required = fact.required
            case events.ApprovalRaised():
                then.required = fact.required
            case events.VoteCast():
                then.required, then.digest = fact.required, fact.digest
                if fact.arguments is not None and fact.votes == 1:
                    then.arguments, voters = canonical.sorted_text(fact.arguments), set()
                voters.add(fact.by)
            case events.VoteWithdrawn():
                voters.discard(fact.by)
    then.votes = len(voters)
    return then


def _effect(log: Iterable[Record], call_id: str) -> str:
    """What a repeat of the call would do, as the catalogue had it then."""
    found = ""
    for record in log:
        match record.fact:
            case events.ToolCall(call_id=its, effect=effect) if its == call_id:
                found = effect
            case events.ApprovalRequested(call_id=its, effect=effect) if its == call_id:
                found = effect or found
    return found
