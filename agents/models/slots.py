"""How many sessions may be at work at once, and who was served last."""

from __future__ import annotations

from django.db import models


class Slots(models.Model):
    """Sessions at work at once, all agents together. Without a row that is ``DEFAULT``."""

    ALL = "all"
    DEFAULT = 500

    name = models.CharField(
        max_length=8, unique=True, choices=[(ALL, "All agents together")], default=ALL
    )
    sessions = models.PositiveIntegerField(
        default=DEFAULT, help_text="Sessions at work at once; the rest is queued."
    )

    class Meta:
        verbose_name = "slots"
        verbose_name_plural = "slots"

    def __str__(self) -> str:
        return self.get_name_display()


class Served(models.Model):
    """When an agent was last given a slot while others waited for one."""

    agent = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.agent
