"""Emptying the database between tests: its triggers must let go, its first rows come back."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.management.commands import flush
from django.db import connections

from agents import triggers

defaults = import_module("agents.migrations.0003_defaults")


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        triggers.remove(connection)
        try:
            super().handle(**options)
        finally:
            triggers.install(connection)
        defaults.add(apps, None)
