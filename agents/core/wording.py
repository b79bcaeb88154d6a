"""What the runtime says to the model. Every text states what happened and what may be done."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agents.core import canonical, events

TRUNCATED = (
    "NOTE FROM THE RUNTIME: your last reply was cut off and discarded. "
    "Do the work in smaller tool calls."
)
BAD_JSON = (
    "NOTE FROM THE RUNTIME: your last reply was discarded because its tool arguments "
    "were not valid JSON."
)
EMPTY = "NOTE FROM THE RUNTIME: your last turn was empty: continue, or give the final answer."
WRAP_UP = (
    "NOTE FROM THE RUNTIME: the budget is used up. Make no tool calls. "
    "Give your final answer now: what is done, what is not, and open risks."
)
WITHHELD = "[withheld]"
OURS = ("NOT EXECUTED", "Answered by a human reviewer")  # results in which no tool has a word
OVERFLOW = (
    "The conversation is too long for the model, and compacting it did not help. Say it"
    " differently, keep the last results from the model, or stop."
)
STOPPED = "NOT EXECUTED: the run was stopped."
LOST = "the worker was lost while the call was running"
KEY_FORGOTTEN = (
    "an attempt may have had its effect, and by the next one the target may have forgotten its key:"
    " a repeat could happen twice"
)
KILLED = "the session was killed while the call was running"
STOPPED_MIDWAY = (
    "Failed, and the run was stopped before it could be tried again. Side effects: possible."
)


def steer(by: str, text: str) -> str:
    return f"MESSAGE FROM {by or 'THE OPERATOR'}: {text}"


def refusal(tool: str, decision: str, reason: str) -> tuple[str, str]:
    """The text and the error class for a call that people or policy kept from running."""
    match decision:
        case "denied":
            given = reason.strip().rstrip(".")
            because = f" Reason: {given}." if given else ""
            told = (
                f"NOT EXECUTED. A human reviewer denied `{tool}`.{because} Do not retry this call,"
                " and do not achieve the same effect another way. Continue with other work, or"
                " finish and explain what is blocked."
            )
            return told, "denied"
        case "answered":
            return f"Answered by a human reviewer; the tool was not executed: {reason}", "answered"
        case "expired":
            return f"NOT EXECUTED: {reason or 'no reviewer answered in time'}.", "expired"
        case "invalidated":
            return f"NOT EXECUTED: {reason or 'the approval was invalidated'}.", "invalidated"
        case "revoked":
            return "NOT EXECUTED: the approval was revoked before the call ran.", "revoked"
        case _:
            return STOPPED, "stopped"


def policy(tool: str, rule: str) -> str:
    return (
        f"NOT EXECUTED. Policy forbids `{tool}` with these arguments ({rule}). No approval is"
        " possible. Continue with other work, or finish and explain what is blocked."
    )


def asks_by_now(tool: str, rule: str) -> str:
    return (
        f"NOT EXECUTED. `{tool}` failed, and by now a person must approve it before it is tried"
        f" again ({rule}). Side effects: none. Call it again to ask for that."
    )


def invalid(tool: str, problems: list[str]) -> str:
    return f"NOT EXECUTED. The arguments of `{tool}` are not valid: " + "; ".join(problems)


def unknown_tool(tool: str) -> str:
    return f"NOT EXECUTED. There is no tool named `{tool[:128]}`."


def blocked(tool: str) -> str:
    return (
        f"NOT EXECUTED: `{tool}` with these arguments is blocked by the loop guard; "
        "choose another approach or finish."
    )


def changed(tool: str) -> str:
    return f"NOT EXECUTED: `{tool}` or its server changed since the call was judged."


def shut(tool: str, because: str, hint: str) -> str:
    return (
        f"NOT EXECUTED: `{tool}` is temporarily unavailable ({because}). Side effects: none. {hint}"
        " Go on with other work, or try again then."
    )


def edited(arguments: Mapping[str, Any]) -> str:
    return (
        "NOTE FROM THE RUNTIME: a human reviewer changed the arguments before execution. "
        f"Executed instead: {canonical.sorted_text(arguments)}. "
        "Do not re-issue your original call."
    )


def failure(error_class: str, attempts: int, message: str, effects: str, hint: str) -> str:
    """``effects``: none, possible, or none because read-only."""
    times = "attempt" if attempts == 1 else "attempts"
    return (
        f"{error_class} after {attempts} {times}: {message[:500] or 'no details'}. "
        f"Side effects: {effects}. {hint}"
    )


def outcome(tool: str, decision: str, result: str, reason: str) -> tuple[str, str]:
    """The text and the error class ("" for success) once a person settled an unknown outcome."""
    if decision == "happened":
        told = result or f"`{tool}` was carried out; an operator confirmed it."
        return told, ""
    because = f" {reason}" if reason else ""
    told = f"The outcome of `{tool}` is unknown: it may have happened. Do not retry it.{because}"
    return told, "outcome_unknown"


_BUDGETS = {
    "steps": ("step", "steps"),
    "tool_calls": ("tool call", "tool calls"),
    "tokens": ("token", "tokens"),
    "usd": ("dollar", ""),
    "active_seconds": ("time", "minutes at work"),
    "approvals": ("approval", "approvals"),
    "high_executions": ("HIGH call", "HIGH calls"),
}


def budget_name(dimension: str) -> str:
    """What people call the dimension, for `the ... budget`."""
    return _BUDGETS.get(dimension, (dimension.replace("_", " "), ""))[0]


def amount(dimension: str, value: float) -> str:
    """A figure of a budget without its unit: ``$0.35``, ``2,000,000``, ``12.5``."""
    if dimension == "usd":
        return f"${value:,.4f}" if 0 < value < 0.01 else f"${value:,.2f}"
    if dimension == "active_seconds":
        return f"{value / 60:,.1f}".removesuffix(".0")
    return f"{math.ceil(value):,}"


def used_of(dimension: str, used: float, limit: float) -> str:
    """``412,000 of 400,000 tokens``."""
    unit = _BUDGETS.get(dimension, ("", ""))[1]
    return f"{amount(dimension, used)} of {amount(dimension, limit)} {unit}".strip()


def budget_question(fact: events.BudgetReached) -> str:
    name = budget_name(fact.dimension)
    figures = used_of(fact.dimension, fact.used, fact.limit)
    if fact.used >= fact.limit:
        return f"The {name} budget is used up: {figures}. Extend it, or let the agent wrap up."
    needed = amount(fact.dimension, 2 * fact.forecast)
    return (
        f"The {name} budget has no room for another call: {figures} used, and a call with room to"
        f" wrap up may need {needed}. Extend it, or let the agent wrap up."
    )


def day_question(fact: events.BudgetReached) -> str:
    figures = used_of(fact.dimension, fact.used, fact.limit)
    return (
        f"The cap of {fact.day} for all sessions is reached: {figures}. This session goes on by"
        " itself when an administrator raises the cap, or tomorrow."
    )


def wrap_up(by: str) -> str:
    return (
        f"NOTE FROM THE RUNTIME: {by or 'a person'} asks you to wrap up. Make no tool calls. "
        "Give your final answer now: what is done, what is not, and open risks."
    )


def lifted(by: str) -> str:
    return (
        f"NOTE FROM THE RUNTIME: {by or 'a person'} lifted the loop guard's block. Calls that were "
        "blocked may run again; repeat one only if something has changed."
    )


def refusal_question(fact: events.TurnDiscarded) -> str:
    category = str((fact.stop_details or {}).get("category") or "").replace("_", " ")
    why = f" ({category})" if category else ""
    return f"The model refused{why}: {fact.message[:200]}"


def provider_question(fact: events.ModelRetried) -> str:
    said = fact.message[:200].rstrip(".")
    return f"{said}. No wait mends this: put it right, then let the session go on."


def context_question(fact: events.TurnDiscarded) -> str:
    return (
        "The context is full and could not be summarised. Let it go on to try again; if that"
        f" fails too, it goes on without a summary. {fact.message}"
    )


def budget_note(dimension: str, used: float, limit: float, turns: int | None = None) -> str:
    """``turns``: how many more of them fit."""
    left = ""
    if turns is not None:
        left = f" About {turns} more turn{'' if turns == 1 else 's'} will fit."
    return (
        f"NOTE FROM THE RUNTIME: {used_of(dimension, used, limit)} used "
        f"({100 * used / limit:.0f} %).{left} Prioritise finishing."
    )


def budget_raised(by: str, limits: Mapping[str, float]) -> str:
    figures = ", ".join(_limit(dimension, limit) for dimension, limit in limits.items())
    return f"NOTE FROM THE RUNTIME: {by or 'a person'} changed your budget to {figures}."


def _limit(dimension: str, limit: float) -> str:
    unit = _BUDGETS.get(dimension, ("", ""))[1]
    return f"{amount(dimension, limit)} {unit}".strip()


def no_room(tool: str, dimension: str, used: float, limit: float) -> str:
    return (
        f"NOT EXECUTED: there is no room for `{tool}` in the {budget_name(dimension)} budget:"
        f" {used_of(dimension, used, limit)} were used before this turn, and its other calls use"
        " the rest. Call it again only if you are told that the budget was changed."
    )


def loop_question(fact: events.LoopDetected) -> str:
    count = fact.evidence.get("count", "several")
    tool = fact.evidence.get("tool", "the same answer")
    return f"The agent repeats itself: {tool}, {count} times. Give it a hint, or stop it."
