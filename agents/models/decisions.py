"""What waits for people, and what they said: projections of the log, and the ballots."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from agents.core import titles
from agents.models.catalogue import RISKS
from agents.models.sessions import Session


class Approval(models.Model):
    """A call that waits for people, or did."""

    class State(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        CONSUMED = "consumed"
        DENIED = "denied"
        ANSWERED = "answered"
        EXPIRED = "expired"
        INVALIDATED = "invalidated"
        REVOKED = "revoked"
        CANCELLED = "cancelled"

    uuid = models.UUIDField(unique=True)
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="approvals")
    step = models.PositiveIntegerField()
    seq = models.PositiveIntegerField()
    call_id = models.CharField(max_length=128)
    tool = models.CharField(max_length=128)
    title = models.CharField(max_length=titles.LONGEST, blank=True)  # its template
    risk = models.CharField(max_length=8, choices=RISKS)
    rule = models.CharField(max_length=300)
    reason = models.TextField(blank=True)  # the agent's words
    arguments = models.TextField()  # canonical JSON: what is shown, approved and run
    original = models.TextField()  # canonical JSON, as the model asked
    digest = models.CharField(max_length=64)
    definition = models.CharField(max_length=64, blank=True)
    generation = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PENDING)
    required = models.PositiveSmallIntegerField(default=1)
    votes = models.PositiveSmallIntegerField(default=0)
    requested_at = models.DateTimeField()
    decide_by = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decision_reason = models.TextField(blank=True)
    held_until = models.DateTimeField(null=True)  # until then who decided can undo it

    class Meta:
        ordering = ["requested_at", "id"]
        indexes = [
            models.Index(fields=["state", "decide_by"]),
            models.Index(fields=["tool", "state"]),
            models.Index(
                fields=["decided_at"],
                name="approval_decided",
                condition=models.Q(decided_at__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["session", "call_id", "seq"], name="approval_of_call")
        ]

    def __str__(self) -> str:
        return f"{self.tool} ({self.state})"

    @property
    def counting(self) -> models.QuerySet[Vote]:
        """The approvals of these arguments; a vote for others counts for nothing."""
        return self.ballots.filter(decision="approve", digest=self.digest)


class Grant(models.Model):
    """Leave for calls of one tool in one session to run unasked."""

    uuid = models.UUIDField(unique=True)
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="grants")
    tool = models.CharField(max_length=128)
    risk = models.CharField(max_length=8, choices=RISKS)  # the highest that it covers
    arguments = models.TextField(blank=True)  # canonical JSON; empty: any
    until = models.DateTimeField(null=True)  # None: to the session's end
    reason = models.TextField(blank=True)
    given_at = models.DateTimeField()
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    uses = models.PositiveIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-given_at", "-id"]
        indexes = [models.Index(fields=["session", "revoked_at"])]

    def __str__(self) -> str:
        return f"{self.tool} ({self.session_id})"


class Look(models.Model):
    """Who has an approval before them; a page that stays open says so again."""

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="looks")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["approval", "user"], name="one_look_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.approval_id}"


class Vote(models.Model):
    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="ballots")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=8)
    digest = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["approval", "user"], name="one_vote_per_person")
        ]
        indexes = [models.Index(fields=["at"], name="vote_at")]

    def __str__(self) -> str:
        return f"{self.user} {self.decision}"


class Outcome(models.Model):
    """A call that may have happened and cannot be checked."""

    class State(models.TextChoices):
        OPEN = "open"
        HAPPENED = "happened"
        NOT_HAPPENED = "not_happened"
        ABANDONED = "abandoned"

    uuid = models.UUIDField(unique=True)
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="outcomes")
    step = models.PositiveIntegerField()
    call_id = models.CharField(max_length=128)
    tool = models.CharField(max_length=128)
    title = models.CharField(max_length=titles.LONGEST, blank=True)  # its template
    arguments = models.TextField()
    idempotency_key = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    evidence = models.TextField(blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    result = models.TextField(blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["started_at", "id"]
        indexes = [models.Index(fields=["state"])]

    def __str__(self) -> str:
        return f"{self.tool} ({self.state})"


class LateEvidence(models.Model):
    """What a worker learned after it had lost its lease: kept for whoever settles the outcome."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="+")
    call_id = models.CharField(max_length=128)
    term = models.PositiveIntegerField()
    text = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.call_id} (term {self.term})"
