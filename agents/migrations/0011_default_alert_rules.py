"""The alert rules of a new installation. Without a target they cost nothing and send nothing."""

from __future__ import annotations

from typing import Any

from django.db import migrations

# Name, trigger, enabled, cooldown in seconds.
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
]


def add(apps: Any, schema_editor: Any) -> None:
    rules = apps.get_model("agents", "AlertRule").objects
    for name, trigger, enabled, cooldown in RULES:
        told = {"trigger": trigger, "enabled": enabled, "cooldown": cooldown}
        rules.get_or_create(name=name, defaults=told)


class Migration(migrations.Migration):
    dependencies = [("agents", "0010_alerts")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
