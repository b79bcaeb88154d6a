"""Emptying the database between tests: its triggers must let go, its first rows come back."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.management.commands import flush
from django.db import connections

from agents import triggers

DEFAULTS = [
    import_module(f"agents.migrations.{name}")
    for name in (
        "0002_defaults",
        "0011_default_alert_rules",
        "0014_artifact",
        "0019_anomaly_alerts",
    )
]


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        triggers.remove(connection)
        try:
            super().handle(**options)
        finally:
            triggers.install(connection)
        for defaults in DEFAULTS:
            defaults.add(apps, None)
