"""The tables."""

import uuid

import django.db.models.deletion
import django.utils.timezone
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
            name="AlertRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(max_length=64, unique=True)),
                (
                    "trigger",
                    models.CharField(
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
                (
                    "agent",
                    models.CharField(
                        default="*", help_text="A pattern, e.g. bank-*.", max_length=64
                    ),
                ),
                (
                    "minimum_risk",
                    models.CharField(
                        choices=[
                            ("safe", "SAFE"),
                            ("low", "LOW"),
                            ("medium", "MEDIUM"),
                            ("high", "HIGH"),
                        ],
                        default="safe",
                        help_text="For calls: from this risk upwards.",
                        max_length=8,
                    ),
                ),
                (
                    "minutes",
                    models.PositiveIntegerField(
                        default=10,
                        help_text="How long a call must have waited, where the trigger is a wait.",
                    ),
                ),
                (
                    "group_by",
                    models.CharField(
                        choices=[
                            ("rule", "All together"),
                            ("agent", "Per agent"),
                            ("session", "Per session"),
                            ("error_class", "Per error class"),
                        ],
                        default="rule",
                        max_length=12,
                    ),
                ),
                (
                    "cooldown",
                    models.PositiveIntegerField(
                        default=600,
                        help_text="Seconds in which what happens again is gathered into one alert. 0: an alert for each.",
                    ),
                ),
                (
                    "include_arguments",
                    models.BooleanField(
                        default=False,
                        help_text="Alerts carry the call's arguments and the error's own words.",
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
            ],
            options={
                "verbose_name": "alert rule",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="AlertTarget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(max_length=64, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("webhook", "Signed webhook"),
                            ("email", "E-mail"),
                            ("apprise", "Apprise URL"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "address",
                    models.CharField(
                        blank=True,
                        help_text="A webhook's URL, or e-mail addresses separated by commas. Not secret.",
                        max_length=500,
                    ),
                ),
                ("sealed", models.TextField(blank=True, editable=False)),
                ("sealed_before", models.TextField(blank=True, editable=False)),
                ("rotated_at", models.DateTimeField(editable=False, null=True)),
                (
                    "default",
                    models.BooleanField(
                        default=True,
                        help_text="Gets the alerts of every rule that names no target.",
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
            ],
            options={
                "verbose_name": "alert target",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Breaker",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=250, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("closed", "Closed"),
                            ("opened", "Open"),
                            ("half-opened", "Being tried"),
                        ],
                        default="closed",
                        max_length=12,
                    ),
                ),
                ("failures", models.JSONField(default=list)),
                ("opened_at", models.FloatField(null=True)),
                ("probe", models.CharField(blank=True, max_length=32)),
                ("probe_until", models.FloatField(default=0.0)),
                ("reason", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "verbose_name": "circuit breaker",
                "ordering": ["name"],
            },
        ),
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
                "verbose_name_plural": "rules on arguments",
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
                ("url", models.CharField(blank=True, max_length=500)),
                ("env", models.JSONField(blank=True, default=dict)),
                ("per_session", models.BooleanField(default=False)),
                ("timeout", models.FloatField(default=60.0, help_text="Seconds a call may take.")),
                ("enabled", models.BooleanField(default=True)),
                ("listed_as", models.CharField(blank=True, editable=False, max_length=64)),
                ("listed_at", models.DateTimeField(editable=False, null=True)),
                ("listing", models.JSONField(default=dict, editable=False)),
                ("listing_problem", models.TextField(blank=True, editable=False)),
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
                (
                    "cache_write",
                    models.DecimalField(
                        decimal_places=4, help_text="For what is kept five minutes.", max_digits=10
                    ),
                ),
                (
                    "cache_write_1h",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        help_text="For what is kept an hour. Empty: twice the price of input.",
                        max_digits=10,
                        null=True,
                        verbose_name="cache write, 1 hour",
                    ),
                ),
            ],
            options={
                "verbose_name": "model price",
                "ordering": ["model"],
            },
        ),
        migrations.CreateModel(
            name="Preference",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "theme",
                    models.CharField(
                        choices=[("system", "System"), ("light", "Light"), ("dark", "Dark")],
                        default="system",
                        max_length=8,
                    ),
                ),
                (
                    "density",
                    models.CharField(
                        choices=[("comfortable", "Comfortable"), ("compact", "Compact")],
                        default="comfortable",
                        max_length=12,
                    ),
                ),
                ("shortcuts", models.BooleanField(default=True)),
                ("notify", models.BooleanField(default=False)),
                ("sound", models.BooleanField(default=False)),
                ("tour", models.JSONField(blank=True, default=list)),
                ("tour_over", models.BooleanField(default=False)),
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
            name="Served",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("agent", models.CharField(max_length=64, unique=True)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Slots",
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
                        choices=[("all", "All agents together")],
                        default="all",
                        max_length=8,
                        unique=True,
                    ),
                ),
                (
                    "sessions",
                    models.PositiveIntegerField(
                        default=500, help_text="Sessions at work at once; the rest is queued."
                    ),
                ),
            ],
            options={
                "verbose_name": "slots",
                "verbose_name_plural": "slots",
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
                (
                    "pollable",
                    models.BooleanField(
                        default=False,
                        help_text="Agents may call it again and again with the same result, up to twenty times.",
                    ),
                ),
                ("reviewed", models.BooleanField(default=False)),
                (
                    "enabled",
                    models.BooleanField(default=True, help_text="A disabled tool is denied."),
                ),
                ("server", models.CharField(blank=True, max_length=40)),
                ("description", models.TextField(blank=True)),
                ("definition", models.CharField(blank=True, max_length=64)),
                ("input_schema", models.JSONField(blank=True, default=dict)),
                ("annotations", models.JSONField(blank=True, default=dict)),
                ("offered", models.JSONField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "tool",
                "verbose_name_plural": "risk map",
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
                        help_text="Calls of tools above this risk wait for a person.",
                        max_length=8,
                        verbose_name="runs unasked up to",
                    ),
                ),
                (
                    "limits",
                    models.JSONField(blank=True, default=dict, help_text='e.g. {"steps": 50}.'),
                ),
                (
                    "ceilings",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Limits above which only admins may extend a session. Empty: people may extend without bound.",
                    ),
                ),
                (
                    "max_tokens",
                    models.PositiveIntegerField(default=8000, help_text="Output tokens a turn."),
                ),
                (
                    "window",
                    models.PositiveIntegerField(
                        default=200000,
                        help_text="Tokens the model is shown at most; less if it has less.",
                    ),
                ),
                (
                    "approval_seconds",
                    models.PositiveIntegerField(
                        default=86400,
                        help_text="After this an approval that nobody decided is denied.",
                    ),
                ),
                (
                    "slots",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Sessions at work at once. Empty: only the slots for all agents count.",
                        null=True,
                    ),
                ),
                ("thinking", models.JSONField(blank=True, null=True)),
                (
                    "summary_model",
                    models.CharField(
                        blank=True,
                        help_text="Who summarises when the context is compacted. Empty: the newest Haiku.",
                        max_length=100,
                    ),
                ),
                (
                    "compaction",
                    models.CharField(
                        choices=[
                            ("summary", "by a summary"),
                            ("server", "by the API's own compaction"),
                        ],
                        default="summary",
                        help_text="An endpoint that has no compaction of its own gets a summary all the same.",
                        max_length=8,
                    ),
                ),
                (
                    "settings",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Thresholds of guards: loops, retry, pollable, unattended, keep_turns.",
                    ),
                ),
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
            name="Alert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("rule_name", models.CharField(max_length=64)),
                ("trigger", models.CharField(max_length=20)),
                ("key", models.CharField(blank=True, max_length=128)),
                ("count", models.PositiveIntegerField(default=1)),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("text", models.TextField()),
                ("path", models.CharField(max_length=200)),
                ("data", models.JSONField(default=dict)),
                (
                    "rule",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="agents.alertrule",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="alertrule",
            name="sends_to",
            field=models.ManyToManyField(
                blank=True,
                help_text="None: every enabled default target.",
                related_name="rules",
                to="agents.alerttarget",
                verbose_name="targets",
            ),
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
            options={
                "verbose_name": "API token",
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
                ("definition", models.CharField(blank=True, max_length=64)),
                ("generation", models.PositiveIntegerField(default=0)),
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
                ("held_until", models.DateTimeField(null=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["requested_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="BreakerChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("closed", "Closed"),
                            ("opened", "Open"),
                            ("half-opened", "Being tried"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "breaker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="agents.breaker",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
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
                (
                    "group",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
            ],
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
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("target_name", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=9,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("since", models.DateTimeField(default=django.utils.timezone.now)),
                ("next_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("last_error", models.CharField(blank=True, max_length=300)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("delivered_at", models.DateTimeField(null=True)),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="agents.alert",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="agents.alerttarget",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "alert deliveries",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Habit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("agent", models.CharField(max_length=64)),
                ("data", models.JSONField(default=dict)),
                (
                    "group",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Look",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seen_at", models.DateTimeField()),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="looks",
                        to="agents.approval",
                    ),
                ),
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
            name="PolicyChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "via",
                    models.CharField(
                        choices=[("admin", "Admin"), ("api", "Api"), ("configure", "Configure")],
                        max_length=10,
                    ),
                ),
                (
                    "subject",
                    models.CharField(choices=[("tool", "Tool"), ("rule", "Rule")], max_length=4),
                ),
                ("name", models.CharField(max_length=128)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                ("softer", models.BooleanField()),
                ("reason", models.TextField(blank=True)),
                ("forecast", models.JSONField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "puts_back",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.policychange",
                    ),
                ),
            ],
            options={
                "verbose_name": "change of the risk map",
                "verbose_name_plural": "change log",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Provider",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=64)),
                ("model", models.CharField(blank=True, max_length=100)),
                ("host", models.CharField(max_length=200)),
                ("not_before", models.DateTimeField(null=True)),
                ("strikes", models.PositiveIntegerField(default=0)),
                ("tickets", models.PositiveIntegerField(default=0)),
                ("blocked_at", models.DateTimeField(null=True)),
                ("error_class", models.CharField(blank=True, max_length=40)),
                ("reason", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "verbose_name": "model endpoint",
                "ordering": ["host", "model"],
                "constraints": [
                    models.UniqueConstraint(fields=("key", "model"), name="one_row_per_endpoint")
                ],
            },
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
            },
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
                ("parent_seq", models.PositiveIntegerField(default=0)),
                ("fork", models.JSONField(default=dict)),
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
                ("waits_for", models.CharField(blank=True, max_length=8)),
                ("term", models.PositiveIntegerField(default=0)),
                ("lease_owner", models.CharField(blank=True, max_length=100)),
                ("lease_until", models.DateTimeField(null=True)),
                ("pausing", models.BooleanField(default=False)),
                ("paused_by", models.CharField(blank=True, max_length=200)),
                ("stopping", models.BooleanField(default=False)),
                ("killing", models.BooleanField(default=False)),
                ("open_approvals", models.PositiveIntegerField(default=0)),
                ("open_outcomes", models.PositiveIntegerField(default=0)),
                ("asking", models.CharField(blank=True, max_length=300)),
                ("question", models.CharField(blank=True, max_length=60)),
                ("steps", models.PositiveIntegerField(default=0)),
                ("tool_calls", models.PositiveIntegerField(default=0)),
                ("tokens", models.PositiveBigIntegerField(default=0)),
                ("cached_tokens", models.PositiveBigIntegerField(default=0)),
                ("approvals_asked", models.PositiveIntegerField(default=0)),
                ("high_executions", models.PositiveIntegerField(default=0)),
                ("troubles", models.PositiveIntegerField(default=0)),
                ("unpriced", models.BooleanField(default=False)),
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
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="forks",
                        to="agents.session",
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
            name="Pin",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pins",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pins",
                        to="agents.session",
                    ),
                ),
            ],
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
            name="Occurrence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject", models.CharField(max_length=160)),
                ("key", models.CharField(blank=True, max_length=128)),
                ("path", models.CharField(max_length=200)),
                ("details", models.JSONField(default=dict)),
                ("at", models.DateTimeField()),
                (
                    "alert",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="occurrences",
                        to="agents.alert",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="agents.alertrule",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="agents.session",
                    ),
                ),
            ],
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
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="incidents",
                        to="agents.session",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(unique=True)),
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
                ("arguments", models.TextField(blank=True)),
                ("until", models.DateTimeField(null=True)),
                ("reason", models.TextField(blank=True)),
                ("given_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                ("uses", models.PositiveIntegerField(default=0)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "given_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "revoked_by",
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
                        related_name="grants",
                        to="agents.session",
                    ),
                ),
            ],
            options={
                "ordering": ["-given_at", "-id"],
            },
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
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="approval",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="approvals",
                to="agents.session",
            ),
        ),
        migrations.CreateModel(
            name="Anomaly",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("kind", models.CharField(max_length=24)),
                (
                    "level",
                    models.CharField(
                        choices=[("notice", "Notice"), ("alert", "Alert")], max_length=8
                    ),
                ),
                ("agent", models.CharField(max_length=64)),
                ("subject", models.CharField(blank=True, max_length=253)),
                ("step", models.PositiveIntegerField()),
                ("seq", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("found_at", models.DateTimeField(auto_now_add=True)),
                ("parts", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("acknowledged", "Acknowledged")],
                        default="open",
                        max_length=12,
                    ),
                ),
                ("acknowledged_at", models.DateTimeField(null=True)),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="anomalies",
                        to="agents.session",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "anomalies",
            },
        ),
        migrations.CreateModel(
            name="SignIn",
            fields=[
                (
                    "session_key",
                    models.CharField(
                        max_length=40, primary_key=True, serialize=False, verbose_name="session key"
                    ),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("device", models.CharField(blank=True, max_length=200)),
                ("since", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField(auto_now=True)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
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
                (
                    "decided_by",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tool_uses",
                        to="agents.session",
                    ),
                ),
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
                (
                    "session",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="turn_uses",
                        to="agents.session",
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
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                fields=["rule", "key", "-created_at"], name="agents_aler_rule_id_b146d2_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="dayfigure",
            index=models.Index(fields=["subject", "day"], name="day_figure_by_subject"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state", "pending")), fields=["next_at"], name="deliveries_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=("alert", "target"), name="one_delivery_per_target"
            ),
        ),
        migrations.AddConstraint(
            model_name="habit",
            constraint=models.UniqueConstraint(
                fields=("agent", "group"), name="one_habit_per_group"
            ),
        ),
        migrations.AddConstraint(
            model_name="habit",
            constraint=models.UniqueConstraint(
                condition=models.Q(("group__isnull", True)),
                fields=("agent",),
                name="one_habit_without_group",
            ),
        ),
        migrations.AddConstraint(
            model_name="look",
            constraint=models.UniqueConstraint(
                fields=("approval", "user"), name="one_look_per_person"
            ),
        ),
        migrations.AddIndex(
            model_name="policychange",
            index=models.Index(
                fields=["subject", "name", "-id"], name="agents_poli_subject_2621b3_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="roleassignment",
            constraint=models.UniqueConstraint(
                fields=("user", "role", "group"), name="one_role_per_group"
            ),
        ),
        migrations.AddConstraint(
            model_name="roleassignment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("group__isnull", True)),
                fields=("user", "role"),
                name="one_role_for_every_agent",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                fields=["status", "resume_at"], name="agents_sess_status_2f9fb3_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                fields=["status", "agent", "id"], name="agents_sess_status_8223ba_idx"
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
            model_name="session",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["ended_at"],
                name="session_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="pin",
            constraint=models.UniqueConstraint(
                fields=("user", "session"), name="one_pin_per_person"
            ),
        ),
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(fields=["state"], name="agents_outc_state_93b6dc_idx"),
        ),
        migrations.AddIndex(
            model_name="occurrence",
            index=models.Index(
                condition=models.Q(("alert__isnull", True)),
                fields=["rule", "key"],
                name="occurrences_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="occurrence",
            constraint=models.UniqueConstraint(
                fields=("rule", "subject"), name="one_occurrence_per_subject"
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                fields=["session", "revoked_at"], name="agents_gran_session_f95a7a_idx"
            ),
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
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                condition=models.Q(("decided_at__isnull", False)),
                fields=["decided_at"],
                name="approval_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.UniqueConstraint(
                fields=("session", "call_id", "seq"), name="approval_of_call"
            ),
        ),
        migrations.AddIndex(
            model_name="anomaly",
            index=models.Index(fields=["level", "-at"], name="anomaly_by_level"),
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
        migrations.AddIndex(
            model_name="vote",
            index=models.Index(fields=["at"], name="vote_at"),
        ),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.UniqueConstraint(
                fields=("approval", "user"), name="one_vote_per_person"
            ),
        ),
    ]
