from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.configuration import Malformed, configure_file
from agents.management.database import make_if_new


class Command(BaseCommand):
    help = "Make agents, MCP servers, tools, rules and prices what a TOML file says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        make_if_new()
        try:
            changes = configure_file(options["file"])
        except Malformed as error:
            raise CommandError(str(error)) from None
        for line in changes or ["Nothing to change."]:
            self.stdout.write(line)
