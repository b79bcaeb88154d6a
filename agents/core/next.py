"""What a session does next: a pure function of its state."""

from __future__ import annotations

from datetime import datetime, timedelta

from agents.core import compaction, context, events, retold, retry, stuck, wording
from agents.core.budget import check as check_budgets
from agents.core.budget import day_mark, overrun
from agents.core.risk import Effect
from agents.core.state import Call, CallStatus, State
from agents.core.step import Act, Ask, Compact, Done, Doubt, Park, Reopen, Say, Sleep, Step, Wait

MAX_PAUSE_TURNS = 10
UNDO_GRACE = timedelta(seconds=0.25)
# How an answer ends, and what the session's end says of it.
_ENDS = {"end_turn": "", "stop_sequence": "", "max_tokens": "cut_off"}


def next_step(state: State, term: int, now: datetime) -> Step:
    """``term`` is the caller's lease term: a call started under an earlier one is in doubt."""
    if state.ended:
        return Done()
    if state.stopping:
        return _stop(state, term)
    return _calls(state, term, now) or _ending(state) or _guards(state, now) or _ask(state, now)


def _calls(state: State, term: int, now: datetime) -> Step | None:
    """The step that the open calls need; None when no call is open."""
    if not state.calls:
        return None
    refused = [call for call in _having(state, CallStatus.REFUSED) if not _put_off(call, now)]
    if refused:
        return Say(tuple(_refusal(call) for call in refused))
    if doubtful := _doubtful(state, term, now):
        return Doubt(doubtful)
    if not state.paused:
        if again := _having(state, CallStatus.AGAIN):
            return Reopen(again)
        ready = (c for c in _ready(state) if not _put_off(c, now))
        if runnable := (*ready, *_interrupted(state, term)):
            return Act(runnable)
    return _wait(state, term, now)


def _ready(state: State) -> tuple[Call, ...]:
    """The calls that may run. An agent can be told to change nothing while people look at others
    of the same turn."""
    ready = _having(state, CallStatus.READY)
    if state.setting("hold_writes_with_pending") and _having(state, CallStatus.WAITING):
        return tuple(call for call in ready if call.effect is Effect.READ)
    return ready


def _wait(state: State, term: int, now: datetime) -> Step:
    later = () if state.paused else _later(state, now)
    soonest = min(later, default=None, key=lambda pair: pair[0])
    if any(call.started_term == term for call in _having(state, CallStatus.STARTED)):
        return Sleep(soonest[0]) if soonest else Wait()
    if _having(state, CallStatus.UNKNOWN):
        return Park("outcome_review", asking="A call may have happened. Say what became of it.")
    if state.paused:
        return Park("paused")
    if soonest and not soonest[1].retry_parked:
        return Sleep(soonest[0])
    asks = bool(_having(state, CallStatus.WAITING))
    resume_at = soonest[0] if soonest else None
    status = "waiting_approval" if asks or not soonest else "queued"
    return Park(status, resume_at, waits_for="tool" if soonest else "")


def _later(state: State, now: datetime) -> tuple[tuple[datetime, Call], ...]:
    """The calls whose next step is known and not due yet, each with its time."""
    decided = (*_having(state, CallStatus.READY), *_having(state, CallStatus.REFUSED))
    return tuple((due, call) for call in decided if (due := _due(call)) and due > now)


def _put_off(call: Call, now: datetime) -> bool:
    due = _due(call)
    return due is not None and due > now


def _due(call: Call) -> datetime | None:
    """When the call's next step is due, if it is not now: after a failed attempt, or after the
    time in which its decision can be undone and a little more, because clocks differ."""
    held = call.held_until + UNDO_GRACE if call.held_until else None
    return max((at for at in (call.retry_at, held) if at), default=None)


def _having(state: State, status: CallStatus) -> tuple[Call, ...]:
    return tuple(call for call in state.calls if call.status is status)


def _interrupted(state: State, term: int) -> tuple[Call, ...]:
    """Calls whose intent is on record under an earlier term, without a result."""
    return tuple(c for c in _having(state, CallStatus.STARTED) if c.started_term < term)


def _doubtful(state: State, term: int, now: datetime) -> tuple[Call, ...]:
    """Calls that may have happened, and that a repeat could make happen twice."""
    lost = _interrupted(state, term)
    keyed = (*lost, *_having(state, CallStatus.READY))
    forgotten = (call for call in keyed if _key_forgotten(call, now))
    return (*(call for call in lost if call.effect is Effect.IRREVERSIBLE), *forgotten)


def _key_forgotten(call: Call, now: datetime) -> bool:
    """Whether its target may have forgotten its key by its next attempt. It is known now, so nobody
    need wait for that."""
    if call.effect is not Effect.KEYED or call.in_doubt_since is None:
        return False
    return retry.key_forgotten(call.in_doubt_since, max(now, _due(call) or now))


