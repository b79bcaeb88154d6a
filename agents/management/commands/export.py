from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from agents.exporting import lines
from agents.finding import session_named
from agents.management.database import require_made


class Command(BaseCommand):
    help = "Print a session's log as JSON Lines, one event a line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("session", help="its id")

    def handle(self, *args: Any, **options: Any) -> None:
        require_made()
        for line in lines(session_named(options["session"])):
            self.stdout.write(line, ending="")
