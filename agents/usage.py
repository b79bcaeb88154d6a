"""Events -> one row per call, per turn and per incident, for Insights.

Collected by the projections and written in the append's transaction, with plain statements for
many rows at once: these rows are written for every step there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

from agents.core import canonical, events, secret_shapes
from agents.core.events import Record
from agents.models import Incident, Session, ToolUse, TurnUse

Row = tuple[Any, ...]

_LONGEST = 2**31 - 1


def _insert(table: str, columns: str) -> str:
    names = columns.split()
    listed = ", ".join(f'"{name}"' for name in names)
    return f'INSERT INTO "{table}" ({listed}) VALUES ({", ".join(["%s"] * len(names))})'  # noqa: S608  # nosec B608 - our own names


_TOOL = ToolUse._meta.db_table
_OF_CALL = 'WHERE "session_id" = %s AND "step" = %s AND "call_id" = %s AND "settled_at" IS NULL'
_CALLED = _insert(
    _TOOL,
    """session_id step seq call_id tool risk verdict host proposed_at error_class duration_ms
    size attempts decision""",
)
_SETTLED = (
    f'UPDATE "{_TOOL}" SET "settled_at" = %s, "ok" = %s, "executed" = %s, "error_class" = %s, '  # noqa: S608  # nosec B608 - our own names
    f'"duration_ms" = %s, "size" = %s {_OF_CALL}'
)
_RETRIED = f'UPDATE "{_TOOL}" SET "attempts" = %s {_OF_CALL}'  # noqa: S608  # nosec B608 - our own names
_DECIDED = (
    f'UPDATE "{_TOOL}" SET "waited_ms" = COALESCE("waited_ms", 0) + %s, "decision" = %s, '  # noqa: S608  # nosec B608 - our own names
    f'"decided_by_id" = %s {_OF_CALL}'
)
_TURNED = _insert(
    TurnUse._meta.db_table,
    "session_id step seq model at duration_ms fresh cache_write cache_read output cost",
)


@dataclass(slots=True)
class Uses:
    """What a batch writes about calls and turns."""

    called: list[Row] = field(default_factory=list)
    retried: list[Row] = field(default_factory=list)
    decided: list[Row] = field(default_factory=list)
    settled: list[Row] = field(default_factory=list)
    turned: list[Row] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)

    def note(self, row: Session, record: Record) -> None:
        """Collect what ``record`` says of a call, a turn or an incident, if anything."""
        match record.fact:
            case events.ToolCall() as fact:
                self.called.append(_called(row, fact, record))
                if found := secret_shapes.shape(fact.arguments):
                    self.incidents.append(_incident(row, record, "secret", found))
            case events.ToolResult() as fact:
                self.settled.append(_settled(row, fact, record))
            case events.Thinking() as fact:
                self.turned.append(_turned(row, fact, record))
                if fact.input_transformations:
                    self.incidents.append(_incident(row, record, "thinking_dropped", ""))
            case events.ToolRetried() as fact:
                self.retried.append((fact.attempt + 1, *_place(row, record, fact.call_id)))
            case events.ApprovalDecided() as fact:
                self.decided.append(_decided(row, fact, record))
            case events.LoopDetected() as fact:
                self.incidents.append(_incident(row, record, "loop", fact.rule))
            case events.TurnDiscarded(reason="refusal") as fact:
                self.incidents.append(_incident(row, record, "refusal", fact.message))
            case events.TurnDiscarded(reason="bound"):
                self.incidents.append(_incident(row, record, "thinking_dropped", ""))
            case events.Complete(reason="empty"):
                self.incidents.append(_incident(row, record, "empty_end", ""))
            case events.Error(error_class="secret_in_turn"):
                self.incidents.append(_incident(row, record, "secret", "known"))
            case events.BudgetReached() as fact:
                self.incidents.append(_incident(row, record, "budget", fact.dimension))
            case _:
                pass

    def save(self) -> None:
        """Write what was collected, in the order in which it happened to a call."""
        with connection.cursor() as cursor:
            for statement, rows in (
                (_CALLED, self.called),
                (_RETRIED, self.retried),
                (_DECIDED, self.decided),
                (_SETTLED, self.settled),
                (_TURNED, self.turned),
            ):
                if rows:
                    cursor.executemany(statement, rows)
                    rows.clear()
        if self.incidents:
            Incident.objects.bulk_create(self.incidents)
            self.incidents.clear()


def _place(row: Session, record: Record, call_id: str) -> Row:
    return (row.pk, record.step, call_id[:128])


def _called(row: Session, fact: events.ToolCall, record: Record) -> Row:
    place = (row.pk, record.step, record.seq, fact.call_id[:128])
    judged = (canonical.clean_text(fact.tool)[:128], fact.risk, fact.verdict)
    return (*place, *judged, host(fact.arguments), _at(record.at), "", 0, 0, 1, "")


def _settled(row: Session, fact: events.ToolResult, record: Record) -> Row:
    failed = canonical.clean_text(fact.error_class or "")[:40]
    came = (_at(record.at), fact.ok, fact.executed, failed, fact.duration_ms)
    return (*came, min(size(fact.content), _LONGEST), *_place(row, record, fact.call_id))


def _decided(row: Session, fact: events.ApprovalDecided, record: Record) -> Row:
    kind, _, name = record.actor.partition(":")
    person = int(name) if kind == "human" and name.isdigit() else None
    return (fact.waited_ms, fact.decision, person, *_place(row, record, fact.call_id))


def _turned(row: Session, fact: events.Thinking, record: Record) -> Row:
    def tokens(kind: str) -> int:
        return int(fact.usage.get(kind) or 0)

    place = (row.pk, record.step, record.seq, canonical.clean_text(fact.model)[:100])
    paid = None if fact.cost is None else str(round(fact.cost, 6))
    return (
        *place,
        _at(record.at),
        fact.duration_ms,
        tokens("input_tokens"),
        tokens("cache_creation_input_tokens"),
        tokens("cache_read_input_tokens"),
        tokens("output_tokens"),
        paid,
    )


def _incident(row: Session, record: Record, kind: str, detail: str) -> Incident:
    said = canonical.clean_text(detail)[:200]
    return Incident(
        session=row, step=record.step, seq=record.seq, kind=kind, detail=said, at=record.at
    )


def _at(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def host(arguments: Mapping[str, Any]) -> str:
    """The host of the first web address among the arguments, or nothing."""
    for value in arguments.values():
        if isinstance(value, str) and "://" in value[:12]:
            return canonical.clean_text(_hostname(value))[:253]
    return ""


def _hostname(address: str) -> str:
    try:
        return urlsplit(address.strip()).hostname or ""
    except ValueError:  # written by a model
        return ""


def size(content: str | Sequence[Mapping[str, Any]]) -> int:
    """Characters of a result, whatever its blocks are."""
    if isinstance(content, str):
        return len(content)
    return sum(len(text) for block in content for text in _texts(block))


def _texts(block: Mapping[str, Any]) -> list[str]:
    source = block.get("source")
    data = source.get("data") if isinstance(source, Mapping) else None
    return [text for text in (block.get("text"), data) if isinstance(text, str)]
