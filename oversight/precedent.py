"""How calls of a tool were decided before: one mark each, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.models import Approval

STEP = 9  # units between two marks
_KINDS = {"approved": "approved", "consumed": "approved", "denied": "denied"}


@dataclass(frozen=True, slots=True)
class Mark:
    kind: str
    x: int


@dataclass(frozen=True, slots=True)
class Precedent:
    """The last decisions of thirty days, the oldest first."""

    marks: list[Mark]
    counts: list[tuple[int, str]]
    denial: Approval | None  # the last that was given a reason
    here: str  # what was decided in the same session

    @property
    def width(self) -> int:
        return max(STEP * len(self.marks), 1)

    @property
    def words(self) -> str:
        told = ", ".join(f"{count} {kind}" for count, kind in self.counts)
        return f"{told} in 30 days" if told else "No decisions in 30 days"


def precedent(past: Sequence[Approval], approval: Approval) -> Precedent:
    kinds = [_kind(one) for one in past]
    denials = [one for one in past if one.state == "denied" and one.decision_reason]
    return Precedent(
        marks=[Mark(kind, index * STEP) for index, kind in enumerate(kinds)],
        counts=[(kinds.count(kind), kind) for kind in dict.fromkeys(kinds)],
        denial=denials[-1] if denials else None,
        here=_here([one for one in past if one.session_id == approval.session_id]),
    )


def _kind(approval: Approval) -> str:
    return _KINDS.get(approval.state, approval.state)


def _here(own: Sequence[Approval]) -> str:
    kinds = [_kind(one) for one in own]
    told = [f"{kind} {_times(kinds.count(kind))}" for kind in dict.fromkeys(kinds)]
    return f"In this session: {', '.join(told)}." if told else ""


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