def _refusal(call: Call) -> events.ToolResult:
    return events.ToolResult(
        call_id=call.call_id,
        tool=call.tool,
        ok=call.refusal_class in ("", "answered"),
        content=call.refusal,
        error_class=call.refusal_class or None,
        executed=call.refusal_class in ("", "outcome_unknown"),
    )


def _stop(state: State, term: int) -> Step:
    """Calls that started keep running and are recorded; the rest is closed; then it is over."""
    if doubtful := tuple(c for c in _interrupted(state, term) if c.effect is not Effect.READ):
        return Doubt(doubtful)
    if any(call.started_term == term for call in _having(state, CallStatus.STARTED)):
        return Wait()
    if _having(state, CallStatus.UNKNOWN):
        return Park("outcome_review", asking="Stopped, but a call may have happened.")
    open_calls = [call for call in state.calls if call.status is not CallStatus.SETTLED]
    closing = tuple(_closed(call) for call in open_calls)
    assert state.stopping is not None
    return Say((*closing, events.Stopped(by=state.stopping.by, reason=state.stopping.reason)))


def _closed(call: Call) -> events.ToolResult:
    if call.status is CallStatus.REFUSED:
        return _refusal(call)
    tried = call.attempt > 0  # it failed and waits to be tried again
    return events.ToolResult(
        call_id=call.call_id,
        tool=call.tool,
        ok=False,
        content=wording.STOPPED_MIDWAY if tried else wording.STOPPED,
        error_class="stopped",
        executed=tried,
    )


def _ending(state: State) -> Step | None:
    if state.wrap_up and (state.truncations or state.bad_json or state.empties):
        return _fail(_why(state), "The last turn, which was to wrap up, failed.")
    if state.truncations >= 3:
        return _fail("truncated", "The model's answer was cut off three times in a row.")
    if state.bad_json >= 4:
        return _fail("bad_json", "The model sent what cannot be read as JSON, four times in a row.")
    if state.unexpected:
        return _fail("unexpected_stop", state.unexpected)
    if state.pauses > MAX_PAUSE_TURNS:
        return _fail("pause_turn", f"The model paused {state.pauses} times in a row.")
    if state.empties >= 3:
        return Say((events.Complete(text="", reason="empty"),))
    answered = state.history[-1]["role"] == "assistant" and state.tail_stop != "pause_turn"
    if state.paused or not answered:
        return None
    if state.wrap_up:
        return _fail(_why(state), state.tail_text) if state.wrapped_up else None
    if state.notes:
        return None
    return Say((events.Complete(state.tail_text, _ENDS.get(state.tail_stop, "unexpected_stop")),))


def _why(state: State) -> str:
    """What made a session wrap up, as an error class."""
    return "budget_exhausted" if state.reached else "loop_stopped"


def _fail(error_class: str, message: str) -> Say:
    return Say((events.Error(error_class=error_class, message=message),))


def _guards(state: State, now: datetime) -> Step | None:
    if state.paused:
        return Park("paused")
    if state.asking == "refusal" and state.setting("unattended"):
        return _fail("refused", state.asked)
    if state.asking:
        return _question(state, now)
    if state.wrap_up and state.setting("unattended") and (over := overrun(state)):
        said = f"{over.used:g} of {over.limit:g}"
        return _fail("budget_exhausted", f"The {over.dimension} budget was overrun: {said}.")
    found_or_spent = stuck.detect(state) or check_budgets(state) or stuck.notice(state)
    return Say((found_or_spent,)) if found_or_spent else None


def _question(state: State, now: datetime) -> Step:
    """Wait for a person; for the answer to a loop only so long."""
    until = stuck.answer_by(state)
    if until and until <= now:
        return Say((stuck.unanswered(state),))
    return Park("waiting_input", until, state.asked, _kind(state))


def _kind(state: State) -> str:
    asked = state.asked_by
    if isinstance(asked, events.BudgetReached) and asked.day:
        return day_mark(asked.day, asked.dimension, asked.limit)
    return state.asking


def _ask(state: State, now: datetime) -> Step:
    if state.retry_at and state.retry_at > now:
        if state.retry_parked:
            return Park("queued", resume_at=state.retry_at, waits_for="model")
        return Sleep(state.retry_at)
    if state.fallback:
        return Say((retold.fallback(state),))
    if state.overflowed:
        return _overflow(state)
    if plan := compaction.due(state):
        return Compact(plan)
    return Ask(context.request(state))


def _overflow(state: State) -> Step:
    """Compact once, then clip what the tools returned last, then ask a person."""
    began_too_long = state.epoch > 0 and state.step == state.compacted_step
    plan = None if state.clipped else compaction.due(state)
    if plan and not began_too_long:
        return Compact(plan)
    if not state.clipped and (shorter := retold.clipped(state)):
        return Say((shorter,))
    if plan:  # the last turn became text, which only a new epoch can shorten
        return Compact(plan)
    if state.setting("unattended"):
        return _fail("context_overflow", wording.OVERFLOW)
    return Park("waiting_input", asking=wording.OVERFLOW, question="overflow")
