"""People steer: a message, a resume, other limits."""

from __future__ import annotations

from agents.core import events, told, wording
from agents.core.fold.asking import answered_by_people, note, wrapping_up
from agents.core.state import State, replace


def steered(state: State, fact: events.Message, seq: int) -> State:
    state = told.withheld(state) if fact.withholds else state
    if fact.replaces and told.only_task(state):
        state = told.anew(state, fact.text)
    else:
        state = told.unsaid(state) if fact.replaces else state
        words = wording.steer(fact.by, fact.text)
        state = note(replace(state, steers=(*state.steers, words)), seq, words, human=True)
    state = replace(state, loops=(), loop_seq=seq, overflowed=False, clipped=False)
    # Words raise no limit: a budget that is used up still waits for its answer.
    return state if state.asking in ("budget", "day") else answered_by_people(state)


def resumed(state: State, fact: events.Resumed, seq: int) -> State:
    """Resuming a session that asked about its budget lets it wrap up in one last turn."""
    over_budget = state.asking == "budget"
    lifted = sorted(state.blocked) if fact.answer == "lift_block" else []
    urgent = bool(state.retry_at) or state.asking == "provider"
    calls = tuple(replace(call, retry_at=None) for call in state.calls)
    state = replace(
        answered_by_people(state),
        calls=calls,
        urgent=urgent,
        paused=False,
        retry_at=None,
        retry_parked=False,
        failures=0,
        failing_since=None,
        overflowed=False,
        clipped=False,
        fallback=fact.model,
    )
    if over_budget or fact.answer == "wrap_up":
        words = wording.WRAP_UP if over_budget else wording.wrap_up(fact.by)
        return wrapping_up(state, seq, words)
    if lifted:
        state = replace(state, blocked=frozenset(), loops=(), loop_seq=seq)
        return note(state, seq, wording.lifted(fact.by))
    return state


def limits_changed(state: State, fact: events.LimitsChanged, seq: int) -> State:
    raised = frozenset(fact.limits)
    if raised & (state.warned | state.reached):  # it was told to hurry
        words = wording.budget_raised(fact.by, fact.limits)
        state = note(state, seq, words, own=True)
    state = answered_by_people(state) if _asked_about(state) in raised else state
    return replace(
        state,
        limits={**state.limits, **fact.limits},
        warned=state.warned - raised,
        reached=state.reached - raised,
    )


def _asked_about(state: State) -> str:
    """The budget that people were asked about: to raise another one is no answer."""
    asked = state.asked_by
    return asked.dimension if isinstance(asked, events.BudgetReached) and not asked.day else ""
