"""The log, and the sessions that are its projections."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from agents.core import events


class ReadOnly(TypeError):
    """The log and its projections are written by the engine only."""


class Session(models.Model):
    """One run of one agent: the head of its log, its lease, and what pages read of it."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING_APPROVAL = "waiting_approval"
        WAITING_INPUT = "waiting_input"
        PAUSED = "paused"
        OUTCOME_REVIEW = "outcome_review"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ENDED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    agent = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    task = models.TextField()
    model = models.CharField(max_length=100)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.SET_NULL)
    request_key = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001 - many without
    request_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    # A fork's log begins with its parent's, read through up to ``parent_seq``.
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="forks"
    )
    parent_seq = models.PositiveIntegerField(default=0)
    fork = models.JSONField(default=dict)  # what was asked for: ``core.forking``

    # The head of the log.
    last_seq = models.PositiveIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)
    control_seq = models.PositiveIntegerField(default=0)  # the last seq that a claim must have seen

    # The run request and the lease.
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.QUEUED)
    resume_at = models.DateTimeField(null=True)
    waits_for = models.CharField(max_length=8, blank=True)  # model or tool, while parked for it
    term = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True)

    # What people asked for, and what is open.
    pausing = models.BooleanField(default=False)
    paused_by = models.CharField(max_length=200, blank=True)
    stopping = models.BooleanField(default=False)
    killing = models.BooleanField(default=False)
    open_approvals = models.PositiveIntegerField(default=0)
    open_outcomes = models.PositiveIntegerField(default=0)
    asking = models.CharField(max_length=300, blank=True)  # why a person is needed, in words
    question = models.CharField(max_length=60, blank=True)  # refusal, loop, budget or day and cap

    # Figures for pages.
    steps = models.PositiveIntegerField(default=0)
    tool_calls = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)  # those read from the cache among them
    cached_tokens = models.PositiveBigIntegerField(default=0)  # read from the cache
    approvals_asked = models.PositiveIntegerField(default=0)
    high_executions = models.PositiveIntegerField(default=0)
    troubles = models.PositiveIntegerField(default=0)  # events that the filter for errors shows
    unpriced = models.BooleanField(default=False)  # whether a model without a price was used
    cost = models.DecimalField(max_digits=14, decimal_places=6, null=True, default=None)
    limits = models.JSONField(default=dict)
    model_ms = models.PositiveBigIntegerField(default=0)
    tool_ms = models.PositiveBigIntegerField(default=0)
    wait_ms = models.PositiveBigIntegerField(default=0)
    activity = models.CharField(max_length=200, blank=True)
    activity_tool = models.CharField(max_length=128, blank=True)  # whose call the activity is
    strip = models.JSONField(default=list)  # the last 46 of [kind letter, milliseconds]
    result = models.TextField(blank=True)
    error_class = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["status", "resume_at"]),
            models.Index(fields=["status", "agent", "id"]),
            models.Index(fields=["lease_until"]),
            models.Index(fields=["-created_at"]),
            models.Index(
                fields=["ended_at"],
                name="session_ended",
                condition=models.Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def own_steps(self) -> int:
        """The steps that it took itself: a fork begins with its parent's."""
        if not self.fork:
            return self.steps
        # With edited arguments the step is taken over as it was proposed.
        taken = self.fork["step"] if self.fork["arguments"] else self.fork["step"] - 1
        return max(0, self.steps - int(taken))

    @property
    def ended(self) -> bool:
        return self.status in self.ENDED


class Event(models.Model):
    """One event of the log. Insert-only: the database refuses UPDATE and DELETE."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="events")
    seq = models.PositiveIntegerField()
    step = models.PositiveIntegerField()
    kind = models.CharField(max_length=24)
    text = models.TextField()  # the event text, hashed as stored
    version = models.PositiveSmallIntegerField(default=events.VERSION)
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    term = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session", "seq"], name="one_event_per_seq")]
        ordering = ["session_id", "seq"]

    def __str__(self) -> str:
        return f"{self.session_id}:{self.seq} {self.kind}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        raise ReadOnly("events are appended by the journal")

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ReadOnly("events are never deleted")
