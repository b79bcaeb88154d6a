"""Rules and settings in words, for pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents.core.risk import Verdict
from agents.core.softening import Settings

OPERATOR_WORDS = {
    "==": "is",
    "!=": "is not",
    "glob": "is like",
    "regex": "matches",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "host": "is at the host",
    "under": "is a path under",
    "missing": "is missing",
}
NAMES = {
    "name": "name",
    "risk": "risk",
    "effect": "effect",
    "approvals": "people needed",
    "starter_may_decide": "starter may decide",
    "timeout": "time-out",
    "pollable": "may be polled",
    "reviewed": "reviewed",
    "enabled": "enabled",
    "title": "title of a call",
    "tool": "tools",
    "agent": "agents",
    "verdict": "decision",
    "conditions": "conditions",
}
EFFECT_WORDS = {
    "read": "changes nothing",
    "keyed": "repeats are dropped by key",
    "probed": "can be looked up",
    "irreversible": "never repeated",
}

_FORECAST = [
    ("unasked", "{} would have run without asking."),
    ("unasked_denied", "Of these, people denied {}."),
    ("permitted", "{} would no longer have been forbidden."),
    ("asked", "{} would have waited for people."),
    ("refused", "{} would have been forbidden."),
    ("more_people", "{} would have needed more people."),
    ("fewer_people", "{} would have needed fewer people."),
]


def rule_words(rule: Settings) -> str:
    """What a rule does and when, e.g. ``ask two people when amount is more than 100``."""
    when = " and ".join(condition_words(one) for one in rule["conditions"])
    who = "" if rule["agent"] == "*" else f" for {rule['agent']}"
    return f"{_act(rule)}{who}{f' when {when}' if when else ''}"


def condition_words(condition: Mapping[str, Any]) -> str:
    said = f"“{condition['field']}” {OPERATOR_WORDS[condition['op']]}"
    return said if condition["op"] == "missing" else f"{said} {shown(condition.get('value'))}"


def people(count: int) -> str:
    words = {1: "one person", 2: "two people", 3: "three people"}
    return words.get(count, f"{count} people")


def shown(value: object) -> str:
    """One value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, dict) and "op" in one for one in value):
        return " and ".join(map(condition_words, value)) or "none"
    if value == "":
        return "empty"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def forecast_words(forecast: Mapping[str, Any]) -> list[str]:
    """What a forecast came to, in sentences; ``forecast`` as the history keeps it."""
    calls = forecast["calls"]
    sampled = [f"Measured on the newest {calls:,} calls; there were more."]
    said = [text.format(_calls(forecast[key])) for key, text in _FORECAST if forecast[key]]
    if not calls:
        return ["No call was made that it concerns."]
    if not said:
        said = [f"Of {_calls(calls)} none would have gone otherwise."]
    return [*(sampled if forecast["sampled"] else []), *said]


def _calls(count: int) -> str:
    return f"{count:,} call" if count == 1 else f"{count:,} calls"


def _act(rule: Settings) -> str:
    if rule["verdict"] == Verdict.ASK:
        return f"ask {people(rule['approvals'])}"
    return "forbid" if rule["verdict"] == Verdict.DENY else str(rule["verdict"])
