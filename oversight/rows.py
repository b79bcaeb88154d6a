"""An event as a page shows it: its icon, tone, words and payloads. Only this knows every kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.core import events, titles
from agents.core.events import Fact, Record
from agents.core.trouble import is_trouble
from agents.core.wording import amount, budget_name, used_of
from oversight import loops, wording
from oversight.wording import Preview


@dataclass(frozen=True, slots=True)
class Download:
    """An output that is kept whole."""

    id: str
    name: str
    size: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One event as a page shows it."""

    session: str
    seq: int
    step: int
    kind: str
    at: datetime
    fact: Fact
    icon: str
    tone: str
    title: str = ""
    summary: str = ""
    payload: Preview | None = None
    thoughts: Preview | None = None
    thought_lines: int = 0  # of all thoughts, about as a page breaks them
    calls: Sequence[Mapping[str, Any]] = ()  # those that a loop repeats
    changes: Sequence[tuple[str, str, str]] = ()  # of limits: name, from, to
    files: tuple[Download, ...] = ()
    refused: str = ""  # why nobody was asked about a call

    @property
    def until(self) -> datetime | None:
        """To when what the event grants holds."""
        until = getattr(self.fact, "until", None)
        return datetime.fromisoformat(until) if until else None

    @property
    def trouble(self) -> bool:
        return is_trouble(self.fact)

    @property
    def address(self) -> str:
        return f"/sessions/{self.session}/events/{self.seq}/"


_LOOKS: dict[str, tuple[str, str]] = {
    "session_started": ("flag", "quiet"),
    "thinking": ("brain", "think"),
    "tool_call": ("wrench", "tool"),
    "approval_requested": ("hourglass", "person"),
    "vote_cast": ("shield-check", "ok"),
    "vote_withdrawn": ("undo-2", "person"),
    "approval_raised": ("users", "person"),
    "approval_decided": ("shield-check", "ok"),
    "grant_given": ("key-round", "ok"),
    "grant_revoked": ("undo-2", "person"),
    "tool_started": ("play", "tool"),
    "tool_retried": ("rotate-cw", "bad"),
    "tool_result": ("corner-down-right", "ok"),
    "model_retried": ("rotate-cw", "bad"),
    "turn_discarded": ("circle-x", "bad"),
    "outcome_unknown": ("circle-help", "bad band"),
    "outcome_settled": ("scale", "note"),
    "context_compacted": ("fold-vertical", "quiet band"),
    "loop_detected": ("repeat", "person band"),
    "budget_warned": ("wallet", "person band"),
    "budget_reached": ("wallet", "bad band"),
    "message": ("message-circle", "note"),
    "paused": ("pause", "quiet"),
    "resumed": ("play", "note"),
    "stop_requested": ("square", "bad"),
    "stopped": ("square", "quiet"),
    "limits_changed": ("sliders-horizontal", "note"),
    "complete": ("circle-check", "ok"),
    "error": ("octagon-alert", "bad band"),
}


def row(record: Record) -> Row:
    """The row of one event."""
    icon, tone = _LOOKS.get(record.kind, ("circle-help", "quiet"))
    shown = {"icon": icon, "tone": tone, **_details(record.fact)}
    return Row(
        record.session, record.seq, record.step, record.kind, record.at, record.fact, **shown
    )


def _details(fact: Fact) -> dict[str, Any]:
    match fact:
        case events.Thinking():
            return _turn(fact)
        case events.Complete() if fact.reason:
            return {"summary": _ENDS.get(fact.reason, fact.reason), "tone": "person"}
        case events.ToolCall():
            return _call(fact)
        case events.ToolResult():
            return _result(fact)
        case events.ApprovalDecided():
            return _decided(fact)
        case events.ApprovalRequested():
            return {"title": titles.of(fact)}
        case events.LoopDetected():
            summary = loops.RUNGS.get(fact.rung, fact.rung)
            return {"title": loops.title(fact), "summary": summary, "calls": loops.calls(fact)}
        case events.BudgetWarned() | events.BudgetReached():
            return {"summary": used_of(fact.dimension, fact.used, fact.limit)}
        case events.LimitsChanged():
            return {"changes": _changes(fact)}
        case events.OutcomeUnknown():
            return {"title": titles.of(fact)}
        case events.ContextCompacted():
            return {"payload": wording.preview(fact.summary)}
        case events.Error():
            first, _, rest = fact.message.strip().partition("\n")
            return {"summary": first, "payload": wording.preview(rest) if rest else None}
        case events.SessionStarted():
            return {"summary": ", ".join(str(tool.get("name", "")) for tool in fact.tools)}
    return {}


