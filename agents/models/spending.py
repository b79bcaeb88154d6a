"""What all sessions together may spend in a day, and what they have spent."""

from __future__ import annotations

from django.db import models


class Cap(models.Model):
    """What all sessions together may use in a day; a day is ``OVERSIGHT_TIME_ZONE``'s."""

    DAY = "day"

    name = models.CharField(
        max_length=8, unique=True, choices=[(DAY, "All sessions of a day")], default=DAY
    )
    usd = models.DecimalField(
        "dollars",
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Models without a price do not count here. Empty: no cap.",
    )
    tokens = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Those read from the cache do not count. Empty: no cap."
    )

    class Meta:
        verbose_name = "daily cap"

    def __str__(self) -> str:
        return self.get_name_display()


class DaySpend(models.Model):
    """A projection: what the model turns of a day cost. A day has several rows, so that workers
    do not wait for each other; its sum is the truth."""

    day = models.DateField()
    shard = models.PositiveSmallIntegerField(default=0)
    usd = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    tokens = models.PositiveBigIntegerField(default=0)  # without those read from the cache

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "shard"], name="one_row_per_shard")]

    def __str__(self) -> str:
        return f"{self.day} {self.usd}"
