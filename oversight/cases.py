"""What a person needs to decide: the call, its risk, arguments and history, and their right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents import inbox, roles
from agents.core.risk import Risk
from agents.models import Approval, LateEvidence, Outcome, Tool, Vote
from oversight import arguments, queries, tiles, wording
from oversight.arguments import Argument
from oversight.precedent import Precedent, precedent

SUGGESTIONS = ("Not now, wait for me", "Wrong target, check it first", "Not needed for this task")


@dataclass(frozen=True, slots=True)
class Case:
    """One approval as a person sees it. ``refusal`` says why they cannot decide it."""

    approval: Approval
    title: str
    arguments: list[Argument]
    facts: list[tuple[str, str]]
    compared: Approval | None
    precedent: Precedent
    votes: list[Vote]
    voted: bool
    refusal: str
    not_grantable: str = ""
    others: tuple[str, ...] = ()  # who else looks at it

    @property
    def bulk(self) -> bool:
        """Whether it may be decided together with others."""
        return tiles.bulk(self.approval)

    @property
    def open(self) -> bool:
        return self.approval.state == Approval.State.PENDING

    @property
    def high(self) -> bool:
        return self.approval.risk not in ("safe", "low", "medium")

    @property
    def edited(self) -> bool:
        return self.approval.arguments != self.approval.original

    @property
    def changes(self) -> list[Argument]:
        """What an approver made of what the agent asked for."""
        asked, now = (
            tiles.arguments(text) for text in (self.approval.original, self.approval.arguments)
        )
        return [one for one in arguments.shown(now, asked) if one.change]

    @property
    def raw(self) -> str:
        return wording.pretty(json.loads(self.approval.arguments))

    @property
    def countdown(self) -> tiles.Countdown:
        return tiles.countdown(self.approval)

    @property
    def missing(self) -> int:
        return max(self.approval.required - self.approval.votes, 0)

    @property
    def slots(self) -> range:
        """The numbers of the people who are still missing."""
        required = self.approval.required
        return range(required - self.missing + 1, required + 1)

    @property
    def next_vote(self) -> str:
        required, place = self.approval.required, ordinal(self.slots.start)
        if required == 1:
            return "It needs one person. It runs straight away."
        if self.missing > 1:
            return f"You would be the {place} of {required}. Nothing runs before the last approves."
        return f"Your approval is the {place} of {required} and runs it straight away."

    @property
    def verdict(self) -> str:
        who = person(self.approval.decided_by) if self.approval.decided_by else ""
        said = verdict(self.approval.state, who, self.approval.decision_reason)
        return f"{said} {self._took}".strip()

    @property
    def _took(self) -> str:
        at, asked = self.approval.decided_at, self.approval.requested_at
        if at is None or not self.approval.decided_by:
            return ""
        return f"It had waited {wording.spoken((at - asked).total_seconds())}."

    @property
    def mood(self) -> str:
        good = (Approval.State.APPROVED, Approval.State.CONSUMED)
        return "ok" if self.approval.state in good else ""

    @property
    def verdict_icon(self) -> str:
        return "shield-check" if self.mood == "ok" else "shield-x"


_VERDICTS = {
    "approved": "approved it",
    "consumed": "approved it, and it was started",
    "denied": "denied it; nothing ran",
    "answered": "answered in its place; nothing ran",
    "revoked": "took the approval back; nothing ran",
    "cancelled": "cancelled it; nothing ran",
}


def verdict(state: str, who: str, reason: str = "") -> str:
    """What became of an approval, as a sentence."""
    if state == "expired" and reason:
        return f"It expired: {reason.rstrip('.')}. Nothing ran."
    if state == "expired":
        return "Nobody decided in time. It counts as denied; nothing ran."
    if state == "invalidated":
        because = f": {reason.rstrip('.')}" if reason else ""
        return f"It was called off before it ran{because}. Nothing ran."
    return f"{who or 'Oversight'} {_VERDICTS.get(state, state)}."


def ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def person(user: Any) -> str:
    """A user's name as pages show it."""
    return str(user.get_full_name() or user.get_username()) if user else ""


def case(approval: Approval, user: roles.Person, as_of: datetime | None = None) -> Case:
    """The case as it stands, or as it stood just before ``as_of``."""
    compared = queries.last_approved(user, approval, as_of)
    past = queries.past(user, approval, as_of)
    cast = approval.counting
    if as_of is not None:
        cast = cast.filter(at__lt=as_of)
    votes = list(cast.select_related("user").order_by("at"))
    voted = any(vote.user_id == user.pk for vote in votes)
    return Case(
        approval=approval,
        title=tiles.title(approval),
        arguments=_arguments(approval, compared),
        facts=facts(approval),
        compared=compared,
        precedent=precedent(past, approval),
        not_grantable=inbox.not_grantable(approval),
        votes=votes,
        voted=voted,
        refusal="" if voted else refusal(approval, user),
    )


def cases(found: Sequence[Approval], user: roles.Person) -> list[Case]:
    return [case(approval, user) for approval in found]


def refusal(approval: Approval, user: roles.Person) -> str:
    """Why this person cannot decide it, and whom to ask; empty if they can."""
    why = roles.may_decide(user, approval)
    if why is None:
        return ""
    return f"{why} {ask(roles.who_may_decide(approval))}".strip()


def ask(other: Any) -> str:
    return f"Ask {person(other)}." if other else ""


def _arguments(approval: Approval, compared: Approval | None) -> list[Argument]:
    before = tiles.arguments(compared.arguments) if compared else None
    return arguments.shown(tiles.arguments(approval.arguments), before)


_EFFECTS = {
    "read": ("eye", "Changes nothing"),
    "keyed": ("repeat", "The target drops repeats of the same call"),
    "probed": ("search", "The target can be asked whether it happened"),
    "irreversible": ("undo-2", "Can’t be undone automatically"),
}


def facts(approval: Approval, effect: str = "") -> list[tuple[str, str]]:
    """Up to three facts from the operator's catalogue, never from the agent; with the ``effect``
    that it had, where it may have another by now."""
    tool = Tool.objects.filter(name=approval.tool).first()
    effect = effect or (tool.effect if tool else "")
    found = [_EFFECTS.get(effect, _EFFECTS["irreversible"])]
    if tool is None or not tool.reviewed:
        found.append(("triangle-alert", "Nobody has reviewed this tool yet"))
    if tool and tool.server:
        found.append(("server", f"Runs on the MCP server {wording.one_line(tool.server, 40)}"))
    return found[:3]


@dataclass(frozen=True, slots=True)
class OutcomeCase:
    """A call whose outcome is unknown, as an adjudicator sees it."""

    outcome: Outcome
    title: str
    arguments: list[Argument]
    late: list[LateEvidence]
    refusal: str


def outcome_case(outcome: Outcome, user: roles.Person) -> OutcomeCase:
    values = tiles.arguments(outcome.arguments)
    late = LateEvidence.objects.filter(session=outcome.session, call_id=outcome.call_id)
    allowed = roles.can(user, "settle", outcome)
    only = "Only adjudicators can settle what became of a call."
    return OutcomeCase(
        outcome=outcome,
        title=tiles.title(outcome),
        arguments=arguments.shown(values),
        late=list(late),
        refusal="" if allowed else f"{only} {ask(roles.who_can('settle', outcome))}".strip(),
    )


def is_high(approval: Approval) -> bool:
    """Whether a press must be confirmed; a risk that we do not know counts as HIGH."""
    try:
        return Risk.of(approval.risk) >= Risk.HIGH
    except ValueError:
        return True
