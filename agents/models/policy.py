"""The history of the risk map: who changed which tool or rule, from what to what, and why."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from agents.core.events import JsonObject


class PolicyChange(models.Model):
    """One saved change. ``before`` is null for a new row, ``after`` for one that was removed."""

    class Subject(models.TextChoices):
        TOOL = "tool"
        RULE = "rule"

    class Via(models.TextChoices):
        ADMIN = "admin"
        API = "api"
        CONFIGURE = "configure"

    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    via = models.CharField(max_length=10, choices=Via.choices)
    subject = models.CharField(max_length=4, choices=Subject.choices)
    name = models.CharField(max_length=128)
    before: models.JSONField[JsonObject | None, Any] = models.JSONField(null=True)
    after: models.JSONField[JsonObject | None, Any] = models.JSONField(null=True)
    softer = models.BooleanField()
    reason = models.TextField(blank=True)
    forecast: models.JSONField[JsonObject | None, Any] = models.JSONField(null=True)
    puts_back = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "change of the risk map"
        verbose_name_plural = "change log"
        ordering = ["-id"]
        indexes = [models.Index(fields=["subject", "name", "-id"])]

    def __str__(self) -> str:
        return f"{self.name} on {self.at:%Y-%m-%d}"
