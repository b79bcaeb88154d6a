"""What tools returned and the log holds only in part."""

from __future__ import annotations

from django.db import models

from agents.models.sessions import Session


class Artifact(models.Model):
    """One output kept whole, or its first 10 MB. It goes when its session goes."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="artifacts")
    key = models.CharField(max_length=40, unique=True)  # art_ and 32 hex digits: unguessable
    call_id = models.CharField(max_length=128)
    step = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    mime = models.CharField(max_length=130)
    size = models.PositiveBigIntegerField()  # bytes of all of it
    sha256 = models.CharField(max_length=64)  # of all of it
    content = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"
