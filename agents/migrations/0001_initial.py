import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Catalogue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1)),
            ],
        ),
        migrations.CreateModel(
            name="GateRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True)),
                ("tool", models.CharField(help_text="A pattern, e.g. bank__*.", max_length=128)),
                ("agent", models.CharField(default="*", max_length=64)),
                (
                    "verdict",
                    models.CharField(
                        choices=[("deny", "deny"), ("ask", "ask"), ("allow", "allow")], max_length=8
                    ),
                ),
                (
                    "conditions",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text='e.g. [{"field": "amount", "op": ">", "value": 100}].',
                    ),
                ),
                ("approvals", models.PositiveSmallIntegerField(default=1)),
                ("enabled", models.BooleanField(default=True)),
            ],
            options={
                "verbose_name": "rule",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="McpServer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(max_length=40, unique=True)),
                (
                    "command",
                    models.JSONField(
                        blank=True, default=list, help_text='e.g. ["python", "server.py"].'
                    ),
                ),
                ("url", models.URLField(blank=True, max_length=500)),
                ("env", models.JSONField(blank=True, default=dict)),
                ("per_session", models.BooleanField(default=False)),
                ("timeout", models.FloatField(default=60.0, help_text="Seconds a call may take.")),
                ("enabled", models.BooleanField(default=True)),
            ],
            options={
                "verbose_name": "MCP server",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="ModelPrice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("model", models.CharField(max_length=100, unique=True)),
                ("input", models.DecimalField(decimal_places=4, max_digits=10)),
                ("output", models.DecimalField(decimal_places=4, max_digits=10)),
                ("cache_read", models.DecimalField(decimal_places=4, max_digits=10)),
                ("cache_write", models.DecimalField(decimal_places=4, max_digits=10)),
            ],
            options={
                "verbose_name": "model price",
                "ordering": ["model"],
            },
        ),
        migrations.CreateModel(
            name="Tool",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=128, unique=True)),
                (
                    "risk",
                    models.CharField(
                        choices=[
                            ("safe", "SAFE"),
                            ("low", "LOW"),
                            ("medium", "MEDIUM"),
                            ("high", "HIGH"),
                        ],
                        default="high",
                        max_length=8,
                    ),
                ),
                (
                    "effect",
                    models.CharField(
                        choices=[
                            ("read", "read"),
                            ("keyed", "keyed"),
                            ("probed", "probed"),
                            ("irreversible", "irreversible"),
                        ],
                        default="irreversible",
                        max_length=16,
                    ),
                ),
                (
                    "approvals",
                    models.PositiveSmallIntegerField(default=1, help_text="People needed."),
                ),
                (
                    "starter_may_decide",
                    models.BooleanField(
                        default=True,
                        help_text="Whether who started the session may approve a one-person call.",
                    ),
                ),
                ("timeout", models.FloatField(default=60.0, help_text="Seconds a call may take.")),
                ("reviewed", models.BooleanField(default=False)),
                (
                    "enabled",
                    models.BooleanField(default=True, help_text="A disabled tool is denied."),
                ),
                ("server", models.CharField(blank=True, max_length=40)),
                ("description", models.TextField(blank=True)),
                ("definition", models.CharField(blank=True, max_length=64)),
                ("input_schema", models.JSONField(blank=True, default=dict)),
            ],
            options={
                "verbose_name": "tool",
                "verbose_name_plural": "tool risk map",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Worker",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("seen_at", models.DateTimeField()),
                ("sessions", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="AgentDefinition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(max_length=64, unique=True)),
                ("title", models.CharField(blank=True, max_length=120)),
                ("model", models.CharField(default="claude-sonnet-5-5", max_length=100)),
                ("system", models.TextField(blank=True)),
                (
                    "tools",
                    models.JSONField(
                        blank=True, default=list, help_text='Patterns, e.g. ["bank__*"].'
                    ),
                ),
                (
                    "max_auto_risk",
                    models.CharField(
                        choices=[
                            ("safe", "SAFE"),
                            ("low", "LOW"),
                            ("medium", "MEDIUM"),
                            ("high", "HIGH"),
                        ],
                        default="low",
                        max_length=8,
                    ),
                ),
                (
                    "limits",
                    models.JSONField(blank=True, default=dict, help_text='e.g. {"steps": 50}.'),
                ),
                (
                    "max_tokens",
                    models.PositiveIntegerField(default=8000, help_text="Output tokens a turn."),
                ),
                (
                    "window",
                    models.PositiveIntegerField(
                        default=200000, help_text="Tokens the model is shown."
                    ),
                ),
                (
                    "approval_seconds",
                    models.PositiveIntegerField(
                        default=86400,
                        help_text="After this an approval that nobody decided is denied.",
                    ),
                ),
                ("thinking", models.JSONField(blank=True, null=True)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="auth.group",
                    ),
                ),
            ],
            options={
                "verbose_name": "agent",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("label", models.CharField(blank=True, max_length=80)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                ("revoked", models.BooleanField(default=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("agent", models.CharField(max_length=64)),
                ("title", models.CharField(max_length=200)),
                ("task", models.TextField()),
                ("model", models.CharField(max_length=100)),
                ("request_key", models.CharField(max_length=200, null=True, unique=True)),
                ("request_digest", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("last_seq", models.PositiveIntegerField(default=0)),
                ("head", models.CharField(blank=True, max_length=64)),
                ("control_seq", models.PositiveIntegerField(default=0)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("waiting_approval", "Waiting Approval"),
                            ("waiting_input", "Waiting Input"),
                            ("paused", "Paused"),
                            ("outcome_review", "Outcome Review"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=20,
                    ),
                ),
                ("resume_at", models.DateTimeField(null=True)),
                ("term", models.PositiveIntegerField(default=0)),
                ("lease_owner", models.CharField(blank=True, max_length=100)),
                ("lease_until", models.DateTimeField(null=True)),
                ("pausing", models.BooleanField(default=False)),
                ("stopping", models.BooleanField(default=False)),
                ("killing", models.BooleanField(default=False)),
                ("open_approvals", models.PositiveIntegerField(default=0)),
                ("open_outcomes", models.PositiveIntegerField(default=0)),
                ("asking", models.CharField(blank=True, max_length=300)),
                ("steps", models.PositiveIntegerField(default=0)),
                ("tool_calls", models.PositiveIntegerField(default=0)),
                ("tokens", models.PositiveBigIntegerField(default=0)),
                (
                    "cost",
                    models.DecimalField(decimal_places=6, default=None, max_digits=14, null=True),
                ),
                ("limits", models.JSONField(default=dict)),
                ("model_ms", models.PositiveBigIntegerField(default=0)),
                ("tool_ms", models.PositiveBigIntegerField(default=0)),
                ("wait_ms", models.PositiveBigIntegerField(default=0)),
                ("activity", models.CharField(blank=True, max_length=200)),
                ("strip", models.JSONField(default=list)),
                ("result", models.TextField(blank=True)),
                ("error_class", models.CharField(blank=True, max_length=40)),
                ("error", models.TextField(blank=True)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="auth.group",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Outcome",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(unique=True)),
                ("step", models.PositiveIntegerField()),
                ("call_id", models.CharField(max_length=128)),
                ("tool", models.CharField(max_length=128)),
                ("arguments", models.TextField()),
                ("idempotency_key", models.CharField(max_length=64)),
                ("started_at", models.DateTimeField()),
                ("evidence", models.TextField(blank=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("happened", "Happened"),
                            ("not_happened", "Not Happened"),
                            ("abandoned", "Abandoned"),
                        ],
                        default="open",
                        max_length=12,
                    ),
                ),
                ("settled_at", models.DateTimeField(null=True)),
                ("result", models.TextField(blank=True)),
                ("reason", models.TextField(blank=True)),
                (
                    "settled_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outcomes",
                        to="agents.session",
                    ),
                ),
            ],
            options={
                "ordering": ["started_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="LateEvidence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("call_id", models.CharField(max_length=128)),
                ("term", models.PositiveIntegerField()),
                ("text", models.TextField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.session",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seq", models.PositiveIntegerField()),
                ("step", models.PositiveIntegerField()),
                ("kind", models.CharField(max_length=24)),
                ("text", models.TextField()),
                ("version", models.PositiveSmallIntegerField(default=1)),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=80)),
                ("term", models.PositiveIntegerField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="agents.session",
                    ),
                ),
            ],
            options={
                "ordering": ["session_id", "seq"],
            },
        ),
        migrations.CreateModel(
            name="Approval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(unique=True)),
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
                ("rule", models.CharField(max_length=300)),
                ("reason", models.TextField(blank=True)),
                ("arguments", models.TextField()),
                ("original", models.TextField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("approved", "Approved"),
                            ("consumed", "Consumed"),
                            ("denied", "Denied"),
                            ("answered", "Answered"),
                            ("expired", "Expired"),
                            ("invalidated", "Invalidated"),
                            ("revoked", "Revoked"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="pending",
                        max_length=12,
                    ),
                ),
                ("required", models.PositiveSmallIntegerField(default=1)),
                ("votes", models.PositiveSmallIntegerField(default=0)),
                ("requested_at", models.DateTimeField()),
                ("decide_by", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("decision_reason", models.TextField(blank=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="agents.session",
                    ),
                ),
            ],
            options={
                "ordering": ["requested_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="SignInLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Vote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("decision", models.CharField(max_length=8)),
                ("digest", models.CharField(max_length=64)),
                ("reason", models.TextField(blank=True)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ballots",
                        to="agents.approval",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RoleAssignment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("viewer", "Viewer"),
                            ("operator", "Operator"),
                            ("approver", "Approver"),
                            ("adjudicator", "Adjudicator"),
                            ("auditor", "Auditor"),
                            ("admin", "Admin"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "highest_risk",
                    models.CharField(
                        choices=[
                            ("safe", "SAFE"),
                            ("low", "LOW"),
                            ("medium", "MEDIUM"),
                            ("high", "HIGH"),
                        ],
                        default="high",
                        max_length=8,
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: every agent.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="auth.group",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="roles",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "role",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "role", "group"), name="one_role_per_group"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("group__isnull", True)),
                        fields=("user", "role"),
                        name="one_role_for_every_agent",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                fields=["status", "resume_at"], name="agents_sess_status_2f9fb3_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["lease_until"], name="agents_sess_lease_u_bfb153_idx"),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["-created_at"], name="agents_sess_created_7cfff4_idx"),
        ),
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(fields=["state"], name="agents_outc_state_93b6dc_idx"),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(fields=("session", "seq"), name="one_event_per_seq"),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(fields=["state", "decide_by"], name="agents_appr_state_19deb2_idx"),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(fields=["tool", "state"], name="agents_appr_tool_1e42e6_idx"),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.UniqueConstraint(
                fields=("session", "call_id", "seq"), name="approval_of_call"
            ),
        ),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.UniqueConstraint(
                fields=("approval", "user"), name="one_vote_per_person"
            ),
        ),
    ]
