"""Events -> HTML: the one presenter, for first load, live push and replay alike.

A row depends on its event and on nothing else, and carries nothing of who looks at it, so that one
rendering serves every viewer and may be kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from agents.core import events, titles
from agents.core.events import Record
from agents.core.trouble import is_trouble
from oversight import spans, wording
from oversight.partials import render
from oversight.rows import row

KEPT_ROWS = 20_000

# What makes the dock of pending decisions look again.
BELL_KINDS = {
    "approval_requested", "vote_cast", "vote_withdrawn", "approval_raised", "approval_decided",
    "grant_given", "grant_revoked", "outcome_unknown", "outcome_settled", "budget_reached",
    "loop_detected", "limits_changed", "stopped", "complete", "error",
}  # fmt: skip


_kept: OrderedDict[tuple[str, int, str], str] = OrderedDict()
_lock = threading.Lock()


def render_row(record: Record) -> str:
    """The row's HTML, through the one partial of its kind; kept."""
    key = (record.session, record.seq, record.digest)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    html = render(f"timeline/_{record.kind}.html", row=row(record))
    with _lock:
        _kept[key] = html
        if len(_kept) > KEPT_ROWS:
            _kept.popitem(last=False)
    return html


def forget() -> None:
    """Drop the kept rows, for tests and for a changed template."""
    with _lock:
        _kept.clear()


@dataclass(frozen=True, slots=True)
class Shown:
    """Which rows of a step stand on a page; what lies around them is fetched on demand."""

    rows: Sequence[Record]
    earlier: bool = False  # whether the step has events before them
    later: bool = False


def render_step(
    step: int,
    records: Sequence[Record],
    *,
    closed: bool = False,
    shown: Shown | None = None,
    total: int = -1,
    lane: spans.Lane | None = None,
) -> str:
    """A step: one model turn and everything it caused. ``total``: steps, -1 while it runs."""
    shown = shown or Shown(records)
    return render(
        "timeline/_step.html",
        session=records[0].session,
        step=step,
        position=step + 1,
        total=total,
        title=step_title(step, records),
        **rows_context(shown, len(records), records[-1].seq),
        lane=lane or spans.lane(records),
        closed=closed,
        has=contents(records),
        upto=max(
            (r.fact.read_upto for r in records if isinstance(r.fact, events.Thinking)), default=0
        ),
    )


def rows_context(shown: Shown, count: int, last: int) -> dict[str, object]:
    """What a step's list needs: its rows, and where what is before and after them begins."""
    stand = shown.rows
    return {
        "rows": [render_row(record) for record in stand],
        "count": count,
        "last": last,
        "earlier": stand[0].seq if stand and shown.earlier else 0,
        "later": stand[-1].seq if stand and shown.later else 0,
    }


def contents(records: Iterable[Record]) -> str:
    """By which filters of the page a step is found."""
    found = set()
    for record in records:
        if record.kind.startswith("tool_"):
            found.add("tools")
        if record.kind.startswith(("approval_", "vote_", "outcome_")):
            found.add("approvals")
        if is_trouble(record.fact):
            found.add("errors")
    return " ".join(sorted(found))


def may_close(records: Iterable[Record]) -> bool:
    """Whether a finished step may be folded: no trouble in it, nobody was asked or spoke, and
    nothing was forbidden."""
    noisy = BELL_KINDS | {"budget_warned", "message", "context_compacted", "stop_requested"}
    return not any(
        record.kind in noisy or is_trouble(record.fact) or _forbidden(record.fact)
        for record in records
    )


def _forbidden(fact: events.Fact) -> bool:
    return isinstance(fact, events.ToolCall) and fact.verdict == "deny"


def step_title(step: int, records: Sequence[Record]) -> str:
    """By our own words for the step's first call; never the model's."""
    for record in records:
        if isinstance(record.fact, events.ToolCall):
            return titles.of(record.fact)
    if step == 0:
        return "Start"
    kinds = {record.kind for record in records}
    return "Answer" if kinds & {"thinking", "complete"} else "Model's turn"


@dataclass(frozen=True, slots=True)
class Entry:
    """A step in the outline."""

    step: int
    title: str
    took: str
    bad: bool


def outline_entry(step: int, records: Sequence[Record], lane: spans.Lane | None = None) -> Entry:
    took = wording.duration((lane or spans.lane(records)).facts.milliseconds)
    return Entry(
        step, step_title(step, records), took, any(is_trouble(record.fact) for record in records)
    )


def frame(records: Sequence[Record], opened_steps: Collection[int]) -> str:
    """What the live socket sends for new events; ``opened_steps`` are on the page already."""
    parts: list[str] = []
    opened = set(opened_steps)
    for step, group in groupby(records, key=lambda record: record.step):
        news = list(group)
        parts.append(_appended(step, news) if step in opened else _opened(step, news))
        opened.add(step)
    if any(record.kind in BELL_KINDS for record in records):
        last = records[-1]
        parts.append(render_bell(last.session, last.seq, oob=True))
    if any(record.kind in ("thinking", "turn_discarded") for record in records):
        parts.append(render_ghost("", ""))
    return "".join(parts)


def _opened(step: int, records: Sequence[Record]) -> str:
    return render(
        "timeline/_opened.html",
        entry=outline_entry(step, records),
        article=render_step(step, records),
    )


def _appended(step: int, records: Sequence[Record]) -> str:
    retitled = any(record.kind in ("thinking", "tool_call") for record in records)
    return render(
        "timeline/_appended.html",
        step=step,
        title=step_title(step, records) if retitled else "",
        rows=[render_row(record) for record in records],
    )


def render_bell(session: str, seq: int, *, oob: bool = False) -> str:
    """What makes the page fetch its dock of pending decisions again."""
    return render("timeline/_bell.html", session=session, seq=seq, oob=oob)


def render_ghost(kind: str, text: str, *, oob: bool = True) -> str:
    """The turn in progress, out of band; empty text clears it."""
    return render("timeline/_ghost.html", kind=kind, text=text, oob=oob)
