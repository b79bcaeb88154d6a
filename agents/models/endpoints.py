"""What all workers know together of the endpoints they call: breakers, holds, blocks."""

from __future__ import annotations

from django.db import models


class Breaker(models.Model):
    """One circuit breaker: ``tool:<name>``, ``server:<MCP server>`` or ``model:<host>/<model>``."""

    class State(models.TextChoices):
        CLOSED = "closed", "Closed"
        OPENED = "opened", "Open"
        HALF_OPENED = "half-opened", "Being tried"

    name = models.CharField(max_length=250, unique=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.CLOSED)
    failures = models.JSONField(default=list)  # seconds since the epoch, of the last minute
    opened_at = models.FloatField(null=True)  # seconds since the epoch
    probe = models.CharField(max_length=32, blank=True)  # who tries, while half open
    probe_until = models.FloatField(default=0.0)  # seconds since the epoch; then another may try
    reason = models.CharField(max_length=300, blank=True)  # the last failure

    class Meta:
        verbose_name = "circuit breaker"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class BreakerChange(models.Model):
    """A breaker opened or closed. Written in the transaction that changed it, never changed."""

    breaker = models.ForeignKey(Breaker, on_delete=models.CASCADE, related_name="changes")
    state = models.CharField(max_length=12, choices=Breaker.State.choices)
    reason = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.breaker_id} {self.state}"


class Provider(models.Model):
    """A model endpoint as all sessions see it: left alone until then, or blocked until a person
    has mended what it refuses. ``key`` is a keyed hash of address and API key, which says neither.
    """

    key = models.CharField(max_length=64)
    model = models.CharField(max_length=100, blank=True)  # empty: all of its models
    host = models.CharField(max_length=200)
    not_before = models.DateTimeField(null=True)
    strikes = models.PositiveIntegerField(default=0)  # limits met in a row
    tickets = models.PositiveIntegerField(default=0)  # sessions told to come back after this hold
    blocked_at = models.DateTimeField(null=True)
    error_class = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = "model endpoint"
        constraints = [
            models.UniqueConstraint(fields=["key", "model"], name="one_row_per_endpoint")
        ]
        ordering = ["host", "model"]

    def __str__(self) -> str:
        return f"{self.host} {self.model}".strip()
