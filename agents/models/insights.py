"""What Insights rolls up: one row per call and per turn, and what is made of them.

``ToolUse``, ``TurnUse`` and ``Incident`` are projections of the log, written in the append's own
transaction; everything else here is worked out from them later and can be worked out again.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from agents.models.catalogue import RISKS
from agents.models.sessions import Session


class ToolUse(models.Model):
    """One call of a tool: proposed, and settled by its result."""

    # The journal holds the session's row while it writes: a constraint would check it again.
    session = models.ForeignKey(
        Session,
        on_delete=models.PROTECT,
        related_name="tool_uses",
        db_index=False,
        db_constraint=False,
    )
    step = models.PositiveIntegerField()
    seq = models.PositiveIntegerField()  # of the call's event
    call_id = models.CharField(max_length=128)
    tool = models.CharField(max_length=128)
    risk = models.CharField(max_length=8, choices=RISKS)
    verdict = models.CharField(max_length=8)
    host = models.CharField(max_length=253, blank=True)  # where an address in the arguments leads
    proposed_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    executed = models.BooleanField(null=True)  # False where nothing ran
    error_class = models.CharField(max_length=40, blank=True)
    duration_ms = models.PositiveBigIntegerField(default=0)
    size = models.PositiveIntegerField(default=0)  # characters of the result
    attempts = models.PositiveSmallIntegerField(default=1)
    waited_ms = models.PositiveBigIntegerField(null=True)  # for people; None: nobody was asked
    decision = models.CharField(max_length=12, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_constraint=False,  # the log may name somebody who has been deleted since
    )

    class Meta:
        indexes = [
            # Endpoints may number the calls of every turn from one: the step belongs to the name.
            models.Index(fields=["session", "step"], name="tool_use_of_step"),
            models.Index(
                fields=["settled_at"],
                name="tool_use_settled",
                condition=Q(settled_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tool} ({self.session_id}:{self.seq})"


class TurnUse(models.Model):
    """One turn of a model: how long it took and what it cost."""

    session = models.ForeignKey(
        Session,
        on_delete=models.PROTECT,
        related_name="turn_uses",
        db_index=False,
        db_constraint=False,
    )
    step = models.PositiveIntegerField()
    seq = models.PositiveIntegerField()
    model = models.CharField(max_length=100)
    at = models.DateTimeField()
    duration_ms = models.PositiveBigIntegerField()
    fresh = models.PositiveBigIntegerField()  # input tokens that no cache knew
    cache_write = models.PositiveBigIntegerField()
    cache_read = models.PositiveBigIntegerField()
    output = models.PositiveBigIntegerField()
    cost = models.DecimalField(max_digits=14, decimal_places=6, null=True)  # None: no price

    class Meta:
        indexes = [
            models.Index(fields=["session"], name="turn_use_of_session"),
            models.Index(fields=["at"], name="turn_use_at"),
        ]

    def __str__(self) -> str:
        return f"{self.model} ({self.session_id}:{self.seq})"


class Incident(models.Model):
    """Something out of the ordinary that the log itself says: a loop, a refusal, a budget,
    thinking that was dropped, a secret in a turn, an end without an answer."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="incidents")
    step = models.PositiveIntegerField()
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=24)
    detail = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} ({self.session_id}:{self.seq})"


class DayFigure(models.Model):
    """What one day came to, for one agent and one thing: replaced as a whole, day by day."""

    class Subject(models.TextChoices):
        CALL = "call"  # name: the tool; outcome: ok, failed, refused
        TURN = "turn"  # name: the model
        APPROVAL = "approval"  # name: the tool; outcome: the decision, or edited
        RULE = "rule"  # name: the rule that asked; outcome: the decision
        SESSION = "session"  # outcome: started, or the status at its end
        READING = "reading"  # name: the voter's id; outcome: read or fast

    day = models.DateField()  # by OVERSIGHT_TIME_ZONE
    subject = models.CharField(max_length=8, choices=Subject.choices)
    agent = models.CharField(max_length=64)
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=300, blank=True)
    risk = models.CharField(max_length=8, blank=True)
    outcome = models.CharField(max_length=16, blank=True)
    count = models.PositiveIntegerField()
    ms = models.PositiveBigIntegerField(default=0)  # together
    tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    spread = models.TextField(blank=True)  # how many of each length: "bucket:count …"

    class Meta:
        indexes = [models.Index(fields=["subject", "day"], name="day_figure_by_subject")]

    def __str__(self) -> str:
        return f"{self.day} {self.subject} {self.agent} {self.name} {self.outcome}"


class RollupState(models.Model):
    """One row: how far the figures are, and who is working on them."""

    rolled_at = models.DateTimeField(null=True)  # the figures are as of then
    watched_at = models.DateTimeField(null=True)  # anomalies were looked for up to then
    claimed_until = models.DateTimeField(null=True)
    # Sessions up to this id were recorded before there was a row per call; 0: all are filled.
    unfilled = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"as of {self.rolled_at}"


class Habit(models.Model):
    """What one agent usually does, as ``agents.core.habits`` keeps it."""

    agent = models.CharField(max_length=64)
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="+")
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent", "group"], name="one_habit_per_group"),
            models.UniqueConstraint(
                fields=["agent"], condition=Q(group__isnull=True), name="one_habit_without_group"
            ),
        ]

    def __str__(self) -> str:
        return f"habits of {self.agent}"


class Anomaly(models.Model):
    """Something unusual that was found. It denies nothing by itself; a person may set it aside."""

    class Level(models.TextChoices):
        NOTICE = "notice"  # a mark on the session's page
        ALERT = "alert"  # worth a look

    class State(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"

    digest = models.CharField(max_length=64, unique=True)  # of what it is: found again, it is one
    kind = models.CharField(max_length=24)
    level = models.CharField(max_length=8, choices=Level.choices)
    agent = models.CharField(max_length=64)
    group = models.ForeignKey(Group, null=True, on_delete=models.SET_NULL, related_name="+")
    subject = models.CharField(max_length=253, blank=True)  # a tool, a host, a rule
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="anomalies")
    step = models.PositiveIntegerField()
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    found_at = models.DateTimeField(auto_now_add=True)
    parts = models.JSONField(default=dict)  # what a sentence about it needs
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "anomalies"
        indexes = [models.Index(fields=["level", "-at"], name="anomaly_by_level")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
