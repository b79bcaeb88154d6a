"""A page's worth of a log: its last steps, within bounds that hold for a log of any length.

Every step of the window has its head; as many rows as are cheap stand on the page, those that
matter first, and the others are fetched when their step is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from agents.core.events import Record
from agents.lineage import log_of
from agents.models import Session
from oversight import queries, spans, timeline
from oversight.timeline import Shown

FIRST = 40  # steps that a session's page shows at first
MORE = 100  # steps that "Show earlier" adds
READ = 400  # events read for a page of 40 steps; in proportion for more
ELEMENTS = 440  # of HTML in the rows that stand on a page at once
CHEAPEST = 12  # elements of the smallest row
LEAST = 12  # rows of the last step, whatever they cost
ROWS = 100  # rows of one step that are fetched at once
AROUND = 20  # rows on either side of one that a link points at

Group = tuple[int, list[Record]]


@dataclass(frozen=True, slots=True)
class Read:
    """Events of the last steps before a point, and whether the first step lacks its beginning."""

    groups: list[Group]
    cut: bool
    after: int = 0  # the last event that was read
    later: int = 0  # the seq before what follows, where it is not the end of the log


def page(
    session: Session, before: int | None = None, at: int | None = None, steps: int = FIRST
) -> dict[str, Any]:
    """A window of the session's steps, rendered: the last ones, those before a step, or around
    an event; and where the windows before and after it begin."""
    read = _read(session, before, at, steps)
    groups = read.groups
    chosen = next((n for n, g in groups if any(r.seq == at for r in g)), None) if at else None
    shown = _chosen_rows(read, at) if at else {}
    shown = _shares(groups, read.cut, shown)
    total = session.steps + 1 if session.ended else -1
    now = session.ended_at or timezone.now()
    lanes = spans.laid_out([spans.lane(log, now) for _, log in groups])
    last = groups[-1][0] if groups else 0
    html = [
        timeline.render_step(
            step,
            log,
            shown=shown[step],
            total=total,
            closed=not shown[step].rows or (step != chosen and _folds(step, log, last)),
            lane=lane,
        )
        for (step, log), lane in zip(groups, lanes, strict=True)
    ]
    outline = [
        timeline.outline_entry(*group, lane) for group, lane in zip(groups, lanes, strict=True)
    ]
    first = groups[0][0] if groups else 0
    earlier = first if first or (read.cut and not shown[first].earlier) else None
    return {
        "steps": html,
        "outline": outline,
        "earlier": earlier,
        "later": read.later,
        "after": read.after,
    }


def rows(session: Session, step: int, before: int | None, after: int | None) -> dict[str, Any]:
    """Rows of one step: the last ones, or those next to an event."""
    log = log_of(session).filter(step=step)
    if after is not None:
        found = list(log.filter(seq__gt=after)[: ROWS + 1])
        shown = _records(session, found[:ROWS])
        return timeline.rows_context(Shown(shown, later=len(found) > ROWS), len(shown), 0)
    if before is not None:
        log = log.filter(seq__lt=before)
    found = list(log.order_by("-seq")[: ROWS + 1])
    shown = _records(session, found[ROWS - 1 :: -1] if len(found) > ROWS else found[::-1])
    return timeline.rows_context(Shown(shown, earlier=len(found) > ROWS), len(shown), 0)


def tail(session: Session, steps: int, most: int = 200) -> list[Group]:
    """The last steps, as far as their last events tell."""
    log = _last(session, most)
    return [(step, g) for step, g in queries.by_step(log) if step > session.steps - steps]


def _records(session: Session, found: Iterable[Any]) -> list[Record]:
    return [queries.record(event, str(session.uuid)) for event in found]


def _last(session: Session, most: int, before: int | None = None, upto: int = 0) -> list[Record]:
    log = log_of(session)
    if before is not None:
        log = log.filter(step__lt=before)
    if upto:
        log = log.filter(seq__lte=upto)
    return _records(session, reversed(log.order_by("-seq")[:most]))


def _read(session: Session, before: int | None, at: int | None, steps: int) -> Read:
    most = READ * steps // FIRST
    log = _last(session, most, before)
    if at and log and at < log[0].seq:
        log = _last(session, most, upto=at + ROWS)
    found = queries.by_step(log)
    cut = bool(log) and log[0].seq > 1
    if cut and len(found) > 1:  # a step is shown from its beginning, unless it is the only one
        found, cut = [(n, g) for n, g in found if n != log[0].step], False
    cut = cut and len(found) == 1
    shown = _around(found, at, steps)
    reached = max((record.seq for _, group in shown for record in group), default=0)
    # A step may hear of something late: its events are read, though its rows stand further up.
    ended = shown[-1:] == found[-1:] and log[-1:] and log[-1].seq >= session.last_seq
    return Read(
        shown, cut, max(reached, session.last_seq) if ended else reached, 0 if ended else reached
    )


def _around(found: list[Group], at: int | None, steps: int) -> list[Group]:
    """The last steps, or those around an event."""
    places = [n for n, (_, group) in enumerate(found) if any(r.seq == at for r in group)]
    end = min(places[0] + steps // 2, len(found)) if places else len(found)
    return found[max(end - steps, 0) : max(end, steps)]


def _chosen_rows(read: Read, at: int) -> dict[int, Shown]:
    """Of a long step, those around the event."""
    for step, log in read.groups:
        place = next((n for n, record in enumerate(log) if record.seq == at), None)
        if place is None:
            continue
        first, end = max(place - AROUND, 0), place + AROUND
        return {step: Shown(log[first:end], first > 0 or read.cut, end < len(log))}
    return {}


def _shares(groups: Sequence[Group], cut: bool, shown: dict[int, Shown]) -> dict[int, Shown]:
    """Which rows stand on the page: the last steps first, then what must not be overlooked."""
    left = ELEMENTS - sum(_cost(record) for one in shown.values() for record in one.rows)
    newest = [group for group in reversed(groups) if group[0] not in shown]
    loud = [group for group in newest[2:] if not timeline.may_close(group[1])]
    quiet = [group for group in newest[2:] if timeline.may_close(group[1])]
    for number, (step, log) in enumerate([*newest[:2], *loud, *quiet]):
        take, left = _fitting(log, left, LEAST if number == 0 else 0)
        whole = take == len(log)
        if not whole and number >= 2:  # half a step would be mistaken for all of it
            take = 0
        rows = log[len(log) - take :]
        shown[step] = Shown(rows, earlier=bool(rows) and (not whole or cut))
    return shown


def _fitting(log: Sequence[Record], left: int, least: int) -> tuple[int, int]:
    """How many of the last rows fit, and what is left then."""
    taken = 0
    for record in reversed(log):
        if taken >= least and (left < CHEAPEST or _cost(record) > left):
            break
        cost = _cost(record)
        left -= cost
        taken += 1
    return taken, left


def _cost(record: Record) -> int:
    html = timeline.render_row(record)
    return html.count("<") - html.count("</")


def _folds(step: int, log: Sequence[Record], last: int) -> bool:
    return step < last - 1 and timeline.may_close(log)
