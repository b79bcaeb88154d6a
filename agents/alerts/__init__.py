"""Alerts: what the log knows, told to people who are not looking.

``outbox`` notes what a rule matches inside the event's own transaction; ``grouping`` makes alerts
of it, few where much happens; ``deliveries`` and the ``courier`` bring each to every target at
least once, under an id that stays the same.
"""

from __future__ import annotations

from agents.alerts.happenings import WATCHED, Happening, anomaly_found, breaker_opened, worker_lost
from agents.alerts.outbox import note, raise_alert
from agents.alerts.trial import send_test

__all__ = [
    "WATCHED",
    "Happening",
    "anomaly_found",
    "breaker_opened",
    "note",
    "raise_alert",
    "send_test",
    "worker_lost",
]
