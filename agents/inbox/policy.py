"""What the clock, the catalogue and the day's cap decide about sessions that wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from django.db.models.functions import Now
from django.utils import timezone

from agents import spending
from agents.catalogue import load_map
from agents.core import canonical, events
from agents.core.risk import Judgement, RiskMap, Verdict
from agents.inbox.access import current, write_all
from agents.inbox.decisions import decided
from agents.inbox.edits import judged_now
from agents.journal import Append, Entry, entry
from agents.models import Approval, Session

State = Approval.State
Act: TypeAlias = Callable[[Approval], list[Entry]]

MOST_AT_ONCE = 1000  # the rest of a flood expires with the next sweeps


def expire() -> int:
    """Deny what nobody decided in time; how many that were."""
    late = Approval.objects.filter(state=State.PENDING, decide_by__lte=Now())[:MOST_AT_ONCE]
    return write_all(_if_pending(approval, _closed("expired", "expiry")) for approval in late)


def rejudge() -> None:
    """Judge pending approvals again after an edit of the catalogue: a deny invalidates them, more
    people raise what is required, a softer rule leaves them pending."""
    risk_map = load_map()[0]
    waiting = Approval.objects.filter(state=State.PENDING).select_related("session")
    write_all(append for approval in waiting if (append := _judged_again(risk_map, approval)))


def _judged_again(risk_map: RiskMap, approval: Approval) -> Append | None:
    judged = judged_now(risk_map, approval, canonical.parse_object(approval.arguments))
    if judged.verdict is Verdict.DENY:
        forbidden = f"now forbidden by {judged.rule}"
        return _if_pending(approval, _closed("invalidated", "gate", forbidden))
    if judged.required > approval.required:
        return _if_pending(approval, _raised(judged))
    return None


def _closed(decision: str, policy: str, reason: str = "") -> Act:
    return lambda held: [decided(held, decision, None, reason, policy=policy)]


def _raised(judged: Judgement) -> Act:
    def act(held: Approval) -> list[Entry]:
        if held.required >= judged.required:
            return []
        fact = events.ApprovalRaised(
            approval_id=str(held.uuid),
            call_id=held.call_id,
            required=judged.required,
            before=held.required,
            rule=judged.rule,
        )
        return [entry(fact, "policy:gate", held.step)]

    return act


def _if_pending(approval: Approval, act: Act) -> Append:
    """What ``act`` says of the row as it is under the session's lock, if it still waits."""

    def guard(row: Session) -> list[Entry]:
        held = current(approval.uuid)
        return act(held) if held.state == State.PENDING else []

    return Append(approval.session_id, guard=guard)


def go_on() -> int:
    """Let sessions go on that wait for a day's cap which is no longer; how many those were."""
    asking = Session.objects.filter(
        status=Session.Status.WAITING_INPUT, question__startswith="day "
    )
    waiting = list(asking.values_list("pk", "question"))
    if not waiting:
        return 0
    now = spending.marks()
    return write_all(_go_on(pk, question) for pk, question in waiting if question not in now)


def _go_on(session: int, question: str) -> Append:
    old_day = question.split(" ")[1] != timezone.localdate().isoformat()
    why = "A new day has begun." if old_day else "The cap of the day was changed."

    def guard(row: Session) -> list[Entry]:
        if row.question != question or row.status != Session.Status.WAITING_INPUT:
            return []
        return [entry(events.Resumed("policy:cap", why), "policy:cap")]

    return Append(session, guard=guard)
