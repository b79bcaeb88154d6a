"""One row per call and per turn; sessions recorded before are filled in by the worker."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def begin(apps: Any, schema_editor: Any) -> None:
    """Which sessions have no such rows yet: reading their logs may take longer than a start may."""
    latest = (
        apps.get_model("agents", "Session").objects.order_by("-id").values_list("id", flat=True)
    )
    state = apps.get_model("agents", "RollupState")
    state.objects.update_or_create(pk=1, defaults={"unfilled": latest.first() or 0})


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0006_forks"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DayFigure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                (
                    "subject",
                    models.CharField(
                        choices=[
                            ("call", "Call"),
                            ("turn", "Turn"),
                            ("approval", "Approval"),
                            ("rule", "Rule"),
                            ("session", "Session"),
                            ("reading", "Reading"),
                        ],
                        max_length=8,
                    ),
                ),
                ("agent", models.CharField(max_length=64)),
                ("name", models.CharField(blank=True, max_length=300)),
                ("risk", models.CharField(blank=True, max_length=8)),
                ("outcome", models.CharField(blank=True, max_length=16)),
                ("count", models.PositiveIntegerField()),
                ("ms", models.PositiveBigIntegerField(default=0)),
                ("tokens", models.PositiveBigIntegerField(default=0)),
                ("cost", models.DecimalField(decimal_places=6, default=0, max_digits=14)),
                ("spread", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="Incident",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("step", models.PositiveIntegerField()),
                ("seq", models.PositiveIntegerField()),
                ("kind", models.CharField(max_length=24)),
                ("detail", models.CharField(blank=True, max_length=200)),
                ("at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="RollupState",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rolled_at", models.DateTimeField(null=True)),
                ("watched_at", models.DateTimeField(null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("unfilled", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="ToolUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("step", models.PositiveIntegerField()),
                ("seq", models.PositiveIntegerField()),
                ("call_id", models.CharField(max_length=128)),
                ("tool", models.CharField(max_length=128)),
                (
                    "risk",
                    models.CharField(
                        choices=[
                            ("safe", "SAFE"),
                            ("low", "LOW"),
                            ("medium", "MEDIUM"),
                            ("high", "HIGH"),
                        ],
                        max_length=8,
                    ),
                ),
                ("verdict", models.CharField(max_length=8)),
                ("host", models.CharField(blank=True, max_length=253)),
                ("proposed_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
                ("ok", models.BooleanField(null=True)),
                ("executed", models.BooleanField(null=True)),
                ("error_class", models.CharField(blank=True, max_length=40)),
                ("duration_ms", models.PositiveBigIntegerField(default=0)),
                ("size", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveSmallIntegerField(default=1)),
                ("waited_ms", models.PositiveBigIntegerField(null=True)),
                ("decision", models.CharField(blank=True, max_length=12)),
            ],
        ),
        migrations.CreateModel(
            name="TurnUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("step", models.PositiveIntegerField()),
                ("seq", models.PositiveIntegerField()),
                ("model", models.CharField(max_length=100)),
                ("at", models.DateTimeField()),
                ("duration_ms", models.PositiveBigIntegerField()),
                ("fresh", models.PositiveBigIntegerField()),
                ("cache_write", models.PositiveBigIntegerField()),
                ("cache_read", models.PositiveBigIntegerField()),
                ("output", models.PositiveBigIntegerField()),
                ("cost", models.DecimalField(decimal_places=6, max_digits=14, null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                condition=models.Q(("decided_at__isnull", False)),
                fields=["decided_at"],
                name="approval_decided",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["ended_at"],
                name="session_ended",
            ),
        ),
        migrations.AddIndex(
            model_name="vote",
            index=models.Index(fields=["at"], name="vote_at"),
        ),
        migrations.AddField(
            model_name="dayfigure",
            name="group",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="auth.group",
            ),
        ),
        migrations.AddField(
            model_name="incident",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="incidents",
                to="agents.session",
            ),
        ),
        migrations.AddField(
            model_name="tooluse",
            name="decided_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="tooluse",
            name="session",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tool_uses",
                to="agents.session",
            ),
        ),
        migrations.AddField(
            model_name="turnuse",
            name="session",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="turn_uses",
                to="agents.session",
            ),
        ),
        migrations.AddIndex(
            model_name="dayfigure",
            index=models.Index(fields=["subject", "day"], name="day_figure_by_subject"),
        ),
        migrations.AddIndex(
            model_name="tooluse",
            index=models.Index(fields=["session", "step"], name="tool_use_of_step"),
        ),
        migrations.AddIndex(
            model_name="tooluse",
            index=models.Index(
                condition=models.Q(("settled_at__isnull", False)),
                fields=["settled_at"],
                name="tool_use_settled",
            ),
        ),
        migrations.AddIndex(
            model_name="turnuse",
            index=models.Index(fields=["session"], name="turn_use_of_session"),
        ),
        migrations.AddIndex(
            model_name="turnuse",
            index=models.Index(fields=["at"], name="turn_use_at"),
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
