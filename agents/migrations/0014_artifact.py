"""Artifacts, and the tool that reads them, judged as one that changes nothing."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def add(apps: Any, schema_editor: Any) -> None:
    apps.get_model("agents", "Tool").objects.get_or_create(
        name="read_artifact",
        defaults={"risk": "safe", "effect": "read", "timeout": 10, "reviewed": True},
    )
    # Signals do not see a migration: whoever judges by an older catalogue must read it again.
    catalogue = apps.get_model("agents", "Catalogue").objects
    catalogue.filter(pk=1).update(version=models.F("version") + 1)


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0013_budgets"),
    ]

    operations = [
        migrations.CreateModel(
            name="Artifact",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=40, unique=True)),
                ("call_id", models.CharField(max_length=128)),
                ("step", models.PositiveIntegerField()),
                ("name", models.CharField(max_length=100)),
                ("mime", models.CharField(max_length=130)),
                ("size", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("content", models.BinaryField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="artifacts",
                        to="agents.session",
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.RunPython(add, migrations.RunPython.noop),
    ]
