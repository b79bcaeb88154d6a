"""Two sessions side by side, aligned by step, with the first difference found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from agents.core import canonical, events
from agents.core.events import Record
from oversight import queries, spans, timeline, wording

SHOWN = 40  # steps on one page


@dataclass(frozen=True, slots=True)
class Call:
    tool: str
    arguments: str
    ok: bool | None  # None: no result yet
    decision: str
    result: str
    asked_alike: bool = True  # whether the other side asked for the same in its place
    came_alike: bool = True  # whether the same came of it


@dataclass(frozen=True, slots=True)
class Step:
    """What one session did in one step, in a few words."""

    number: int
    title: str
    said: str
    calls: list[Call]
    milliseconds: float
    cost: float | None
    ending: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """``differs`` names what is different: calls, decision, result, words, or one is missing."""

    number: int
    left: Step | None
    right: Step | None
    differs: str
    first: bool = False


def compare(left: Sequence[Record], right: Sequence[Record]) -> list[Pair]:
    """Every step of both, in order; the first that differs is marked."""
    pairs, found = [], False
    for one, other in zip_longest(_steps(left), _steps(right)):
        differs = _difference(one, other)
        number = (one or other).number if (one or other) else 0
        marked = (_marked(one, other), _marked(other, one))
        pairs.append(Pair(number, *marked, differs, first=bool(differs) and not found))
        found = found or bool(differs)
    return pairs


def page(pairs: Sequence[Pair], start: int) -> dict[str, Any]:
    """The pairs from ``start`` on that a page has room for, and where those beside it begin."""
    end = start + SHOWN
    return {
        "pairs": pairs[start:end],
        "before": start,
        "earlier": max(0, start - SHOWN),
        "later": end if end < len(pairs) else None,
    }


def _steps(log: Sequence[Record]) -> list[Step]:
    grouped = dict(queries.by_step(log))
    last = max(grouped, default=-1)
    return [_step(number, grouped.get(number, [])) for number in range(last + 1)]


def _step(number: int, group: Sequence[Record]) -> Step:
    # A fork began long after the steps that it reads through.
    facts = spans.facts([r for r in group if not isinstance(r.fact, events.SessionStarted)])
    said = [record.fact.text for record in group if isinstance(record.fact, events.Thinking)]
    return Step(
        number=number,
        title=timeline.step_title(number, group),
        said=wording.one_line(" ".join(said), 280),
        calls=_calls(group),
        milliseconds=facts.milliseconds,
        cost=facts.cost,
        ending=next((_ending(r) for r in group if isinstance(r.fact, events.ENDINGS)), ""),
    )


def _calls(group: Sequence[Record]) -> list[Call]:
    results = {r.fact.call_id: r.fact for r in group if isinstance(r.fact, events.ToolResult)}
    decisions = {
        r.fact.call_id: r.fact.decision for r in group if isinstance(r.fact, events.ApprovalDecided)
    }
    return [
        _call(record.fact, results.get(record.fact.call_id), decisions.get(record.fact.call_id, ""))
        for record in group
        if isinstance(record.fact, events.ToolCall)
    ]


def _call(fact: events.ToolCall, result: events.ToolResult | None, decision: str) -> Call:
    return Call(
        tool=fact.tool,
        arguments=canonical.sorted_text(fact.arguments),
        ok=result.ok if result else None,
        decision=decision,
        result=wording.one_line(wording.plain(result.content), 280) if result else "",
    )


def _ending(record: Record) -> str:
    match record.fact:
        case events.Complete():
            return "Done"
        case events.Error(error_class=error_class):
            return f"Failed: {wording.one_line(error_class, 40)}"
        case _:
            return "Stopped"


def _marked(step: Step | None, beside: Step | None) -> Step | None:
    """The step, with what is not as it is beside it marked as such."""
    if step is None or beside is None:
        return step
    calls = []
    for call, other in zip_longest(step.calls, beside.calls[: len(step.calls)]):
        asked = other is not None and (call.tool, call.arguments) == (other.tool, other.arguments)
        came = (call.ok, call.decision, call.result)
        alike = not asked or came == (other.ok, other.decision, other.result)
        calls.append(replace(call, asked_alike=asked, came_alike=alike))
    return replace(step, calls=calls)


def _difference(one: Step | None, other: Step | None) -> str:
    if one is None or other is None:
        return "only on one side"
    asked = [[(call.tool, call.arguments) for call in step.calls] for step in (one, other)]
    if asked[0] != asked[1]:
        return "other calls"
    if [c.decision for c in one.calls] != [c.decision for c in other.calls]:
        return "another decision"
    if [(c.ok, c.result) for c in one.calls] != [(c.ok, c.result) for c in other.calls]:
        return "another result"
    if one.ending != other.ending:
        return "another end"
    return "other words" if one.said != other.said else ""
