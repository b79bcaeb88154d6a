"""What people decide, by which rules they are asked, and how they read."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.utils.safestring import SafeString

from agents import roles
from agents.core import spread
from agents.core.risk import Risk
from oversight import cases, wording
from oversight.insights import charts
from oversight.insights.figures import (
    Figures,
    Subject,
    grouped,
    lengths,
    total,
)
from oversight.insights.panels.table import Table

_FILLS = {
    "approved": "tool",
    "edited": "model",
    "answered": "human",
    "denied": "error",
    "expired": "idle",
}


@dataclass(frozen=True, slots=True)
class DecisionLine:
    risk: str
    counts: dict[str, int]

    @property
    def asked(self) -> int:
        return sum(self.counts.values())

    @property
    def approved(self) -> float:
        return (self.counts["approved"] + self.counts["edited"]) / max(1, self.asked)

    @property
    def svg(self) -> SafeString:
        parts = [(float(n), _FILLS[name], f"{name}: {n}") for name, n in self.counts.items()]
        return charts.shares(parts)


def outcomes(figures: Figures) -> list[str]:
    """What came of approvals; an answer instead of a call is rare and listed where there is one."""
    answered = total(figures.of(Subject.APPROVAL), "answered")
    return [name for name in _FILLS if name != "answered" or answered]


def decision_keys(figures: Figures) -> list[tuple[str, str]]:
    return [(_FILLS[name], name.capitalize()) for name in outcomes(figures)]


def decisions(figures: Figures) -> list[DecisionLine]:
    """What people said, by risk."""
    known = grouped(figures.of(Subject.APPROVAL), lambda row: row.risk)
    names = outcomes(figures)
    lines = [
        DecisionLine(risk.word, {name: total(known[risk.word], name) for name in names})
        for risk in Risk
        if risk.word in known
    ]
    return [line for line in lines if line.asked]


def decisions_table(figures: Figures) -> Table:
    rows = [
        (line.risk.upper(), str(line.asked), *(str(n) for n in line.counts.values()))
        for line in decisions(figures)
    ]
    return Table(("Risk", "Asked", *(name.capitalize() for name in outcomes(figures))), rows)


FEWEST_ASKED = 20


@dataclass(frozen=True, slots=True)
class RuleLine:
    rule: str
    risk: str
    asked: int
    approved: int
    denied: int

    @property
    def never(self) -> bool:
        return not self.denied and self.approved == self.asked


def rules(figures: Figures) -> list[RuleLine]:
    """Every rule that asked people, the most often asked first."""
    known = grouped(figures.of(Subject.RULE), lambda row: row.name)
    found = [
        RuleLine(
            rule,
            max((row.risk for row in rows), key=Risk.of),
            total(rows),
            total(rows, "approved"),
            total(rows, "denied"),
        )
        for rule, rows in known.items()
    ]
    return sorted(found, key=lambda line: (-line.asked, line.rule))


def idle_rules(figures: Figures) -> list[RuleLine]:
    """Rules that asked often and never once changed what happened."""
    return [line for line in rules(figures) if line.never and line.asked >= FEWEST_ASKED]


def rules_table(figures: Figures) -> Table:
    head = ("Rule", "Risk", "Asked", "Approved as asked", "Denied")
    rows = [
        (line.rule, line.risk.upper(), str(line.asked), str(line.approved), str(line.denied))
        for line in rules(figures)
    ]
    return Table(head, rows, frozenset({0, 1}))


FEWEST_READ = 10


@dataclass(frozen=True, slots=True)
class Reader:
    name: str
    decided: int
    fast: int
    middle: float  # milliseconds

    @property
    def often(self) -> bool:
        return self.decided >= FEWEST_READ and self.fast * 2 >= self.decided


def readers(figures: Figures, rights: roles.Rights) -> list[Reader]:
    """How people decided. Others are named only to who audits every agent that the figures tell
    of: an auditor of one group may see more groups than that."""
    known = grouped(figures.of(Subject.READING), lambda row: row.name)
    overseer = rights.wherever_seen("audit")
    ids = [int(one) for one in known if overseer or one == str(rights.user_id)]
    people = get_user_model().objects.in_bulk(ids)
    found = [
        Reader(
            cases.person(person),
            total(known[str(pk)]),
            total(known[str(pk)], "fast"),
            spread.quantile(lengths(known[str(pk)]), 0.5) or 0.0,
        )
        for pk, person in people.items()
    ]
    return sorted(found, key=lambda one: (-one.fast, one.name))


def readers_table(figures: Figures, rights: roles.Rights) -> Table:
    head = ("Person", "Decided", "Faster than one can read", "Median time")
    rows = [
        (one.name, str(one.decided), str(one.fast), wording.duration(one.middle))
        for one in readers(figures, rights)
    ]
    return Table(head, rows)
