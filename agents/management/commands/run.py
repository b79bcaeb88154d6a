from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models.functions import Now

from agents import inbox, starting
from agents.lineage import log_of
from agents.management.database import make_if_new
from agents.models import Event, Session, Worker

POLL = 0.2  # seconds
ALIVE = 15  # seconds since a worker was last seen
WIDTH = 120  # characters of a line's gist

# The field of each kind's data that says most in one line.
_GIST = ("text", "message", "content", "decision", "reason", "tool", "summary", "task", "dimension")


class Command(BaseCommand):
    help = "Start a session; with --follow print its events until it ends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("agent")
        parser.add_argument("task")
        parser.add_argument("--follow", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        make_if_new()
        try:
            session = starting.start(None, options["agent"], options["task"])
        except inbox.Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(str(session.uuid))
        if not _workers_alive():
            self.stderr.write("No worker is alive: start one with manage.py up or manage.py work.")
        if options["follow"]:
            self._follow(session)

    def _follow(self, session: Session) -> None:
        try:
            for event in _events(session):
                self.stdout.write(_line(event))
                self.stdout.flush()
        except KeyboardInterrupt:
            self.stderr.write("No longer following; the session goes on.")
            sys.exit(130)
        if session.status != Session.Status.COMPLETED:
            raise CommandError(f"{session.status}: {session.error or session.error_class}")


def _workers_alive() -> bool:
    # Both times are the database's.
    seen = Worker.objects.order_by("-seen_at").annotate(now=Now()).first()
    return seen is not None and (seen.now - seen.seen_at).total_seconds() < ALIVE


def _events(session: Session) -> Iterator[Event]:
    """The log as it grows, to its end."""
    last = 0
    while True:
        # The status first: what is in the log when it says that all is over is all there is.
        session.refresh_from_db()
        for event in log_of(session).filter(seq__gt=last):
            last = event.seq
            yield event
        if session.ended:
            return
        time.sleep(POLL)


def _line(event: Event) -> str:
    gist = " ".join(_gist(json.loads(event.text)).split())
    # repr of what a terminal would obey: an agent's text must not move the cursor.
    shown = "".join(c if c.isprintable() else "·" for c in gist)
    clipped = shown if len(shown) <= WIDTH else shown[: WIDTH - 1] + "…"
    return f"{event.seq:>4}  step {event.step:<3} {event.kind:<18} {clipped}".rstrip()


def _gist(data: dict[str, Any]) -> str:
    said = next((data[key] for key in _GIST if data.get(key)), "")
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    if "tool" in data and text != data["tool"]:
        text = f"{data['tool']}: {text}"
    if "arguments" in data:
        text = f"{text} {json.dumps(data['arguments'], ensure_ascii=False)}"
    return text