_ENDS = {
    "empty": "the last answer was empty",
    "cut_off": "the last answer was cut off",
    "unexpected_stop": "the model stopped for an unknown reason",
}


def _turn(fact: events.Thinking) -> dict[str, Any]:
    left_out = fact.input_transformations or ()
    thoughts = _thinking_text(fact.content)
    return {
        "title": fact.text.strip(),
        "thoughts": wording.preview(thoughts) if thoughts else None,
        "thought_lines": wording.lines(thoughts),
        "summary": ", ".join(f"{one.get('path')}: {one.get('reason')}" for one in left_out),
    }


def _changes(fact: events.LimitsChanged) -> list[tuple[str, str, str]]:
    return [
        (budget_name(name), _figure(name, fact.before.get(name)), _figure(name, limit))
        for name, limit in fact.limits.items()
    ]


def _figure(name: str, limit: object) -> str:
    if not isinstance(limit, int | float):
        return wording.one_line(limit) if limit else ""
    return amount(name, limit) + (" min" if name == "active_seconds" else "")


def _thinking_text(content: Sequence[Mapping[str, Any]]) -> str:
    texts = [str(block.get("thinking", "")) for block in content if block.get("type") == "thinking"]
    return "\n".join(text for text in texts if text).strip()


# Why nobody is asked about a call, by its rule; what else has this verdict is over a budget.
_REFUSED = {
    "loop guard": "blocked",
    "unknown tool": "unknown tool",
    "bad arguments": "not valid",
}


def _call(fact: events.ToolCall) -> dict[str, Any]:
    return {
        "icon": wording.tool_icon(fact.tool),
        "tone": "bad" if fact.verdict in ("deny", "invalid") else "tool",
        "summary": wording.key_arguments(fact.arguments),
        "payload": wording.preview(wording.pretty(fact.arguments)),
        "refused": _REFUSED.get(fact.rule, "no budget left"),
    }


def _result(fact: events.ToolResult) -> dict[str, Any]:
    text = wording.plain(fact.content)
    short = len(text) <= 160 and "\n" not in text.strip()
    return {
        "tone": "ok" if fact.ok else ("bad" if fact.executed else "quiet"),
        "summary": text.strip() if short else "",
        "payload": None if short else wording.preview(text),
        "files": tuple(_download(kept) for kept in fact.artifacts or ()),
    }


def _download(kept: Mapping[str, Any]) -> Download:
    cut = f"the first {wording.size(kept['kept'])} of it" if "kept" in kept else ""
    return Download(str(kept["id"]), str(kept["name"]), wording.size(kept["bytes"]), cut)


_DECISIONS = {
    "approved": ("Approved", "shield-check", "ok"),
    "denied": ("Denied", "shield-x", "bad"),
    "answered": ("Answered instead", "message-circle", "note"),
    "expired": ("Expired: denied, nothing ran", "timer", "quiet"),
    "invalidated": ("Invalidated: it will not run", "shield-x", "bad"),
    "revoked": ("Revoked", "undo-2", "person"),
    "cancelled": ("Cancelled", "circle-x", "quiet"),
}


def _decided(fact: events.ApprovalDecided) -> dict[str, Any]:
    title, icon, tone = _DECISIONS.get(fact.decision, (fact.decision, "shield-x", "quiet"))
    changed = fact.arguments is not None and fact.decision == "approved"
    return {
        "title": f"{title} with changes" if changed else title,
        "icon": icon,
        "tone": tone,
        "summary": wording.spoken(fact.waited_ms / 1000) if fact.waited_ms else "",
        "payload": wording.preview(wording.pretty(fact.arguments)) if changed else None,
    }


def whole(record: Record) -> str:
    """Everything that the row shows only the beginning of, as a person reads it."""
    match record.fact:
        case events.ToolResult(content=content):
            return wording.plain(content)
        case events.Thinking(content=content, text=text):
            return _thinking_text(content) or text
        case events.ToolCall(arguments=arguments):
            return wording.pretty(arguments)
        case events.ContextCompacted(summary=summary):
            return summary
        case events.Error(message=message):
            return message
    return wording.pretty(events.data(record.fact))
