"""The gate: every call is judged by the risk map as edited in the admin, before any waits."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.catalogue import CatalogueCopy
from agents.core import budget, canonical, events, grants, raising, stuck, wording
from agents.core.fold import proposed
from agents.core.ports import Judged
from agents.core.results import not_run, outcome_unknown, over_budget
from agents.core.risk import Effect, Judgement, Risk, Verdict
from agents.core.state import Call, CallStatus, State
from agents.core.tools import Toolbox, UnknownTool
from agents.core.turn import Proposed

DEFAULT_APPROVAL_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class SessionGate:
    """The gate of one session. Risk and effect come from the catalogue only, never from a tool."""

    session: str
    toolbox: Toolbox
    catalogue: CatalogueCopy
    plays: bool = False  # results come from a record: nothing runs, so nobody is asked

    async def judge(self, state: State, calls: Sequence[Proposed], reason: str) -> Judged:
        if calls and not self.catalogue.version:
            await self.catalogue.refresh()
        facts: list[events.Fact] = []
        for call in calls:
            facts += self._judge(state, call, reason, facts)
        return Judged(tuple(facts), self.catalogue.version)

    async def refresh(self) -> None:
        await self.catalogue.refresh()

    def _judge(
        self, state: State, call: Proposed, reason: str, before: Sequence[events.Fact]
    ) -> list[events.Fact]:
        judged, problem = self._verdict(state, call, before)
        grant = _grant(state, call, judged)
        if grant is not None:
            judged = replace(judged, verdict=Verdict.ALLOW, rule=grants.rule(grant))
        fact = self._tool_call(call, judged, grant.grant_id if grant else "")
        if full := budget.no_room(state, fact, before):
            return over_budget(fact, full)
        match judged.verdict:
            case Verdict.ALLOW:
                return [fact]
            case Verdict.ASK:
                return [fact, self._request(state, proposed(fact), reason)]
            case Verdict.DENY:
                told = wording.policy(call.tool, judged.rule)
                return [fact, not_run(call, "denied_by_policy", told)]
            case Verdict.INVALID:
                return [fact, not_run(call, *problem)]

    def _verdict(
        self, state: State, call: Proposed, before: Sequence[events.Fact]
    ) -> tuple[Judgement, tuple[str, str]]:
        """The judgement, and for an invalid call its error class and what the model is told."""
        try:
            problems = self.toolbox.problems(call.tool, call.arguments)
        except UnknownTool:
            return _invalid("unknown tool"), ("unknown_tool", wording.unknown_tool(call.tool))
        if problems:
            told = wording.invalid(call.tool, problems)
            return _invalid("bad arguments"), ("invalid_arguments", told)
        if stuck.is_blocked(state, call.tool, call.arguments):
            return _invalid("loop guard"), ("loop_blocked", wording.blocked(call.tool))
        if self.plays:
            return _PLAYED, ("", "")
        assert state.started is not None
        threshold = Risk.of(state.started.max_auto_risk)
        agent = state.started.agent
        judged = self.catalogue.map.judge(agent, call.tool, call.arguments, threshold)
        return raising.raised(judged, state, call.tool, threshold, before), ("", "")

    def _tool_call(self, call: Proposed, judged: Judgement, grant: str = "") -> events.ToolCall:
        definition = next((d for d in self.toolbox.definitions() if d.name == call.tool), None)
        timeout = self.catalogue.timeouts.get(call.tool, definition.timeout if definition else 60.0)
        return events.ToolCall(
            call_id=call.call_id,
            tool=call.tool,
            arguments=call.arguments,
            risk=judged.risk.word,
            verdict=judged.verdict.value,
            rule=judged.rule,
            effect=judged.effect.value,
            required=judged.required,
            timeout=timeout,
            definition=definition.bound if definition else "",
            grant=grant,
            base=judged.base.word if judged.base is not None else "",
            title=self.catalogue.map.title(call.tool),
        )

    def again(self, state: State, call: Call) -> Judged:
        judged = self._now(state, call)
        if judged.verdict is Verdict.DENY:
            return Judged((_denied(call, judged),), self.catalogue.version)
        return Judged((self._anew(state, call, judged),), self.catalogue.version)

    def still(self, state: State, call: Call) -> Judged:
        if self.plays:
            return Judged((), None)
        judged = self._now(state, call)
        if _lets_through(state, call, judged):
            return Judged((), self.catalogue.version)
        if call.attempt:
            fact = _not_again(call, judged)
        elif judged.verdict is Verdict.DENY:
            fact = _denied(call, judged)
        else:
            fact = self._anew(state, call, judged)
        return Judged((fact,), self.catalogue.version)

    def _now(self, state: State, call: Call) -> Judgement:
        """What the catalogue as it is now says of a call; the session's past is in its risk."""
        assert state.started is not None
        threshold = Risk.of(state.started.max_auto_risk)
        return self.catalogue.map.judge(state.started.agent, call.tool, call.arguments, threshold)

    def _anew(self, state: State, call: Call, judged: Judgement) -> events.ApprovalRequested:
        """Never less than was asked before, and never less than is asked now."""
        risk = max(Risk.of(call.risk), judged.risk)
        asked = replace(
            self._request(state, call, state.tail_text),
            required=max(call.required, judged.required),
            risk=risk.word,
            effect=judged.effect.value,
        )
        return replace(asked, rule=judged.rule) if judged.risk >= risk else asked

    def _request(self, state: State, call: Call, reason: str) -> events.ApprovalRequested:
        settings = state.started.settings if state.started else {}
        seconds = settings.get("approval_seconds", DEFAULT_APPROVAL_SECONDS)
        return events.ApprovalRequested(
            approval_id=str(uuid.uuid4()),
            call_id=call.call_id,
            tool=call.tool,
            arguments=call.arguments,
            digest=self.digest(state, call, call.definition),
            decide_by=events.timestamp(datetime.now(UTC) + timedelta(seconds=float(seconds))),
            required=call.required,
            risk=call.risk,
            rule=call.rule,
            reason=reason,
            definition=call.definition,
            generation=call.generation,
            title=call.title,
        )

    def digest(self, state: State, call: Call, definition: str) -> str:
        return approval_digest(
            self.session, call.call_id, call.generation, call.tool, definition, call.arguments
        )


