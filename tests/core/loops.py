"""Whole sessions in memory: the loop, its fakes, and people who decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.core import events
from agents.core.events import Record
from agents.core.model import Turn
from agents.core.risk import Effect
from agents.core.state import Call, CallStatus, State
from agents.testing import FixedGate, MemoryStore, MemoryToolbox, ScriptedModel, Stage

TOOLS = {
    "look": Effect.READ,
    "charge": Effect.KEYED,
    "write": Effect.PROBED,
    "post": Effect.IRREVERSIBLE,
    "wipe": Effect.IRREVERSIBLE,
}
# ``post`` and ``wipe`` wait for people; ``bomb`` is forbidden; what is not a tool is unknown.
VERDICTS = {"look": "allow", "charge": "allow", "write": "allow", "bomb": "deny"}

Decide = Callable[[Call], tuple[str, Mapping[str, Any] | None]]


def approves(call: Call) -> tuple[str, Mapping[str, Any] | None]:
    return "approved", None


def denies(call: Call) -> tuple[str, Mapping[str, Any] | None]:
    return "denied", None


def stage(turns: Sequence[Turn], store: MemoryStore | None = None, **fields: Any) -> Stage:
    toolbox = MemoryToolbox({**TOOLS, "bomb": Effect.IRREVERSIBLE})
    made = Stage(ScriptedModel(turns), toolbox, FixedGate(toolbox, VERDICTS), **fields)
    if store:
        made.store = store
    return made


@dataclass
class People:
    """Decide what waits, settle what is in doubt, answer what is asked."""

    stage: Stage
    decide: Decide = approves
    order: Callable[[Sequence[Call]], Sequence[Call]] = field(default=lambda calls: calls)

    def act(self, state: State) -> None:
        waiting = self.order([c for c in state.calls if c.status is CallStatus.WAITING])
        for call in waiting[:1]:  # one at a time: the session goes on between two decisions
            self.stage.store.write(decided(call, *self.decide(call)))
        for call in [c for c in state.calls if c.status is CallStatus.UNKNOWN]:
            self.stage.store.write(self._settled(call, state))
        if state.paused or state.asking or state.retry_parked:
            self.stage.store.write(events.Resumed("Olu"))

    def _settled(self, call: Call, state: State) -> events.OutcomeSettled:
        done = self.stage.toolbox.happened(call.idempotency_key)
        outcome = last(self.stage.store.records, events.OutcomeUnknown, call.call_id)
        decision = "not_happened" if done is None else "happened"
        return events.OutcomeSettled(outcome.outcome_id, call.call_id, decision, "Ada", done or "")


def decided(
    call: Call, decision: str, arguments: Mapping[str, Any] | None = None
) -> events.ApprovalDecided:
    from agents.testing.gate import fixed_digest

    digest = call.digest
    if arguments is not None:
        digest = fixed_digest(call.call_id, call.generation, call.tool, call.definition, arguments)
    return events.ApprovalDecided(
        approval_id=call.approval_id or "",
        call_id=call.call_id,
        decision=decision,
        by="Ann",
        reason="because" if decision != "approved" else "",
        digest=digest,
        arguments=arguments,
    )


async def play(made: Stage, people: People | None = None, rounds: int = 60) -> State:
    """Drive the session to its end, people acting whenever it is parked."""
    people = people or People(made)
    for _ in range(rounds):
        state = await made.drive()
        if state.ended:
            return state
        people.act(state)
    raise AssertionError(f"no end after {rounds} rounds: {kinds(made.store.records)[-12:]}")


def stop(made: Stage, *, kill: bool = False) -> None:
    """Press stop as the inbox does: whatever waits is cancelled with it."""
    state = made.store.state()
    open_calls = [c for c in state.calls if c.approval_id and not c.attempt]
    open_calls = [c for c in open_calls if c.status in (CallStatus.WAITING, CallStatus.READY)]
    cancelled = [decided(call, "cancelled") for call in open_calls]
    write = made.store.kill if kill else made.store.write
    write(events.StopRequested("Olu", kill), *cancelled)


def kinds(records: Sequence[Record]) -> list[str]:
    return [record.kind for record in records]


def last(records: Sequence[Record], kind: type[Any], call_id: str) -> Any:
    found = [r.fact for r in records if isinstance(r.fact, kind) and _call_id(r.fact) == call_id]
    return found[-1]


def results(records: Sequence[Record]) -> dict[str, events.ToolResult]:
    found = [r.fact for r in records if isinstance(r.fact, events.ToolResult)]
    assert len({fact.call_id for fact in found}) == len(found), "a call has two results"
    return {fact.call_id: fact for fact in found}


def assert_paired(history: Sequence[Mapping[str, Any]]) -> None:
    """Every tool_use is answered once, in the model's order, in the message that follows."""
    assert [m["role"] for m in history[::2]] == ["user"] * len(history[::2])
    assert [m["role"] for m in history[1::2]] == ["assistant"] * len(history[1::2])
    for said, heard in zip(history[1::2], history[2::2], strict=False):
        uses = [b["id"] for b in said["content"] if b["type"] == "tool_use"]
        answers = [b["tool_use_id"] for b in heard["content"] if b["type"] == "tool_result"]
        assert uses == answers
        kinds = [b["type"] for b in heard["content"]]
        assert kinds == sorted(kinds, reverse=True), "results come before words"


def _call_id(fact: Any) -> str:
    return str(fact.call_id)
