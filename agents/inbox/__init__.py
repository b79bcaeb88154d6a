"""What a person may write: approve, deny, answer, edit, steer, pause, resume, stop, settle.

Every door here is synchronous, checks the person's rights, and appends through the journal under
the session row's lock; the vote, the event and the session's wake-up commit together. A refusal
is an exception with a sentence for the person; nothing is lost by it. After ``FateUnknown`` it may
be on record all the same.
"""

from __future__ import annotations

from agents.inbox.access import cleaned as words
from agents.inbox.anomalies import acknowledge
from agents.inbox.claims import RightsLost, Void, consume, reopen
from agents.inbox.decisions import answer, approve, deny, undo, withdraw
from agents.inbox.edits import judged_edit
from agents.inbox.endpoints import clear_provider
from agents.inbox.granting import (
    GrantOver,
    Scope,
    covered,
    end,
    grant,
    in_force,
    not_grantable,
    revoke,
    use,
)
from agents.inbox.looking import look
from agents.inbox.outcomes import settle
from agents.inbox.pinning import pin, unpin
from agents.inbox.policy import expire, go_on, rejudge
from agents.inbox.pricing import must_be_priced
from agents.inbox.questions import (
    change_limits,
    lift_block,
    must_be_below_ceilings,
    wrap_up,
)
from agents.inbox.refusals import (
    Conflict,
    FateUnknown,
    Invalid,
    Missing,
    NotAllowed,
    Problem,
    Refused,
)
from agents.inbox.steering import pause, resume, steer, stop, stop_all

__all__ = [
    "Conflict",
    "FateUnknown",
    "GrantOver",
    "Invalid",
    "Missing",
    "NotAllowed",
    "Problem",
    "Refused",
    "RightsLost",
    "Scope",
    "Void",
    "acknowledge",
    "answer",
    "approve",
    "change_limits",
    "clear_provider",
    "consume",
    "covered",
    "deny",
    "end",
    "expire",
    "go_on",
    "grant",
    "in_force",
    "judged_edit",
    "lift_block",
    "look",
    "must_be_below_ceilings",
    "must_be_priced",
    "not_grantable",
    "pause",
    "pin",
    "rejudge",
    "reopen",
    "resume",
    "revoke",
    "settle",
    "steer",
    "stop",
    "stop_all",
    "undo",
    "unpin",
    "use",
    "withdraw",
    "words",
    "wrap_up",
]
