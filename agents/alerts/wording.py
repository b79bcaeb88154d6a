"""What an alert says: one sentence and a link. Never arguments, unless its rule includes them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from agents.core import canonical, events
from agents.core.redaction import redacted
from agents.core.risk import Risk
from agents.core.wording import budget_name
from agents.models import Alert, AlertRule, McpServer, Occurrence

Trigger = AlertRule.Trigger

ITEMS = 20  # occurrences that an alert lists; it counts all
PRIVATE = ("arguments", "message", "host")

_FAILED, _INBOX, _WALL = "/sessions/?filter=failed", "/approvals/", "/sessions/"

# How many of what, and where to see them.
_MANY: dict[str, tuple[str, str]] = {
    Trigger.SESSION_FAILED: ("{} sessions failed", _FAILED),
    Trigger.SESSION_REFUSED: ("The model refused to go on {} times", _WALL),
    Trigger.LOOP_ASKED: ("Agents were caught in {} loops", _WALL),
    Trigger.BUDGET_REACHED: ("{} budgets were used up", _WALL),
    Trigger.APPROVAL_REQUESTED: ("{} calls asked for approval", _INBOX),
    Trigger.APPROVAL_WAITING: ("{} calls have waited for approval too long", _INBOX),
    Trigger.OUTCOME_UNKNOWN: ("The outcomes of {} calls are unknown", _INBOX),
    Trigger.BREAKER_OPEN: ("{} circuit breakers opened", _WALL),
    Trigger.WORKER_GONE: ("{} workers were lost", _WALL),
    Trigger.ANOMALY: ("{} unusual things were found", "/insights/anomalies/"),
}


def compose(alert: Alert, rule: AlertRule) -> None:
    """Fill in text, path and data from the occurrences that the alert is about."""
    about = alert.occurrences.select_related("session")
    hide = redactor(rule)
    first, last = about.order_by("at", "pk")[0], about.order_by("-at", "-pk")[0]
    if alert.count == 1:
        alert.text, alert.path = _one(rule.trigger, first), first.path
        if said := _private(first):
            alert.text = f"{alert.text}\n{said}"
    else:
        alert.text, alert.path = _many(alert, first, last), _MANY[rule.trigger][1]
    alert.text = hide(alert.text)
    items = about.order_by("at", "pk")[:ITEMS]
    alert.data = {"items": [_item(one, hide) for one in items]}


def _one(trigger: str, one: Occurrence) -> str:
    known = one.details
    who, where, tool = plain(known.get("agent", "")), title(one), plain(known.get("tool", ""))
    risk = Risk.of(known["risk"]).name if known.get("risk") else ""
    match Trigger(trigger):
        case Trigger.SESSION_FAILED:
            return f"{where} of {who} failed: {plain(known['error_class'])}."
        case Trigger.SESSION_REFUSED:
            return f"The model refused to go on with {where} of {who}."
        case Trigger.LOOP_ASKED:
            then = "it wraps up" if known["rung"] == "wrap_up" else "a person is asked"
            return f"{who} repeats itself in {where} ({plain(known['rule'])}); {then}."
        case Trigger.BUDGET_REACHED:
            name = budget_name(plain(known["dimension"]))
            if day := known.get("day"):
                return f"The {name} cap of {plain(day)} for all sessions is reached; {where} waits."
            return f"{where} of {who} has used up its {name} budget."
        case Trigger.APPROVAL_REQUESTED:
            return f"{who} asks to run {tool} ({risk}) in {where}."
        case Trigger.APPROVAL_WAITING:
            since = _clock(datetime.fromisoformat(known["requested_at"]))
            return f"{tool} ({risk}) of {who} has waited for approval since {since}, in {where}."
        case Trigger.OUTCOME_UNKNOWN:
            return f"{tool} of {who} may have happened, in {where}; a person must say."
        case Trigger.BREAKER_OPEN:
            return f"{plain(known['name'])} keeps failing; calls to it are stopped for now."
        case Trigger.WORKER_GONE:
            sessions = known["sessions"]
            whose = "its session goes" if sessions == 1 else f"its {sessions} sessions go"
            return f"The worker {plain(known['worker'])} is gone; {whose} to another."
        case Trigger.ANOMALY:
            return f"Unusual, in {where}: {plain(known['said'], 300)}"


def _many(alert: Alert, first: Occurrence, last: Occurrence) -> str:
    what = _MANY[alert.trigger][0].format(f"{alert.count:,}")
    span = f"between {_clock(alert.first_at)} and {_clock(alert.last_at)}"
    return f"{what} {span}: first {_which(first)}, last {_which(last)}."


def _which(one: Occurrence) -> str:
    known = one.details
    if name := known.get("name") or known.get("worker"):
        return plain(name)
    tool = f"{plain(known['tool'])} in " if known.get("tool") else ""
    return f"{tool}{title(one)} of {plain(known.get('agent', ''))}"


def _item(one: Occurrence, hide: Callable[[str], str]) -> dict[str, Any]:
    told = {
        key: hide(value) if isinstance(value, str) else value
        for key, value in one.details.items()
        if value != ""
    }
    if one.session:
        told |= {"session": str(one.session.uuid), "title": hide(plain(one.session.title))}
    return {**told, "at": events.timestamp(one.at), "path": one.path}


def _private(one: Occurrence) -> str:
    said = {name: one.details[name] for name in PRIVATE if one.details.get(name)}
    return "\n".join(f"{name.capitalize()}: {plain(text, 2_000)}" for name, text in said.items())


def title(one: Occurrence) -> str:
    return f"“{plain(one.session.title)}”" if one.session else "a session"


def plain(text: str, longest: int = 100) -> str:
    """One line without control, invisible and direction-changing characters."""
    kept = (" " if c.isspace() else c for c in canonical.clean_text(str(text)))
    line = "".join(c for c in kept if c == " " or unicodedata.category(c)[0] != "C")
    line = " ".join(line.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def redactor(rule: AlertRule) -> Callable[[str], str]:
    """Replaces every secret that we know."""
    known = _secrets(rule)
    return lambda text: redacted(text, known)


def _secrets(rule: AlertRule) -> Sequence[str]:
    names = ("ANTHROPIC_API_KEY", "SECRET_KEY", "EMAIL_HOST_PASSWORD")
    known = [getattr(settings, name, "") for name in names]
    if rule.include_arguments:
        for env in McpServer.objects.values_list("env", flat=True):
            known += [str(value) for value in env.values()]
    return [secret for secret in known if len(secret) >= 8]


def _clock(at: datetime) -> str:
    return timezone.localtime(at).strftime("%H:%M %Z")


def link(path: str) -> str:
    """The absolute address of a page, under the first origin that people use."""
    return f"{settings.OVERSIGHT_ORIGINS[0]}{path}"
