"""Who may do what, and by which key they come in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from agents.models.catalogue import RISKS


class RoleAssignment(models.Model):
    """A role of a person, for all agents or one group of them, up to a risk."""

    class Role(models.TextChoices):
        VIEWER = "viewer"
        OPERATOR = "operator"
        APPROVER = "approver"
        ADJUDICATOR = "adjudicator"
        AUDITOR = "auditor"
        ADMIN = "admin"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="roles"
    )
    role = models.CharField(max_length=12, choices=Role.choices)
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.CASCADE, help_text="Empty: every agent."
    )
    highest_risk = models.CharField(max_length=8, choices=RISKS, default="high")

    class Meta:
        verbose_name = "role"
        constraints = [
            models.UniqueConstraint(fields=["user", "role", "group"], name="one_role_per_group"),
            models.UniqueConstraint(
                fields=["user", "role"],
                condition=models.Q(group__isnull=True),
                name="one_role_for_every_agent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.role}"


class ApiToken(models.Model):
    """A bearer token, kept as its SHA-256; it carries its user's rights and no more."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    label = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked = models.BooleanField(default=False)

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.user} {self.label}"


class SignInLink(models.Model):
    """A one-time way in, kept as its SHA-256; works once, for minutes, from loopback only."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.user} until {self.expires_at:%H:%M}"


class Preference(models.Model):
    """How one person wants the pages; without a row everything is at its default."""

    class Theme(models.TextChoices):
        SYSTEM = "system"
        LIGHT = "light"
        DARK = "dark"

    class Density(models.TextChoices):
        COMFORTABLE = "comfortable"
        COMPACT = "compact"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    density = models.CharField(max_length=12, choices=Density.choices, default=Density.COMFORTABLE)
    shortcuts = models.BooleanField(default=True)
    notify = models.BooleanField(default=False)
    sound = models.BooleanField(default=False)
    # The tour's sessions in the order of its steps, and whether the person has put it away.
    tour = models.JSONField(default=list, blank=True)
    tour_over = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.user}: {self.theme}, {self.density}"


class SignIn(AbstractBaseSession):
    """A browser that came in, with whose it is and when it was last seen."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    device = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(auto_now=True)


class Pin(models.Model):
    """A session that a person keeps at hand."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pins"
    )
    session = models.ForeignKey("agents.Session", on_delete=models.CASCADE, related_name="pins")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "session"], name="one_pin_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} keeps {self.session_id}"
