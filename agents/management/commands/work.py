"""`manage.py work`: run sessions, without pages."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.core.management import BaseCommand

from agents.management.database import require_current
from agents.management.engine import Engine
from agents.tasks import end_the_rest


class Command(BaseCommand):
    help = "Run sessions. Any number of these may run beside `web` or `up`."

    def handle(self, *args: Any, **options: Any) -> None:
        require_current()
        asyncio.run(self._run())

    async def _run(self) -> None:
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        engine = Engine(drives=True)
        try:
            await engine.start()
            self.stdout.write("Oversight runs sessions; Ctrl-C ends it.")
            self.stdout.flush()
            await told.wait()
            await engine.drain()
        finally:
            await engine.close()
            await end_the_rest()
