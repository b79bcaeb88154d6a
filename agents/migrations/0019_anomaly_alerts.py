"""Alerts of what is unusual."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models


def add(apps: Any, schema_editor: Any) -> None:
    told = {"trigger": "anomaly", "enabled": True, "cooldown": 3600}
    apps.get_model("agents", "AlertRule").objects.get_or_create(name="anomaly", defaults=told)


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0018_grants"),
    ]

    operations = [
        migrations.AlterField(
            model_name="alertrule",
            name="trigger",
            field=models.CharField(
                choices=[
                    ("session_failed", "A session failed"),
                    ("session_refused", "The model refused to go on"),
                    ("loop_asked", "A loop reached the rung where a person is asked"),
                    ("budget_reached", "A budget is used up"),
                    ("approval_requested", "A call waits for approval"),
                    ("approval_waiting", "A call has waited for approval too long"),
                    ("outcome_unknown", "A call's outcome is unknown"),
                    ("breaker_open", "A circuit breaker opened"),
                    ("worker_gone", "A worker that drove sessions is gone"),
                    ("anomaly", "Something unusual was found"),
                ],
                max_length=20,
            ),
        ),
        migrations.RunPython(add, migrations.RunPython.noop),
    ]
