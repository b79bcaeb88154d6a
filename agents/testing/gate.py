"""A gate that judges by the tool's name."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agents.core import canonical, events, wording
from agents.core.events import Fact
from agents.core.fold import proposed
from agents.core.ports import Judged
from agents.core.results import not_run
from agents.core.risk import Effect
from agents.core.state import Call, State
from agents.core.tools import UnknownTool
from agents.core.turn import Proposed
from agents.testing.toolbox import MemoryToolbox


@dataclass
class FixedGate:
    """Judges by the tool's name: ``verdicts`` says allow, ask or deny; whatever is not named is
    asked about."""

    toolbox: MemoryToolbox
    verdicts: Mapping[str, str] = field(default_factory=dict)
    required: int = 1
    timeout: float = 5.0
    version: int = 1
    refreshed: int = 0

    async def judge(self, state: State, calls: Sequence[Proposed], reason: str) -> Judged:
        facts = [fact for call in calls for fact in self._judge(state, call, reason)]
        return Judged(tuple(facts), self.version)

    async def refresh(self) -> None:
        self.refreshed += 1
        self.version += 1

    def _judge(self, state: State, call: Proposed, reason: str) -> list[Fact]:
        verdict, told = self._verdict(call)
        effect = self.toolbox.tools.get(call.tool, Effect.IRREVERSIBLE)
        fact = events.ToolCall(
            call_id=call.call_id,
            tool=call.tool,
            arguments=call.arguments,
            risk="high",
            verdict=verdict,
            rule="fixed",
            effect=effect.value,
            required=self.required,
            timeout=self.timeout,
            definition=self.toolbox.definition(call.tool).bound if not told else "",
        )
        if verdict == "allow":
            return [fact]
        if verdict == "ask":
            return [fact, self.request(state, proposed(fact))]
        return [fact, _refused(call, verdict, told)]

    def _verdict(self, call: Proposed) -> tuple[str, str]:
        try:
            problems = self.toolbox.problems(call.tool, call.arguments)
        except UnknownTool:
            return "invalid", wording.unknown_tool(call.tool)
        if problems:
            return "invalid", wording.invalid(call.tool, problems)
        verdict = self.verdicts.get(call.tool, "ask")
        return verdict, wording.policy(call.tool, "fixed") if verdict == "deny" else ""

    def again(self, state: State, call: Call) -> Judged:
        return Judged((self.request(state, call),), self.version)

    def still(self, state: State, call: Call) -> Judged:
        return Judged((), None)

    def request(self, state: State, call: Call) -> events.ApprovalRequested:
        return events.ApprovalRequested(
            approval_id=str(uuid.uuid4()),
            call_id=call.call_id,
            tool=call.tool,
            arguments=call.arguments,
            digest=self.digest(state, call, call.definition),
            decide_by=events.timestamp(datetime.now(UTC) + timedelta(days=1)),
            required=call.required,
            risk=call.risk,
            rule=call.rule,
            definition=call.definition,
            generation=call.generation,
            title=call.title,
        )

    def digest(self, state: State, call: Call, definition: str) -> str:
        return fixed_digest(call.call_id, call.generation, call.tool, definition, call.arguments)


def fixed_digest(*bound: object) -> str:
    return canonical.digest(list(bound))


def _refused(call: Proposed, verdict: str, told: str) -> events.ToolResult:
    return not_run(call, "denied_by_policy" if verdict == "deny" else "invalid_arguments", told)
