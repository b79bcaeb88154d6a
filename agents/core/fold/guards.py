"""Loops and budgets."""

from __future__ import annotations

from agents.core import events, wording
from agents.core.events import Record
from agents.core.fold.asking import answered_by_people, note, question, wrapping_up
from agents.core.state import State, replace


def looped(state: State, fact: events.LoopDetected, record: Record) -> State:
    if fact.rung == "notice":
        return note(replace(state, news_step=state.step), record.seq, fact.note)
    seq = record.seq
    state = replace(state, loops=(*state.loops, fact), loop_seq=seq, monologue=())
    signature = fact.evidence.get("signature")
    match fact.rung:
        case "block" if signature:
            state = replace(state, blocked=state.blocked | {signature})
        case "ask":
            state = question(state, "loop", wording.loop_question(fact), record)
            state = replace(state, loop_rounds=state.loop_rounds + 1)
        case "wrap_up":
            return wrapping_up(answered_by_people(state), seq, fact.note)
        case _:
            pass
    return note(state, seq, fact.note)


def warned(state: State, fact: events.BudgetWarned, seq: int) -> State:
    state = replace(state, warned=state.warned | {fact.dimension})
    return note(state, seq, fact.note, own=True)


def reached(state: State, fact: events.BudgetReached, record: Record) -> State:
    if fact.day:
        return question(state, "day", wording.day_question(fact), record)
    state = replace(state, reached=state.reached | {fact.dimension})
    if state.wrap_up:
        return state
    if state.setting("unattended"):
        return wrapping_up(state, record.seq, wording.WRAP_UP)
    return question(state, "budget", wording.budget_question(fact), record)
