"""What admins edit: agents, MCP servers, tools, the rules of the gate, prices."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db import models

from agents.core import titles
from agents.core.budget import Price
from agents.core.events import JsonObject
from agents.core.risk import Effect, Risk, Verdict

RISKS = [(risk.word, risk.name) for risk in Risk]
EFFECTS = [(effect.value, effect.value) for effect in Effect]


class AgentDefinition(models.Model):
    """Who may be started: a model, its instructions, its tools and its limits."""

    name = models.SlugField(max_length=64, unique=True)
    title = models.CharField(max_length=120, blank=True)
    model = models.CharField(max_length=100, default="claude-sonnet-5-5")
    system = models.TextField(blank=True)
    tools = models.JSONField(default=list, blank=True, help_text='Patterns, e.g. ["bank__*"].')
    max_auto_risk = models.CharField(
        "runs unasked up to",
        max_length=8,
        choices=RISKS,
        default="low",
        help_text="Calls of tools above this risk wait for a person.",
    )
    limits = models.JSONField(default=dict, blank=True, help_text='e.g. {"steps": 50}.')
    ceilings = models.JSONField(
        default=dict,
        blank=True,
        help_text="Limits above which only admins may extend a session. Empty: people may extend"
        " without bound.",
    )
    max_tokens = models.PositiveIntegerField(default=8000, help_text="Output tokens a turn.")
    window = models.PositiveIntegerField(
        default=200_000, help_text="Tokens the model is shown at most; less if it has less."
    )
    approval_seconds = models.PositiveIntegerField(
        default=24 * 3600, help_text="After this an approval that nobody decided is denied."
    )
    slots = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Sessions at work at once. Empty: only the slots for all agents count.",
    )
    thinking = models.JSONField(null=True, blank=True)
    summary_model = models.CharField(
        max_length=100,
        blank=True,
        help_text="Who summarises when the context is compacted. Empty: the newest Haiku.",
    )
    compaction = models.CharField(
        max_length=8,
        choices=[("summary", "by a summary"), ("server", "by the API's own compaction")],
        default="summary",
        help_text="An endpoint that has no compaction of its own gets a summary all the same.",
    )
    settings = models.JSONField(
        default=dict,
        blank=True,
        help_text="Thresholds of guards: loops, retry, pollable, unattended, keep_turns.",
    )
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.SET_NULL)
    enabled = models.BooleanField(default=True)

    class Meta:
        verbose_name = "agent"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title or self.name


class McpServer(models.Model):
    """An MCP server; its tools appear as ``<name>__<tool>``."""

    name = models.SlugField(max_length=40, unique=True)
    command = models.JSONField(default=list, blank=True, help_text='e.g. ["python", "server.py"].')
    url = models.CharField(blank=True, max_length=500)
    env = models.JSONField(default=dict, blank=True)
    per_session = models.BooleanField(default=False)
    timeout = models.FloatField(default=60.0, help_text="Seconds a call may take.")
    enabled = models.BooleanField(default=True)
    # What came of asking it for its tools: how it was reached then, when, and the answer.
    listed_as = models.CharField(max_length=64, blank=True, editable=False)
    listed_at = models.DateTimeField(null=True, editable=False)
    listing = models.JSONField(default=dict, editable=False)
    listing_problem = models.TextField(blank=True, editable=False)

    ASKED = "It has not answered yet."

    class Meta:
        verbose_name = "MCP server"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Tool(models.Model):
    """One row of the risk map. A tool without a row is HIGH and irreversible."""

    name = models.CharField(max_length=128, unique=True)
    risk = models.CharField(max_length=8, choices=RISKS, default="high")
    effect = models.CharField(max_length=16, choices=EFFECTS, default=Effect.IRREVERSIBLE.value)
    approvals = models.PositiveSmallIntegerField(default=1, help_text="People needed.")
    starter_may_decide = models.BooleanField(
        default=True, help_text="Whether who started the session may approve a one-person call."
    )
    timeout = models.FloatField(default=60.0, help_text="Seconds a call may take.")
    pollable = models.BooleanField(
        default=False,
        help_text="Agents may call it again and again with the same result, up to twenty times.",
    )
    reviewed = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True, help_text="A disabled tool is denied.")
    title = models.CharField(
        "title of a call",
        max_length=titles.LONGEST,
        blank=True,
        help_text="e.g. Run SQL on {database}. Empty: made from the name.",
    )
    server = models.CharField(max_length=40, blank=True)
    description = models.TextField(blank=True)
    definition = models.CharField(max_length=64, blank=True)
    input_schema = models.JSONField(default=dict, blank=True)
    annotations = models.JSONField(default=dict, blank=True)  # the server's hints, untrusted
    # How the server defines the tool now, where that is not what was reviewed: the call is HIGH.
    offered: models.JSONField[JsonObject | None, Any] = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = "tool"
        verbose_name_plural = "risk map"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def settled(self) -> bool:
        """Whether a person has judged this tool as its server defines it now."""
        return self.reviewed and self.offered is None


class GateRule(models.Model):
    """(tool pattern, agent, conditions) -> deny, ask or allow. Deny beats ask beats allow."""

    name = models.CharField(max_length=80, unique=True)
    tool = models.CharField(max_length=128, help_text="A pattern, e.g. bank__*.")
    agent = models.CharField(max_length=64, default="*")
    verdict = models.CharField(
        max_length=8,
        choices=[(v.value, v.value) for v in (Verdict.DENY, Verdict.ASK, Verdict.ALLOW)],
    )
    conditions = models.JSONField(
        default=list, blank=True, help_text='e.g. [{"field": "amount", "op": ">", "value": 100}].'
    )
    approvals = models.PositiveSmallIntegerField(default=1)
    enabled = models.BooleanField(default=True)

    class Meta:
        verbose_name = "rule"
        verbose_name_plural = "rules on arguments"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Catalogue(models.Model):
    """One row whose version rises with every edit of a tool or rule; the gate judges under it."""

    version = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"version {self.version}"


class ModelPrice(models.Model):
    """Dollars per million tokens. A model without a row runs with its cost shown as unknown."""

    model = models.CharField(max_length=100, unique=True)
    input = models.DecimalField(max_digits=10, decimal_places=4)
    output = models.DecimalField(max_digits=10, decimal_places=4)
    cache_read = models.DecimalField(max_digits=10, decimal_places=4)
    cache_write = models.DecimalField(
        max_digits=10, decimal_places=4, help_text="For what is kept five minutes."
    )
    cache_write_1h = models.DecimalField(
        "cache write, 1 hour",
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="For what is kept an hour. Empty: twice the price of input.",
    )

    class Meta:
        verbose_name = "model price"
        ordering = ["model"]

    def __str__(self) -> str:
        return self.model

    def price(self) -> Price:
        hourly = None if self.cache_write_1h is None else float(self.cache_write_1h)
        return Price(
            float(self.input),
            float(self.output),
            float(self.cache_read),
            float(self.cache_write),
            hourly,
        )
