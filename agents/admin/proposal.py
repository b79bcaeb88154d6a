"""A proposed edit on its way through a page: forecast, reason, saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest

from agents import inbox, riskmap
from agents.core import canonical
from agents.models import PolicyChange


@dataclass
class Proposal:
    """What a form would change. Nothing is saved that its page has not shown first."""

    changes: Sequence[riskmap.Change] = ()
    reason: str = ""
    problem: str = ""
    puts_back: PolicyChange | None = None
    fields: dict[str, str] = field(default_factory=dict)  # what else the page's form carries

    @cached_property
    def outlooks(self) -> list[riskmap.Outlook]:
        return riskmap.outlooks(self.changes) if self.changes else []

    @property
    def needs_reason(self) -> bool:
        return any(change.softens for change in self.changes)

    @property
    def digest(self) -> str:
        """What the page showed; a save must carry it."""
        shown = [
            [one.name, one.renamed, one.accepts, dict(one.before or {}), dict(one.after or {})]
            for one in self.changes
        ]
        return canonical.digest({"changes": shown})[:24]


def submitted(
    request: HttpRequest,
    changes: Sequence[riskmap.Change],
    puts_back: PolicyChange | None = None,
) -> Proposal | None:
    """The proposal to show, or None once it is saved."""
    proposal = Proposal(
        [change for change in changes if change],
        request.POST.get("reason", ""),
        puts_back=puts_back,
    )
    if request.POST.get("act") != "save" or not proposal.changes:
        return proposal
    if request.POST.get("shown") != proposal.digest:
        proposal.problem = "This is not what you looked at before. Look again, then save."
        return proposal
    return _saved(request, proposal)


def refused(request: HttpRequest, problem: str) -> Proposal:
    """Nothing to look at: what is wrong, and the reason, which is not to be typed again."""
    return Proposal(reason=request.POST.get("reason", ""), problem=problem)


def _saved(request: HttpRequest, proposal: Proposal) -> Proposal | None:
    forecasts = {one.change.name: one.stored() for one in proposal.outlooks if one.change.judges}
    try:
        riskmap.save(
            cast("User", request.user),
            proposal.changes,
            proposal.reason,
            forecasts=forecasts,
            puts_back=proposal.puts_back,
        )
    except (inbox.Invalid, inbox.Conflict) as refused:
        proposal.problem = refused.message
        return proposal
    names = ", ".join(change.renamed or change.name for change in proposal.changes)
    messages.success(request, f"Saved: {names}. What waits for people was judged again.")
    return None
