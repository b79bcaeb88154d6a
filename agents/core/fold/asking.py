"""What the session asks people, and what it tells the model with its next request."""

from __future__ import annotations

from datetime import datetime, timedelta

from agents.core.events import Record
from agents.core.state import Note, State, replace


def question(state: State, asking: str, words: str, record: Record) -> State:
    return replace(state, asking=asking, asked=words, asked_by=record.fact, asked_at=record.at)


def answered_by_people(state: State) -> State:
    return replace(state, asking="", asked="", asked_by=None, asked_at=None)


def note(state: State, seq: int, text: str, *, human: bool = False, own: bool = False) -> State:
    if not text:
        return state
    return replace(state, notes=(*state.notes, Note(seq, text, human, own)))


def wrapping_up(state: State, seq: int, words: str) -> State:
    """One last turn, which fails by its own faults alone."""
    state = replace(state, wrap_up=True, truncations=0, bad_json=0, empties=0)
    return note(state, seq, words, own=True)


def after(at: datetime, delay_ms: int) -> datetime:
    return at + timedelta(milliseconds=delay_ms)
