from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents import chain
from agents.finding import session_named
from agents.management.database import require_made
from agents.models import Session


class Command(BaseCommand):
    help = "Check the hash chain of one session's log, or of all of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("session", nargs="?", help="its id; without one, every session")

    def handle(self, *args: Any, **options: Any) -> None:
        require_made()
        name = options["session"]
        rows = [session_named(name)] if name else Session.objects.order_by("id").iterator()
        count = bad = 0
        for session in rows:
            count += 1
            if broken := chain.verify(session):
                bad += 1
                self.stdout.write(f"{session.uuid}: event {broken.seq} {broken.what}")
        if bad:
            raise CommandError(f"{bad} of {count} logs are broken.")
        self.stdout.write(f"{count} {'log is' if count == 1 else 'logs are'} intact.")
