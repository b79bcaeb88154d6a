"""Meters on session rows, the day's cap and what a day has cost, and prices for an hour's cache."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import migrations, models

# Dollars per million tokens that the cache keeps for an hour.
FOR_AN_HOUR = {"claude-opus-5-5": "8", "claude-sonnet-5-5": "4", "claude-haiku-5-5": "0.20"}


def add(apps: Any, schema_editor: Any) -> None:
    get = apps.get_model
    get("agents", "Cap").objects.get_or_create(name="day")
    for model, price in FOR_AN_HOUR.items():
        rows = get("agents", "ModelPrice").objects.filter(model=model, cache_write_1h=None)
        rows.update(cache_write_1h=Decimal(price))


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0012_summary_model"),
    ]

    operations = [
        migrations.CreateModel(
            name="Cap",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        choices=[("day", "All sessions of a day")],
                        default="day",
                        max_length=8,
                        unique=True,
                    ),
                ),
                (
                    "usd",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="Models without a price do not count here. Empty: no cap.",
                        max_digits=12,
                        null=True,
                        verbose_name="dollars",
                    ),
                ),
                (
                    "tokens",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="Those read from the cache do not count. Empty: no cap.",
                        null=True,
                    ),
                ),
            ],
            options={
                "verbose_name": "daily cap",
            },
        ),
        migrations.AddField(
            model_name="agentdefinition",
            name="ceilings",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Limits above which only admins may extend a session. Empty: people may extend without bound.",
            ),
        ),
        migrations.AddField(
            model_name="modelprice",
            name="cache_write_1h",
            field=models.DecimalField(
                blank=True,
                decimal_places=4,
                help_text="For what is kept an hour. Empty: twice the price of input.",
                max_digits=10,
                null=True,
                verbose_name="cache write, 1 hour",
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="approvals_asked",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="cached_tokens",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="high_executions",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="question",
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name="session",
            name="unpriced",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="tool",
            name="pollable",
            field=models.BooleanField(
                default=False,
                help_text="Agents may call it again and again with the same result, up to twenty times.",
            ),
        ),
        migrations.AlterField(
            model_name="modelprice",
            name="cache_write",
            field=models.DecimalField(
                decimal_places=4, help_text="For what is kept five minutes.", max_digits=10
            ),
        ),
        migrations.CreateModel(
            name="DaySpend",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("shard", models.PositiveSmallIntegerField(default=0)),
                ("usd", models.DecimalField(decimal_places=6, default=0, max_digits=14)),
                ("tokens", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("day", "shard"), name="one_row_per_shard")
                ],
            },
        ),
        migrations.RunPython(add, migrations.RunPython.noop),
    ]
