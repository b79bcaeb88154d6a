"""The processes that drive sessions."""

from __future__ import annotations

from django.db import models


class Worker(models.Model):
    """A process that drives sessions, and when it last said so."""

    name = models.CharField(max_length=100, unique=True)
    started_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()
    sessions = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
