"""What reaches the world: the model is asked, tools run, and what came of it is recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from agents.core import (
    attempt,
    canonical,
    events,
    judging,
    outputs,
    redaction,
    results,
    retry,
    summaries,
    turn,
    wording,
)
from agents.core.breaker import AlwaysClosed, Breakers, TemporarilyUnavailable, Trial
from agents.core.budget import Price, cost
from agents.core.loop import Fenced, Moved
from agents.core.model import Model, ModelFailure, OnDelta, Request, Turn
from agents.core.ports import Gate, Judged, Log, no_cap
from agents.core.recording import outliving
from agents.core.risk import Effect
from agents.core.state import Call, CallStatus, State
from agents.core.step import Ask, Compact, Doubt, Reopen
from agents.core.tools import Toolbox, ToolContext, ToolError, ToolOutput, Unavailable


@dataclass(frozen=True, slots=True)
class SessionHands:
    """One session's hands."""

    session: str  # its UUID
    log: Log
    model: Model
    toolbox: Toolbox
    gate: Gate
    workspace: Path
    data: Path
    secrets: Sequence[str] = ()
    prices: Mapping[str, Price] = field(default_factory=dict)
    outputs: outputs.Outputs = field(default_factory=outputs.Outputs)
    cap: Callable[[State], Awaitable[events.BudgetReached | None]] = no_cap
    breakers: Breakers = field(default_factory=AlwaysClosed)

    # The model's turn

    async def ask(self, state: State, step: Ask) -> None:
        if await self._capped(state):
            return
        answer = await self._turn(state, step.request)
        if isinstance(answer, Turn):
            await self._record_turn(state, answer, step.request.model)

    async def _record_turn(self, state: State, answer: Turn, asked: str) -> None:
        price = cost(answer.usage, self._price(answer.model, asked))
        fact = turn.judge(state, answer, price, self.secrets)
        if not isinstance(fact, events.Thinking):
            await self.log.record(fact)
            return
        calls = turn.proposed(fact)
        if not calls:
            await self.log.record(fact)
            return
        while True:
            judged = await self.gate.judge(state, calls, fact.text)
            try:
                await self.log.record(fact, *judged.facts, catalogue=judged.version)
                return
            except Moved:
                await self.gate.refresh()  # the catalogue was edited meanwhile

    async def compact(self, state: State, step: Compact) -> None:
        """A summary that fails is discarded; the session goes on as it is while it can."""
        if not step.plan.summarise:
            await self.log.record(summaries.compacted(state, step.plan, None, None))
            return
        if await self._capped(state):
            return
        request = summaries.request(state, step.plan)
        try:
            answer = await self.model.turn(request, lambda kind, text: None)
        except ModelFailure as failure:
            if failure.held and not summaries.only_theirs(state, request, failure):
                # Everybody waits: that says nothing of the summary.
                await self.log.record(turn.failed(state, failure, datetime.now(UTC)))
                return
            price = self._lost(failure, request.model)
            await self.log.record(summaries.unanswered(state, step.plan, failure, price))
            return
        used = summaries.spent(answer.usage)
        price = cost(used, self._price(answer.model, request.model))
        if why := summaries.failed(step.plan, answer, self.secrets):
            await self.log.record(summaries.discarded(state, step.plan, why, used, price))
        else:
            await self.log.record(summaries.compacted(state, step.plan, answer, price))

    async def _capped(self, state: State) -> bool:
        """Whether all sessions together have used up their day."""
        reached = await self.cap(state)
        if reached:
            await self.log.record(reached, seen=state.seq)
        return reached is not None

    async def _turn(self, state: State, request: Request) -> Turn | None:
        """One answer, or None once its failure is on record."""
        try:
            request = replace(request, urgent=state.urgent)
            return await self.model.turn(request, self._ghost(state.step + 1))
        except ModelFailure as failure:
            lost = self._lost(failure, request.model)
            await self.log.record(turn.failed(state, failure, datetime.now(UTC), lost))
            return None

    def _lost(self, failure: ModelFailure, model: str) -> float | None:
        """Dollars for an answer that broke off."""
        return cost(failure.usage, self._price(model, model)) if failure.usage else None

    def _ghost(self, step: int) -> OnDelta:
        return lambda kind, text: self.log.ghost(step, kind, text)

    def _price(self, model: str, asked: str) -> Price | None:
        """By the name in the answer, which may carry a date, or by the one that was asked for."""
        return self.prices.get(model) or self.prices.get(asked)

    # Tool calls

    async def act(self, state: State, call: Call) -> None:
        """One attempt: claim, act, record. The loop comes back where a repeat can do no harm."""
        # Of a call that a lost worker began nobody may say that it does not happen.
        begun = call.status is CallStatus.STARTED
        judged = Judged((), None) if begun else self.gate.still(state, call)
        if judged.facts:
            await judging.record(self.log, self.gate, state.seq, judged)
            return
        started = await self._intent(state, call)
        if isinstance(started, events.ToolResult | events.ApprovalDecided):
            await self.log.record(started)
            return
        try:
            trial = await self._enter(call)
        except TemporarilyUnavailable as shut:
            await outliving(self._recorded(self._shut(state, call, shut, started)))
            return
        began = time.monotonic()
        outcome: ToolOutput | ToolError | None = None
        try:
            outcome = await self._attempt(call, started, state.seq, judged)
        finally:
            await trial.ended(outcome)
        if outcome is None:
            return
        ms = round((time.monotonic() - began) * 1000)
        if isinstance(outcome, ToolError):
            fact = self._failed(state, call, outcome, started, ms)
            await outliving(self._recorded(fact))
        else:
            await outliving(self._success(call, outcome, ms))

    async def _enter(self, call: Call) -> Trial:
        # Of a call that a lost worker began nobody may say that nothing happened: it is looked up
        # or repeated under its key, however its tool is.
        begun = call.status is CallStatus.STARTED
        breakers = AlwaysClosed() if begun else self.breakers
        return await breakers.enter(call.tool, attempt.server(self.toolbox, call))

    def _shut(
        self, state: State, call: Call, shut: TemporarilyUnavailable, started: events.ToolStarted
    ) -> events.Fact:
        """The model is told at once, unless an earlier attempt may have had its effect: then the
        call waits as after a failure, because nobody may say that nothing happened."""
        if call.attempt and call.effect is not Effect.READ:
            possible = call.effect is Effect.KEYED
            waits = Unavailable(str(shut), effects=possible, retry_after=shut.retry_after)
            return self._failed(state, call, waits, started, 0)
        told = wording.shut(call.tool, self._said(shut), results.hint(shut, datetime.now(UTC)))
        return results.called_off(call, shut.error_class, told)

    def _failed(
        self, state: State, call: Call, error: ToolError, started: events.ToolStarted, ms: int
    ) -> events.Fact:
        """The fact that a failed attempt becomes: it is repeated, given up, or in doubt."""
        now = datetime.now(UTC)
        settings = state.setting("retry") or {}
        began = call.first_attempt
        spent = (now - began).total_seconds() if began else ms / 1000
        delay = retry.tool_delay(error, call.effect, call.failures + 1, settings, spent=spent)
        if delay is None:
            return self._failure(call, error, started, ms)
        return results.retried(call, error, self._said(error), started.attempt, delay, now)

    async def _attempt(
        self, call: Call, started: events.ToolStarted, seen: int, judged: Judged
    ) -> ToolOutput | ToolError | None:
        """What came of one attempt; None if the claim failed and nothing may be said of it."""
        context = self._context(call, started)
        claim = judging.claim(self.log, self.gate, started, seen, judged)
        if call.effect is Effect.READ and not (started.approval_id or call.grant):
            # A read changes nothing, so it need not wait for its intent to reach the disk.
            running = attempt.run(self.toolbox, call, context)
            claimed, outcome = await asyncio.gather(claim, running)
            return outcome if claimed else None
        if not await claim:
            return None
        if not self.log.holds():
            # Whoever has taken over counts this call as in doubt, so it must not happen now.
            raise Fenced("this process stood still between its claim and the call")
        if call.effect is Effect.PROBED and call.status is CallStatus.STARTED:
            found = await attempt.probe(self.toolbox, call, context)
            if found is not None:
                return found
        return await attempt.made(self.toolbox, call, context)

    async def _intent(
        self, state: State, call: Call
    ) -> events.ToolStarted | events.ToolResult | events.ApprovalDecided:
        """The write-ahead intent, or the refusal of a call that is not what was judged."""
        definition = await attempt.definition(self.toolbox, call, self.session)
        if definition is None:
            told = wording.unknown_tool(call.tool)
            return results.called_off(call, "unknown_tool", told)
        digest = self.gate.digest(state, call, definition.bound)
        pinned = call.digest or self.gate.digest(state, call, call.definition)
        if digest != pinned:
            return results.changed(call)
        return events.ToolStarted(
            call_id=call.call_id,
            tool=call.tool,
            arguments=call.arguments,
            digest=digest,
            idempotency_key=results.idempotency_key(self.session, state.step, call),
            attempt=call.attempt + 1,
            approval_id=None if call.attempt else call.approval_id,
            risk=call.risk,
            title=call.title,
        )

    def _context(self, call: Call, started: events.ToolStarted) -> ToolContext:
        return ToolContext(
            session_id=self.session,
            call_id=call.call_id,
            idempotency_key=started.idempotency_key,
            attempt=started.attempt,
            workspace=self.workspace,
            data=self.data,
            artifacts=self.outputs.artifacts,
        )

    async def _recorded(self, fact: events.Fact) -> None:
        try:
            await self.log.record(fact)
        except Fenced:
            call_id = getattr(fact, "call_id", "")
            await self.log.late(call_id, events.encode(fact))
            raise

    async def _success(self, call: Call, output: ToolOutput, ms: int) -> None:
        async with self.outputs.turn(output):
            state = await self.log.load()
            await self._recorded(await self.outputs.result(state, call, output, ms))

    def _failure(
        self, call: Call, error: ToolError, started: events.ToolStarted, ms: int
    ) -> events.Fact:
        message = self._said(error)
        if retry.ambiguous(error, call.effect):
            evidence = f"{error.error_class}: {message[:500]}"
            return results.outcome_unknown(
                call, started.idempotency_key, datetime.now(UTC), evidence
            )
        return results.failure(call, error, message, started.attempt, ms)

    def _said(self, error: ToolError) -> str:
        """What the failure says of itself, fit for the log."""
        return redaction.redacted(canonical.clean_text(str(error)), self.secrets)

    # People

    async def doubt(self, state: State, step: Doubt) -> None:
        facts = [results.in_doubt(call, state.stopping) for call in step.calls]
        await self.log.record(*facts, seen=state.seq)

    async def reopen(self, state: State, step: Reopen) -> None:
        asked = [self.gate.again(state, call) for call in step.calls]
        await judging.record(self.log, self.gate, state.seq, *asked)
