"""Anomalies in plain sentences: what, how much, and what is usual. Never whose fault it is.

Subjects and details come from models and tools: whoever shows a sentence escapes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from agents.core.anomaly import END, START
from agents.models import Anomaly


@dataclass(frozen=True, slots=True)
class Sentence:
    """``lead`` names the thing, ``rest`` goes on from there; ``icon`` is of the sprite."""

    lead: str
    rest: str
    icon: str

    def __str__(self) -> str:
        return f"{self.lead} {self.rest}"


def sentence(anomaly: Anomaly, subject: str = "") -> Sentence:
    """``subject`` is said in place of its own."""
    lead, rest, icon = _TOLD.get(anomaly.kind, _UNKNOWN)
    named = subject or anomaly.subject
    known = _Parts({**anomaly.parts, "agent": anomaly.agent, "subject": named})
    known |= {name: form(known) for name, form in _FORMS.items()}
    return Sentence(lead.format_map(known), rest.format_map(known), icon)


class _Parts(dict[str, Any]):
    """What an older release stored may lack a part."""

    def __missing__(self, key: str) -> str:
        return "?"


_UNKNOWN = ("{agent}", "did something unusual ({subject}).", "info")
_TOLD: dict[str, tuple[str, str, str]] = {
    "slow_call": ("{subject}", "took {ms}, usually about {usual_ms}.", "timer"),
    "slow_turn": ("{agent}", "waited {ms} for its model, usually about {usual_ms}.", "timer"),
    "large_result": (
        "{subject}",
        "returned {number} characters, usually about {usual_number}.",
        "file-text",
    ),
    "token_burst": (
        "{agent}",
        "wrote {number} tokens in one turn, usually about {usual_number}.",
        "brain",
    ),
    "cost_spike": (
        "{agent}",
        "paid {micros} for one turn, usually about {usual_micros}.",
        "wallet",
    ),
    "error_drift": (
        "{subject}",
        "fails in {percent} of {agent}’s calls lately, usually {usual_percent}.",
        "octagon-alert",
    ),
    "denial_drift": (
        "{agent}",
        "is denied in {percent} of what it asks lately, usually {usual_percent}.",
        "shield-x",
    ),
    "cost_drift": (
        "{agent}",
        "pays {logged} a turn lately, usually about {usual_logged}.",
        "wallet",
    ),
    "cache_drift": (
        "{agent}",
        "finds {percent} of its prompt in the cache lately, usually {usual_percent}.",
        "database",
    ),
    "burn_rate": (
        "{agent}",
        "spent {dollars} in the hour from {hour}, usually about {usual_dollars}.",
        "wallet",
    ),
    "odd_sequence": (
        "{agent}",
        "did things in an unusual order: {after_said} {before_said}, {seen_said}.",
        "git-fork",
    ),
    "first_risky_use": ("{agent}", "called {subject} ({risk_said}) for the first time.", "flag"),
    "new_host": (
        "{agent}",
        "reached {subject} with {tool} for the first time.",
        "globe",
    ),
    "high_after_outside": (
        "{agent}",
        "called {subject} (HIGH) after {source} had brought in text written by others.",
        "shield-alert",
    ),
    "denials": ("{agent}", "was denied {count} times in one session.", "shield-x"),
    "loop": ("{agent}", "repeated itself: {rule_said}.", "repeat"),
    "refusal": ("{agent}", "got an answer refused by its model.", "ban"),
    "budget": ("{agent}", "used up its budget: {dimension_said}.", "wallet"),
    "breaker": ("{subject}", "is left alone for a while, because it kept failing.", "zap"),
    "thinking_dropped": ("{agent}", "lost its model’s thinking on the way.", "brain"),
    "secret": ("{agent}", "wrote what looks like {secret_said} into a turn.", "key-round"),
    "empty_end": ("{agent}", "ended without an answer: the model said nothing.", "circle-x"),
}
_SECRETS = {
    "known": "one of this installation’s own secrets",
    "private_key": "a private key",
    "anthropic_key": "an Anthropic API key",
    "aws_key": "an AWS access key",
    "github": "a GitHub token",
    "google_key": "a Google API key",
    "slack": "a Slack token",
    "stripe_key": "a Stripe key",
}
_RULES = {
    "same_call_error": "the same call failed again and again",
    "error_streak": "one call after another failed",
    "same_call_same_result": "the same call gave the same result each time",
    "repeat_in_window": "the same call came back again and again",
    "cycle": "the same few calls went round in a circle",
    "monologue": "the same words came again without any call between",
    "blocked_attempts": "a blocked call was tried again and again",
    "no_progress": "nothing new came of many turns",
}


def duration(ms: float) -> str:
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds:02} s"


def _money(dollars: float) -> str:
    return f"${dollars:.4f}" if 0 < dollars < 0.01 else f"${dollars:,.2f}"


def _percent(share: float) -> str:
    return f"{share * 100:.{0 if share >= 0.1 else 1}f}".removesuffix(".0") + "%"


def _number(parts: Mapping[str, Any], name: str) -> float:
    value = parts.get(name, 0)
    return float(value) if isinstance(value, int | float) else 0.0


def _step(token: object) -> str:
    """``read_file:err`` as words."""
    tool, _, came = str(token).rpartition(":")
    if not tool:
        return {START: "the beginning", END: "the end"}.get(str(token), str(token))
    return {"ok": tool, "err": f"a failed {tool}", "denied": f"a denied {tool}"}.get(came, tool)


def _before(token: object) -> str:
    return "at the beginning" if token == START else f"after {_step(token)}"


def _seen(times: float) -> str:
    if not times:
        return "which it had not done before"
    return f"which it had done {times:.0f} {'time' if times == 1 else 'times'}"


def _hour(parts: Mapping[str, Any]) -> str:
    subject = str(parts.get("subject", ""))
    if not subject.isdecimal():
        return "?"
    at = datetime.fromtimestamp(int(subject) * 3600, UTC)
    return f"{timezone.localtime(at):%H:%M}"


_FORMS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "ms": lambda parts: duration(_number(parts, "value")),
    "usual_ms": lambda parts: duration(_number(parts, "usual")),
    "number": lambda parts: f"{_number(parts, 'value'):,.0f}",
    "usual_number": lambda parts: f"{_number(parts, 'usual'):,.0f}",
    "micros": lambda parts: _money(_number(parts, "value") / 1e6),
    "usual_micros": lambda parts: _money(_number(parts, "usual") / 1e6),
    "logged": lambda parts: _money(math.expm1(min(_number(parts, "value"), 50)) / 1e6),
    "usual_logged": lambda parts: _money(math.expm1(min(_number(parts, "usual"), 50)) / 1e6),
    "dollars": lambda parts: _money(_number(parts, "value")),
    "usual_dollars": lambda parts: _money(_number(parts, "usual")),
    "percent": lambda parts: _percent(_number(parts, "value")),
    "usual_percent": lambda parts: _percent(_number(parts, "usual")),
    "hour": _hour,
    "before_said": lambda parts: _before(parts.get("before", "")),
    "after_said": lambda parts: _step(parts.get("after", "")),
    "seen_said": lambda parts: _seen(_number(parts, "seen")),
    "risk_said": lambda parts: str(parts.get("risk", "")).upper(),
    "rule_said": lambda parts: _RULES.get(str(parts.get("detail")), str(parts.get("detail", ""))),
    "secret_said": lambda parts: _SECRETS.get(str(parts.get("detail")), "a secret"),
    "dimension_said": lambda parts: str(parts.get("detail", "")).replace("_", " "),
}
