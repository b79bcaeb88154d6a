"""Editing the arguments of a call that waits: validated, judged again, earlier votes void."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.catalogue import load_map
from agents.core import canonical, events
from agents.core.risk import Judgement, Risk, RiskMap, Verdict
from agents.gatekeeper import approval_digest
from agents.inbox.refusals import Invalid
from agents.models import Approval
from agents.toolbox import schema


def edited_arguments(approval: Approval, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The edited arguments, if they are valid and no rule forbids them."""
    if (judged := judged_edit(approval, arguments)).verdict is Verdict.DENY:
        raise Invalid(f"A rule forbids these arguments: {judged.rule}.")
    return arguments


def judged_edit(approval: Approval, arguments: Mapping[str, Any]) -> Judgement:
    """How the gate would judge the call with these arguments now. Raises ``Invalid`` if they are
    no arguments of its tool; writes nothing."""
    try:
        canonical.check(dict(arguments))
    except canonical.BadJson as error:
        raise Invalid(f"The edited arguments are not valid: {error}.") from None
    started = _started(approval)
    if found := schema.problems(_schema(started, approval.tool), arguments):
        raise Invalid("The edited arguments are not valid: " + "; ".join(found))
    unasked = Risk.of(started["max_auto_risk"])
    return load_map()[0].judge(approval.session.agent, approval.tool, arguments, unasked)


def _started(approval: Approval) -> Mapping[str, Any]:
    """What the session froze at its start."""
    event = approval.session.events.get(kind=events.SessionStarted.kind)
    return events.parse_text(event.text)


def _schema(started: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    tools: list[Mapping[str, Any]] = started["tools"]
    return next((tool["input_schema"] for tool in tools if tool["name"] == name), {})


def judged_now(risk_map: RiskMap, approval: Approval, arguments: Mapping[str, Any]) -> Judgement:
    # Asked is asked: only what the rules now say matters, not the comparison of risks.
    return risk_map.judge(approval.session.agent, approval.tool, arguments, Risk.HIGH)


def replace_arguments(approval: Approval, arguments: Mapping[str, Any]) -> None:
    """Earlier votes were for other arguments, so they are void."""
    judged = judged_now(load_map()[0], approval, arguments)
    approval.required = max(approval.required, judged.required)
    approval.arguments = canonical.sorted_text(arguments)
    approval.digest = bound_digest(approval)
    approval.ballots.all().delete()
    approval.save(update_fields=["arguments", "digest", "required"])


def bound_digest(approval: Approval) -> str:
    """What the row as it is now would bind."""
    return approval_digest(
        str(approval.session.uuid),
        approval.call_id,
        approval.generation,
        approval.tool,
        approval.definition,
        canonical.parse_object(approval.arguments),
    )
