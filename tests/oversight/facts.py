"""One fact of every kind, with the same text wherever a text may stand."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, get_type_hints

from agents.core import canonical, events
from agents.core.events import Fact, Record

SESSION = "5f0f6b0e-6f39-4a7e-9d53-0d1f0a5d8a11"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
WORDS = {
    "risk": "medium",
    "verdict": "ask",
    "decision": "approved",
    "effect": "read",
    "rung": "ask",
    "until": "2026-11-23T10:00:00Z",
}


def fact(kind: str, text: str) -> Fact:
    """The fact with ``text`` in every string, list and object of it."""
    made = events.KINDS[kind]
    hints = get_type_hints(made)
    return made(
        **{field.name: _value(field.name, hints[field.name], text) for field in fields(made)}
    )


def _value(name: str, hint: object, text: str) -> Any:
    if name in WORDS:
        return WORDS[name]
    if name == "content":
        return [{"type": "thinking", "thinking": text}, {"type": "text", "text": text}]
    if name in ("tools", "system", "messages"):
        return [{"type": "text", "name": text, "text": text}]
    if name == "input_transformations":
        return [{"path": text, "reason": text}]
    if name == "artifacts":
        return [{"id": text, "name": text, "mime": text, "bytes": 3, "sha256": text, "kept": 2}]
    if hint is int or hint is float:
        return 3
    if hint is bool:
        return True
    spelled = str(hint)
    if "Mapping" in spelled:
        return {} if name == "usage" else {"field": text, text: 1}
    return 0.02 if "float" in spelled else text


def record(given: Fact, seq: int = 1, step: int = 1, session: str = SESSION) -> Record:
    return Record(
        session=session,
        seq=seq,
        step=step,
        fact=given,
        at=START + timedelta(seconds=seq),
        actor="runtime",
        term=1,
        digest=canonical.sha256(f"{session} {seq} {given.kind} {events.encode(given)}"),
    )
