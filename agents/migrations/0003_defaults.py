"""What a new installation starts with: prices, the demo tools in the risk map, one agent, alert rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import migrations

# Dollars per million tokens: input, output, read from the cache, written to it, for an hour.
PRICES = {
    "claude-opus-5-5": ("4", "20", "0.20", "5", "8"),
    "claude-sonnet-5-5": ("2", "10", "0.20", "2.50", "4"),
    "claude-haiku-5-5": ("0.10", "0.50", "0.01", "0.125", "0.20"),
}

# Risk, effect, seconds.
TOOLS = {
    "search_web": ("safe", "read", 10),
    "read_file": ("safe", "read", 10),
    "find_records": ("safe", "read", 10),
    "check_stock": ("safe", "read", 10),
    "write_file": ("low", "probed", 10),
    "send_email": ("medium", "keyed", 15),
    "book_courier": ("medium", "irreversible", 15),
    "post_tweet": ("high", "irreversible", 15),
    "delete_record": ("high", "irreversible", 15),
    "process_payment": ("high", "keyed", 20),
}
EVERYBODYS = {"read_artifact": ("safe", "read", 10)}

# Name, trigger, enabled, cooldown in seconds. Without a target they cost and send nothing.
RULES = [
    ("session-failed", "session_failed", True, 600),
    ("session-refused", "session_refused", True, 600),
    ("loop-asked", "loop_asked", True, 600),
    ("budget-reached", "budget_reached", True, 600),
    ("approval-requested", "approval_requested", False, 0),
    ("approval-waiting", "approval_waiting", True, 600),
    ("outcome-unknown", "outcome_unknown", True, 60),
    ("breaker-open", "breaker_open", True, 600),
    ("worker-gone", "worker_gone", True, 60),
    ("anomaly", "anomaly", True, 3600),
]

SYSTEM = """\
You are the assistant of Fernhill Supplies, a small online shop. You answer the team's requests with
the tools you have: the shop's records, its library of documents, files, e-mail, posts and payments.

Look things up before you act, and never invent a record, a price or a policy. Some calls wait until
a person has approved them; before such a call, say in one sentence what you are about to do and why.
If a call is denied, do not try it again in another way: take the reason into account, or ask. When
you are done, say briefly what was done and what was not."""


def add(apps: Any, schema_editor: Any) -> None:
    get = apps.get_model
    get("agents", "Catalogue").objects.get_or_create(id=1)
    get("agents", "Cap").objects.get_or_create(name="day")
    get("agents", "RollupState").objects.get_or_create(pk=1)
    for model, figures in PRICES.items():
        names = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
        prices = dict(zip(names, map(Decimal, figures), strict=True))
        get("agents", "ModelPrice").objects.get_or_create(model=model, defaults=prices)
    for name, (risk, effect, timeout) in (TOOLS | EVERYBODYS).items():
        known = {"risk": risk, "effect": effect, "timeout": timeout, "reviewed": True}
        get("agents", "Tool").objects.get_or_create(name=name, defaults=known)
    get("agents", "AgentDefinition").objects.get_or_create(
        name="assistant",
        defaults={
            "title": "Shop assistant",
            "system": SYSTEM,
            "tools": list(TOOLS),
            "max_auto_risk": "low",
            "limits": {"steps": 50, "tokens": 2_000_000},
        },
    )
    for name, trigger, enabled, cooldown in RULES:
        told = {"trigger": trigger, "enabled": enabled, "cooldown": cooldown}
        get("agents", "AlertRule").objects.get_or_create(name=name, defaults=told)


class Migration(migrations.Migration):
    dependencies = [("agents", "0002_events_append_only")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
