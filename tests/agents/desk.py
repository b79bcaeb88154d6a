"""A session on the desk: its row, its lease, and facts written to it without a model."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone

from agents.core import events
from agents.core.events import Fact, Record
from agents.gatekeeper import approval_digest
from agents.inbox import consume
from agents.journal import Append, Entry, Refused, entry, journal
from agents.models import Approval, Session

TOOL = "post_tweet"
SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["text"],
    "additionalProperties": False,
}
_calls = itertools.count(1)


@dataclass
class Desk:
    """One session, leased under term 1 and begun."""

    by: User | None = None
    agent: str = "assistant"
    row: Session = field(init=False)

    def __post_init__(self) -> None:
        self.row = Session.objects.create(
            agent=self.agent, title="t", task="t", model="m", started_by=self.by
        )
        self.lease()
        self.write(started(self.agent))

    def lease(self, seconds: float = 60) -> int:
        """Take the session under a new term."""
        self.refresh()
        self.row.term += 1
        self.row.status, self.row.lease_owner = "running", "desk"
        self.row.lease_until = timezone.now() + timedelta(seconds=seconds)
        self.row.save(update_fields=["term", "status", "lease_owner", "lease_until"])
        return self.row.term

    def park(self, status: str = "waiting_approval") -> None:
        self.refresh()
        self.row.status, self.row.lease_owner, self.row.lease_until = status, "", None
        self.row.save(update_fields=["status", "lease_owner", "lease_until"])

    def refresh(self) -> Session:
        self.row.refresh_from_db()
        return self.row

    def write(self, *facts: Fact, **guards: Any) -> list[Record]:
        return journal.append(self.appending(*facts, **guards))

    def appending(self, *facts: Fact, **guards: Any) -> Append:
        return Append(self.row.pk, entries(*facts), **guards)

    def ask(self, text: str = "hi", **fields: Any) -> Approval:
        """Propose a call that waits for people; the session is parked."""
        call_id = f"c{next(_calls)}"
        arguments = {"text": text}
        request = self.request(call_id, arguments, **fields)
        self.write(turn(call_id, arguments), proposal(call_id, arguments), request)
        self.park()
        return Approval.objects.select_related("session").get(uuid=request.approval_id)

    def request(
        self, call_id: str, arguments: Mapping[str, Any], **fields: Any
    ) -> events.ApprovalRequested:
        digest = approval_digest(str(self.row.uuid), call_id, 0, TOOL, "def", arguments)
        late = timezone.now() + timedelta(hours=1)
        given: dict[str, Any] = {
            "approval_id": str(uuid.uuid4()),
            "call_id": call_id,
            "tool": TOOL,
            "arguments": arguments,
            "digest": digest,
            "decide_by": events.timestamp(late),
            "required": 1,
            "risk": "high",
            "rule": "high",
            "definition": "def",
        }
        return events.ApprovalRequested(**given | fields)

    def claim(self, approval: Approval, seen: int | None = None) -> list[Record]:
        """Claim the call of an approval as its driver does."""
        approval.refresh_from_db()
        self.refresh()
        fact = intent(approval.call_id, approval.digest, str(approval.uuid))
        look = self.row.last_seq if seen is None else seen
        return self.write(fact, term=self.row.term, claim=look, guard=consume(fact))

    def kinds(self) -> list[str]:
        return list(self.row.events.order_by("seq").values_list("kind", flat=True))

    def unknown(self, call_id: str = "u1") -> uuid.UUID:
        """A call that may have happened; its outcome's id."""
        outcome = uuid.uuid4()
        at = events.timestamp(timezone.now())
        self.write(
            turn(call_id, {}),
            proposal(call_id, {}),
            intent(call_id, "d"),
            events.OutcomeUnknown(str(outcome), call_id, TOOL, {}, "key", at, "lost"),
        )
        self.park("outcome_review")
        return outcome


def entries(*facts: Fact) -> list[Entry]:
    return [entry(fact, "runtime") for fact in facts]


def started(agent: str = "assistant", **fields: Any) -> events.SessionStarted:
    tool = {"name": TOOL, "description": "", "input_schema": SCHEMA}
    given: dict[str, Any] = {
        "agent": agent,
        "task": "t",
        "model": "m",
        "limits": {},
        "tools": [tool],
        "system": [],
        "max_auto_risk": "low",
        "max_tokens": 100,
        "window": 200_000,
    }
    return events.SessionStarted(**given | fields)


def turn(call_id: str, arguments: Mapping[str, Any]) -> events.Thinking:
    block = {"type": "tool_use", "id": call_id, "name": TOOL, "input": arguments}
    return events.Thinking([block], "", {"input_tokens": 1}, "tool_use", "m", 1, read_upto=1)


def proposal(call_id: str, arguments: Mapping[str, Any]) -> events.ToolCall:
    return events.ToolCall(call_id, TOOL, arguments, "high", "ask", "high", definition="def")


def intent(call_id: str, digest: str, approval_id: str | None = None) -> events.ToolStarted:
    return events.ToolStarted(call_id, TOOL, {}, digest, "key", 1, approval_id)


def said(text: str = "hello") -> events.Message:
    return events.Message("Olu", text)


@contextmanager
def held(desk: Desk) -> Iterator[Callable[[Append], Future[list[Record]]]]:
    """Submit appends while the journal is busy, so that they are written together."""
    entered, go = threading.Event(), threading.Event()

    def block(row: Session) -> list[Entry]:
        entered.set()
        assert go.wait(20)
        return []

    busy = journal.submit(Append(desk.row.pk, guard=block))
    assert entered.wait(20)
    try:
        yield journal.submit
    finally:
        go.set()
        busy.result(20)


def together(desk: Desk, *acts: Callable[[], object], appends: int = 1) -> list[object]:
    """What each act came to, all of them written in one batch and in this order. ``appends`` is
    how many each of them makes at once."""
    with ThreadPoolExecutor(len(acts)) as threads:
        with held(desk):
            done = []
            for count, act in enumerate(acts, 1):
                done.append(threads.submit(_tried, act))
                _wait_for(count * appends)
        return [one.result(20) for one in done]


def _wait_for(appends: int) -> None:
    deadline = time.monotonic() + 20
    while journal._queue.qsize() < appends:
        assert time.monotonic() < deadline, "they do not come together"
        time.sleep(0.001)


def _tried(act: Callable[[], object]) -> object:
    try:
        return act()
    except Refused as refused:
        return type(refused).__name__
    finally:
        connections.close_all()
