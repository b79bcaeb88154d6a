from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from agents.insights import rounds
from agents.models import RollupState


class Command(BaseCommand):
    help = "Bring the figures of Insights up to date, which a worker does every minute."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--rebuild", action="store_true", help="work everything out again, from the logs"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rebuild"]:
            rounds.rebuild(self.stdout.write)
        elif not rounds.round_():
            self.stdout.write("A worker is doing it now.")
            return
        at = RollupState.objects.get(pk=1).rolled_at
        self.stdout.write(f"The figures are as of {at:%H:%M:%S} UTC.")
