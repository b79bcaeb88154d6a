"""When the conversation is compacted, and where it is cut: rent or buy, and the hard mark. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from agents.core import carried, epoch
from agents.core.context import tokens
from agents.core.state import SUMMARY_TRIES, State, deliverable

HARD_MARK = 0.90  # of the window: guards.md section 5.6
_KEEP_TURNS = 4
_KEEP_SHARE = 0.10  # of the window, for the turns that stay
_LAST_SHARE = 0.30  # of the window, for the last turn alone

# context-cost.md, in uncached input tokens of the main model.
_READ = 0.1
_REWRITE = 1.15
_SUMMARY_IN = 1 / 3
_SUMMARY_OUT = 5 / 3
_SUMMARY_TOKENS = 512.0
_MOST_DOUBLINGS = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """A compaction that is due."""

    reason: str  # rent, hard or overflow
    cut: int  # index in the history of the first message that stays
    kept_turns: int
    tokens_before: int
    summarise: bool = True  # False: the summariser has failed; go on without a summary
    server: bool = False  # the API compacts by itself

    @property
    def must(self) -> bool:
        """Whether the next call of the model cannot be made without it."""
        return self.reason != "rent"


def due(state: State) -> Plan | None:
    """The compaction that is due before the next call of the model, by rent or buy, at the hard
    mark, or because the endpoint said that the conversation is too long."""
    if not _settled_tail(state):
        return None
    size = tokens(state)
    reason = _pressure(state, size)
    if not reason and state.wrap_up:
        return None
    turns = epoch.starts(state.history)
    weights = _weights(state.weights, turns)
    kept = _kept(state, weights, bool(reason))
    if not _gain(state, weights, kept):
        return None
    if not reason and not _rent_exceeds_price(state, weights, kept):
        return None
    cut = turns[-kept] if kept else len(state.history)
    summarise = _may_summarise(state, reason)
    server = summarise and _may_ask_server(state, cut)
    return Plan(reason or "rent", cut, kept, round(size), summarise, server)


def _may_ask_server(state: State, cut: int) -> bool:
    """Whether the agent is set to the API's own compaction, and it can be had: the conversation
    must still fit, and end with a turn of the user."""
    wanted = state.setting("compaction") == "server" and not state.model
    spoiled = state.server_failed or state.server_refused or state.overflowed
    whole = wanted and not spoiled and sealable(state, cut)
    # What stays behind its block must stay unchanged, and be on record so.
    return whole and carried.fits(state.history[cut:])


def sealable(state: State, cut: int) -> bool:
    """Whether the API can summarise what stands before ``cut``: the user spoke last, to an answer
    that still has its thinking, which a summary of ours takes from the turns it keeps."""
    answers = sum(message["role"] == "assistant" for message in state.history[cut:])
    whole = not state.epoch or epoch.sealed(state.history[0])
    whole = whole or answers < state.step - state.compacted_step
    return bool(whole and state.history[cut - 1]["role"] == "user")


def _may_summarise(state: State, reason: str) -> bool:
    """Whether the summariser is worth another try; a person who was asked gives it new ones."""
    rounds = 1 if state.setting("unattended") else 2
    return not reason or state.compact_stuck < rounds * SUMMARY_TRIES


def _settled_tail(state: State) -> bool:
    if state.calls or state.tail_stop == "pause_turn" or not state.history:
        return False
    return state.history[-1]["role"] == "user" or bool(deliverable(state))


def _pressure(state: State, size: float) -> str:
    if state.overflowed:
        return "overflow"
    return "hard" if size >= HARD_MARK * state.begun.window else ""


def _weights(messages: Sequence[float], turns: Sequence[int]) -> list[float]:
    """Tokens of what comes before the first turn, then of each turn."""
    edges = [0, *turns, len(messages)]
    return [sum(messages[a:b]) for a, b in pairwise(edges)]


def _kept(state: State, weights: Sequence[float], must: bool) -> int:
    """How many turns stay as they are."""
    window = state.begun.window
    wanted = state.setting("keep_turns")
    most = _KEEP_TURNS if wanted is None else int(wanted)
    turns = weights[1:][::-1][:most]
    kept = sum(total <= _KEEP_SHARE * window for total in accumulate(turns))
    if not kept and turns and turns[0] <= _LAST_SHARE * window:
        kept = 1
    if must and (again(state) or not _gain(state, weights, kept)):
        return 0
    return kept


def again(state: State) -> bool:
    """Whether this epoch has not had an answer yet: it began too large."""
    return state.epoch > 0 and state.step == state.compacted_step


def _base(state: State) -> float:
    """Tokens of what begins a new epoch."""
    texts = (state.task, epoch.record(state))
    return _summary_tokens(state) + sum(map(epoch.tokens, texts))


def _summary_tokens(state: State) -> float:
    if not state.epoch:
        return _SUMMARY_TOKENS
    return max(_SUMMARY_TOKENS, epoch.tokens(state.summary))


def _gain(state: State, weights: Sequence[float], kept: int) -> bool:
    gone = sum(weights[: len(weights) - kept])
    return len(weights) - 1 > kept and gone > _base(state)


def _rent_exceeds_price(state: State, weights: Sequence[float], kept: int) -> bool:
    """Whether not compacting has cost, over this epoch's requests, what compacting would cost.

    Each request pays to read again what a compaction would have removed (context-cost.md). The
    summariser reads every turn once, sooner or later, so that part decides nothing and is left
    out. A failed attempt doubles the price: a broken summariser is not asked at every step.
    """
    base = _base(state)
    turns = len(weights) - 1
    gone = [0.0, *accumulate(weights)]
    first = max(kept, turns - (state.step - state.compacted_step))
    rent = sum(max(0.0, gone[n - kept + 1] - base) for n in range(first, turns + 1))
    price = _REWRITE * (base + sum(weights[turns + 1 - kept :]))
    price += (_SUMMARY_IN + _SUMMARY_OUT) * _summary_tokens(state)
    return _READ * rent >= price * 2.0 ** min(state.compact_failures, _MOST_DOUBLINGS)
