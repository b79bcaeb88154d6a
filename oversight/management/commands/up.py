"""`manage.py up`: everything in one process."""

from __future__ import annotations

from agents.management.database import make_current
from agents.signin import first_admin
from oversight.management.commands import web


class Command(web.Command):
    help = "Serve pages and run sessions, in one process. Brings the database up to date first."

    drives = True
    _token: str | None = None

    def prepare(self) -> None:
        make_current()
        self._token = first_admin()

    def say_ready(self, address: str) -> None:
        super().say_ready(address)
        if self._token:
            link = f"{address}signin/link/{self._token}/"
            self.stdout.write(f"Sign in once, within ten minutes, on this machine: {link}")
            self.stdout.flush()
