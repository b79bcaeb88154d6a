"""Alerts: the rules and targets that admins edit, and the outbox between them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from agents import sealing
from agents.models.catalogue import RISKS
from agents.models.sessions import Session

ROTATION = timedelta(hours=24)  # for so long a replaced webhook secret signs beside the new one


class AlertTarget(models.Model):
    """Where alerts go. Its secret is written, never shown."""

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "Signed webhook"
        EMAIL = "email", "E-mail"
        APPRISE = "apprise", "Apprise URL"

    name = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    address = models.CharField(
        max_length=500,
        blank=True,
        help_text="A webhook's URL, or e-mail addresses separated by commas. Not secret.",
    )
    sealed = models.TextField(blank=True, editable=False)
    sealed_before = models.TextField(blank=True, editable=False)
    rotated_at = models.DateTimeField(null=True, editable=False)
    default = models.BooleanField(
        default=True, help_text="Gets the alerts of every rule that names no target."
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        verbose_name = "alert target"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        """The Apprise URL or the webhook's ``whsec_`` key. Raises ``sealing.Unreadable``."""
        return sealing.unseal(self.sealed)

    @secret.setter
    def secret(self, value: str) -> None:
        if self._holds(value):
            return
        if self.sealed and self.kind == self.Kind.WEBHOOK:
            self.sealed_before, self.rotated_at = self.sealed, timezone.now()
        self.sealed = sealing.seal(value)

    def _holds(self, value: str) -> bool:
        try:
            return bool(self.sealed) and self.secret == value
        except sealing.Unreadable:
            return False

    def keys(self) -> list[str]:
        """What signs now: the key, and for a day the one that it replaced."""
        lately = self.rotated_at and timezone.now() - self.rotated_at < ROTATION
        old = [sealing.unseal(self.sealed_before)] if lately and self.sealed_before else []
        return [self.secret, *old]


class AlertRule(models.Model):
    """Which happenings become alerts, how they are grouped, and for whom."""

    class Trigger(models.TextChoices):
        SESSION_FAILED = "session_failed", "A session failed"
        SESSION_REFUSED = "session_refused", "The model refused to go on"
        LOOP_ASKED = "loop_asked", "A loop reached the rung where a person is asked"
        BUDGET_REACHED = "budget_reached", "A budget is used up"
        APPROVAL_REQUESTED = "approval_requested", "A call waits for approval"
        APPROVAL_WAITING = "approval_waiting", "A call has waited for approval too long"
        OUTCOME_UNKNOWN = "outcome_unknown", "A call's outcome is unknown"
        BREAKER_OPEN = "breaker_open", "A circuit breaker opened"
        WORKER_GONE = "worker_gone", "A worker that drove sessions is gone"
        ANOMALY = "anomaly", "Something unusual was found"

    class Grouping(models.TextChoices):
        RULE = "rule", "All together"
        AGENT = "agent", "Per agent"
        SESSION = "session", "Per session"
        ERROR_CLASS = "error_class", "Per error class"

    name = models.SlugField(max_length=64, unique=True)
    trigger = models.CharField(max_length=20, choices=Trigger.choices)
    agent = models.CharField(max_length=64, default="*", help_text="A pattern, e.g. bank-*.")
    minimum_risk = models.CharField(
        max_length=8, choices=RISKS, default="safe", help_text="For calls: from this risk upwards."
    )
    minutes = models.PositiveIntegerField(
        default=10, help_text="How long a call must have waited, where the trigger is a wait."
    )
    group_by = models.CharField(max_length=12, choices=Grouping.choices, default=Grouping.RULE)
    cooldown = models.PositiveIntegerField(
        default=600,
        help_text="Seconds in which what happens again is gathered into one alert. "
        "0: an alert for each.",
    )
    include_arguments = models.BooleanField(
        default=False, help_text="Alerts carry the call's arguments and the error's own words."
    )
    sends_to = models.ManyToManyField(
        AlertTarget,
        blank=True,
        related_name="rules",
        verbose_name="targets",
        help_text="None: every enabled default target.",
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        verbose_name = "alert rule"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        if "_targets" in self.__dict__:
            names = self.__dict__.pop("_targets")
            self.sends_to.set(AlertTarget.objects.filter(name__in=names))

    @property
    def targets(self) -> list[str]:
        """The names of its own targets; what is set here is kept by ``save``."""
        if "_targets" in self.__dict__:
            return list(self.__dict__["_targets"])
        return sorted(one.name for one in self.sends_to.all()) if self.pk else []

    @targets.setter
    def targets(self, names: list[str]) -> None:
        self.__dict__["_targets"] = sorted(names, key=str)

    def receivers(self) -> models.QuerySet[AlertTarget]:
        """The targets that get its alerts now."""
        own = self.sends_to.all()
        chosen = own if own.exists() else AlertTarget.objects.filter(default=True)
        return chosen.filter(enabled=True)


class Alert(models.Model):
    """One message: about one occurrence, or about all that a cooldown gathered."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    rule = models.ForeignKey(AlertRule, null=True, on_delete=models.SET_NULL, related_name="+")
    rule_name = models.CharField(max_length=64)
    trigger = models.CharField(max_length=20)
    key = models.CharField(max_length=128, blank=True)
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    text = models.TextField()
    path = models.CharField(max_length=200)  # of the page that it links to
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["rule", "key", "-created_at"])]

    def __str__(self) -> str:
        return self.text

    @property
    def message_id(self) -> str:
        """The same on every attempt and for every target: receivers drop repeats by it."""
        return f"msg_{self.uuid.hex}"


class Occurrence(models.Model):
    """One happening that one rule matched, written in the event's own transaction."""

    # Without database constraints: an event must commit although its rule is removed meanwhile.
    rule = models.ForeignKey(
        AlertRule, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    session = models.ForeignKey(
        Session, null=True, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    subject = models.CharField(max_length=160)  # what it is about; noted once per rule
    key = models.CharField(max_length=128, blank=True)  # the group it falls into
    path = models.CharField(max_length=200)
    details = models.JSONField(default=dict)
    at = models.DateTimeField()
    alert = models.ForeignKey(
        Alert, null=True, on_delete=models.CASCADE, related_name="occurrences"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "subject"], name="one_occurrence_per_subject")
        ]
        indexes = [
            models.Index(
                fields=["rule", "key"],
                condition=models.Q(alert__isnull=True),
                name="occurrences_waiting",
            )
        ]

    def __str__(self) -> str:
        return self.subject


class Delivery(models.Model):
    """One alert on its way to one target."""

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    target = models.ForeignKey(AlertTarget, null=True, on_delete=models.SET_NULL, related_name="+")
    target_name = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(default=timezone.now)  # from here the three days count
    next_at = models.DateTimeField(default=timezone.now)
    claimed_until = models.DateTimeField(null=True)  # a courier is sending it
    last_error = models.CharField(max_length=300, blank=True)
    status = models.PositiveSmallIntegerField(null=True)  # of the HTTP response
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "alert deliveries"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["alert", "target"], name="one_delivery_per_target")
        ]
        indexes = [
            models.Index(
                fields=["next_at"], condition=models.Q(state="pending"), name="deliveries_due"
            )
        ]

    def __str__(self) -> str:
        return f"To {self.target_name}: {self.alert}"