def approval_digest(
    session: str,
    call_id: str,
    generation: int,
    tool: str,
    definition: str,
    arguments: Mapping[str, Any],
) -> str:
    """What an approval binds: this call of this session, this definition, these arguments.

    The definition's digest covers the server; policy is left out on purpose, so that an edit of
    the map judges pending approvals again instead of voiding every one.
    """
    return canonical.digest(
        {
            "v": 1,
            "session": session,
            "call": call_id,
            "generation": generation,
            "tool": tool,
            "definition": definition,
            "arguments": arguments,
        }
    )


def _grant(state: State, call: Proposed, judged: Judgement) -> events.GrantGiven | None:
    """What lets a call run that would have asked one person; a deny is never softened."""
    if judged.verdict is not Verdict.ASK or judged.required > 1:
        return None
    return grants.covering(state, call.tool, call.arguments, judged.risk, datetime.now(UTC))


def _lets_through(state: State, call: Call, judged: Judgement) -> bool:
    if judged.verdict is not Verdict.ASK:
        return judged.verdict is Verdict.ALLOW
    return bool(call.approval_id) or _granted(state, call, judged)


def _granted(state: State, call: Call, judged: Judgement) -> bool:
    """Whether the grant that let the call through reaches to the risk of this moment."""
    grant = next((one for one in state.grants if one.grant_id == call.grant), None)
    if grant is None or judged.required > 1:
        return False
    return judged.risk < Risk.HIGH and judged.risk <= Risk.of(grant.risk)


def _denied(call: Call, judged: Judgement) -> events.Fact:
    """The end of a call that a rule forbids by now, though it was let through."""
    if call.approval_id and call.status is CallStatus.READY:
        return events.ApprovalDecided(
            approval_id=call.approval_id,
            call_id=call.call_id,
            decision="invalidated",
            by="policy",
            reason=f"now forbidden by {judged.rule}",
            digest=call.digest,
        )
    return not_run(call, "denied_by_policy", wording.policy(call.tool, judged.rule))


def _not_again(call: Call, judged: Judgement) -> events.Fact:
    """The end of a call of which an attempt failed and the next is not let through. Of one that
    may have happened only a person can say what became of it."""
    if call.key_since and call.effect is not Effect.READ:
        evidence = f"an attempt failed, and no other may follow: {judged.rule}"
        began = call.started_at or datetime.now(UTC)
        return outcome_unknown(call, call.idempotency_key, began, evidence)
    if judged.verdict is Verdict.DENY:
        return not_run(call, "denied_by_policy", wording.policy(call.tool, judged.rule))
    return not_run(call, "invalidated", wording.asks_by_now(call.tool, judged.rule))


_PLAYED = Judgement(Verdict.ALLOW, Risk.SAFE, Effect.READ, "played from the record: nothing runs")


def _invalid(because: str) -> Judgement:
    return Judgement(Verdict.INVALID, Risk.HIGH, Effect.IRREVERSIBLE, because)
