"""`manage.py web`: pages, sockets and the API, without running sessions."""

from __future__ import annotations

import sys
from functools import partial
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand
from django.core.management.base import CommandParser

from agents.management.database import require_current


def listen_on(port: int) -> None:
    """Browsers say the port they came by; the settings knew only the environment's."""
    before, settings.OVERSIGHT_PORT = settings.OVERSIGHT_PORT, port
    for index, origin in enumerate(settings.OVERSIGHT_ORIGINS):
        if origin.startswith("http://") and origin.endswith(f":{before}"):
            settings.OVERSIGHT_ORIGINS[index] = f"{origin.removesuffix(str(before))}{port}"


def address(host: str, port: int) -> str:
    """What to type into a browser."""
    try:
        everywhere = ip_address(host).is_unspecified
    except ValueError:  # a name
        everywhere = False
    name = "localhost" if everywhere else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/"


class Command(BaseCommand):
    help = "Serve pages, live sockets and the API. Sessions run elsewhere, by `work`."

    drives = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="The address to listen on.")
        parser.add_argument("--port", type=int, default=settings.OVERSIGHT_PORT)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        self.prepare()
        listen_on(port)
        # It must be the first to import Twisted, and no other command needs it.
        from oversight.server import serve  # noqa: PLC0415 - it installs a reactor

        ready = partial(self.say_ready, address(host, port))
        sys.exit(serve(host, port, drives=self.drives, ready=ready))

    def prepare(self) -> None:
        require_current()

    def say_ready(self, address: str) -> None:
        self.stdout.write(f"Oversight: {address}")
        self.stdout.flush()
