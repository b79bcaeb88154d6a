"""Beginning a session, from nothing or from a step of another one.

A fork's log *is* its parent's up to a seq, and then its own: ``session_started`` again, which
says in ``fork`` what is different from there on:

``session, seq, digest``  the parent's log and its head at that place
``step``                  the step that the fork takes anew
``tools``                 ``live``, or ``record``: results come from the parent's log, nothing runs
``replaces``              the seq of an operator's message that is taken back, or None
``arguments``             call id -> ``{arguments, risk, rule, required}`` of edited calls
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.core import events
from agents.core.events import Record
from agents.core.risk import Effect
from agents.core.state import Call, CallStatus, State, replace

_OVER = (*events.ENDINGS, events.StopRequested)
_JUDGED = (events.ToolCall, events.ApprovalRequested, events.ToolResult)


def before_step(log: Sequence[Record], step: int) -> int:
    """The head of the log when the request of ``step`` was built; for the step after the last,
    the head before the session was told to end."""
    for record in log:
        if record.step != step:
            continue
        match record.fact:
            case events.Thinking(read_upto=head) | events.TurnDiscarded(read_upto=head):
                return head
            case events.ModelRetried():
                return record.seq - 1
    over = next((record for record in log if isinstance(record.fact, _OVER)), None)
    return over.seq - 1 if over else log[-1].seq


def after_proposal(log: Sequence[Record], step: int) -> int:
    """The head of the log once the calls of ``step`` were proposed and judged, before any ran.

    Raises ``ValueError`` where that step proposed none.
    """
    taken = [record for record in log if record.step == step]
    turn = next((record for record in taken if isinstance(record.fact, events.Thinking)), None)
    # One append has one time, and a turn is one append with the judgement of its calls.
    together = [record for record in taken if turn and record.at == turn.at]
    judged = [record.seq for record in together if isinstance(record.fact, _JUDGED)]
    if not judged:
        raise ValueError(f"step {step} called no tool")
    return max(judged)


def begun(state: State, fact: events.SessionStarted, record: Record) -> State:
    """The state with a session begun in it: a new one, or a fork of what the state holds."""
    first = {"role": "user", "content": [{"type": "text", "text": fact.task}]}
    begins = replace(
        state,
        session=record.session,
        started=fact,
        started_at=record.at,
        limits=fact.limits,
        history=state.history if state.step else (first,),
    )
    return begins if fact.fork is None else _carried(begins, fact, record.seq, _plays(state))


def _plays(state: State) -> bool:
    """Whether nothing runs in this session, so that its calls were not judged but played."""
    fork = state.started.fork if state.started else None
    return fork is not None and fork.get("tools") == "record"


# What belongs to the parent alone: what it spent and suffered, and what people were asked in it.
_LEFT_BEHIND = (
    "usage ending failures failing_since retry_at retry_parked truncations continues pauses empties"
    " unexpected bad_json compact_failures compact_stuck overflowed paused asking asked asked_by"
    " asked_at wrap_up wrapped_up grants loops blocked warned reached monologue loop_rounds"
).split()
_FRESH = State()


def _carried(state: State, fact: events.SessionStarted, seq: int, played: bool) -> State:
    """What a fork takes over: the conversation and what is pinned."""
    assert fact.fork is not None
    taken_back = fact.fork.get("replaces")
    dropped = {note.text for note in state.notes if note.seq == taken_back}
    fork = replace(state, **{name: getattr(_FRESH, name) for name in _LEFT_BEHIND})
    return replace(
        fork,
        calls=tuple(_again(call, fact, played) for call in state.calls),
        notes=tuple(note for note in state.notes if note.seq != taken_back and not note.own),
        steers=tuple(words for words in state.steers if words not in dropped),
        news_step=state.step,
        parent_steps=state.step,
        loop_seq=seq,  # a person has looked: what came before counts against nobody
    )


def _again(call: Call, fact: events.SessionStarted, played: bool) -> Call:
    """An open call in the fork: what people decided for the parent was not decided for it."""
    assert fact.fork is not None
    if call.status in (CallStatus.SETTLED, CallStatus.REFUSED):
        return call
    edited = fact.fork.get("arguments", {}).get(call.call_id)
    if edited:
        call = replace(call, edited_by=fact.by or "an operator", **edited)
    if fact.fork.get("tools") == "record":
        return replace(
            call, status=CallStatus.READY, effect=Effect.READ, approval_id=None, digest=""
        )
    untouched = call.status is CallStatus.READY and not (
        call.approval_id or call.grant or call.attempt
    )
    if untouched and not edited and not played:
        return call
    return replace(
        call,
        status=CallStatus.AGAIN,
        approval_id=None,
        grant="",
        held_until=None,
        digest="",
        attempt=0,
        generation=call.generation + 1,
        key_since=None,
    )
