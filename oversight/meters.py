"""Budgets as people read and write them: meters, names, units, what was filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.core.budget import DIMENSIONS, MOST
from agents.models import Session
from oversight import wording

NAMES = {
    "usd": "Cost",
    "tokens": "Tokens",
    "steps": "Steps",
    "tool_calls": "Tool calls",
    "active_seconds": "Minutes at work",
    "approvals": "Approvals asked",
    "high_executions": "HIGH calls",
}
ALWAYS = ("usd", "tokens", "steps", "tool_calls")  # shown without a limit, too


@dataclass(frozen=True, slots=True)
class Meter:
    """Used of a limit."""

    name: str
    used: str
    limit: str
    per_cent: float
    note: str = ""

    @property
    def mood(self) -> str:
        return "over" if self.per_cent >= 100 else "near" if self.per_cent >= 80 else ""


def meters(session: Session) -> list[Meter]:
    """Those with a limit, and cost, tokens, steps and calls in any case."""
    limits: Mapping[str, Any] = session.limits
    shown = [name for name in NAMES if limits.get(name) or name in ALWAYS]
    return [meter(name, used(session)[name], limits.get(name), session) for name in shown]


def used(session: Session) -> dict[str, Any]:
    """What is used in each dimension, in its own unit; the cost is None while it is unknown."""
    return {
        "usd": session.cost,
        "tokens": session.tokens - session.cached_tokens,
        "steps": session.own_steps,
        "tool_calls": session.tool_calls,
        "active_seconds": (session.model_ms + session.tool_ms) / 1000,
        "approvals": session.approvals_asked,
        "high_executions": session.high_executions,
    }


def meter(name: str, used: Any, limit: Any, session: Session) -> Meter:
    shown, note = spelled(name, used), ""
    if name == "usd" and session.unpriced:
        shown = "not known" if used is None else f"at least {shown}"
    elif name == "usd":
        shown = spelled(name, used or 0)
    if name == "tokens" and session.cached_tokens:
        note = f"and {wording.short(session.cached_tokens)} read from the cache"
    if not limit:
        return Meter(NAMES[name], shown, "", 0.0, note)
    part = 100 * float(used or 0) / float(limit)
    return Meter(NAMES[name], shown, spelled(name, limit), round(min(part, 100.0), 1), note)


def spelled(name: str, value: Any) -> str:
    """``$0.35``, ``38.2 k``, ``12.5``."""
    if value is None:
        return "not known"
    if name == "usd":
        return wording.money(value)
    if name == "active_seconds":
        return f"{float(value) / 60:.1f}".removesuffix(".0")
    return wording.short(float(value))


def tightest(session: Session) -> Meter:
    """The meter nearest to its limit: the one that a card shows."""
    return max(meters(session), key=lambda meter: meter.per_cent)


# What people fill in


@dataclass(frozen=True, slots=True)
class Field:
    """One limit in a form."""

    dimension: str
    value: str
    placeholder: str

    @property
    def name(self) -> str:
        return field_name(self.dimension)

    @property
    def label(self) -> str:
        return "Dollars" if self.dimension == "usd" else NAMES[self.dimension]


def fields(given: Mapping[str, str], preset: Mapping[str, Any], prefix: str = "") -> list[Field]:
    """A field for each limit: what was given, over what would count without it."""
    return [
        Field(one, given.get(f"{prefix}{field_name(one)}", ""), _plain(one, preset.get(one)))
        for one in DIMENSIONS
    ]


def field_name(dimension: str) -> str:
    # People think in minutes.
    return "active_minutes" if dimension == "active_seconds" else dimension


def _plain(dimension: str, limit: Any) -> str:
    if limit is None:
        return "no limit"
    return f"{float(limit) / 60 if dimension == 'active_seconds' else float(limit):.12g}"


def written(form: Mapping[str, str], prefix: str = "") -> dict[str, float]:
    """The limits that were filled in, in their own units. Raises ``ValueError``."""
    found: dict[str, float] = {}
    for one in DIMENSIONS:
        text = "".join(form.get(f"{prefix}{field_name(one)}", "").split())
        if text:
            found[one] = _number(one, text.removeprefix("$"))
    return found


def pressed(button: str) -> dict[str, float]:
    """The limit that a button sets, as in ``steps=75``. Raises ``ValueError``."""
    dimension, _, text = button.partition("=")
    if dimension not in DIMENSIONS:
        raise ValueError("There is no such limit.")
    number = _figure(dimension, text)
    return {dimension: int(number) if number.is_integer() else number}


def _number(dimension: str, text: str) -> float:
    number = _figure(dimension, text)
    if dimension == "usd":
        return number
    number = number * 60 if dimension == "active_seconds" else number
    return int(number) or 1


# "1,5" is half of three and not fifteen; "0,500" and "1234,567" have no thousands either.
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+(\.\d*)?")


def _figure(dimension: str, text: str) -> float:
    name = NAMES[dimension].lower()
    try:
        number = float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
    except ValueError:
        raise ValueError(f"The limit of {name} must be a number, as in 1,500 or 1.5.") from None
    if not number > 0:
        raise ValueError(f"The limit of {name} must be more than nothing.")
    if number >= MOST:
        raise ValueError(f"The limit of {name} must be less than {MOST:,.0f}.")
    return number
