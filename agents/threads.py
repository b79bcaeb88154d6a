"""Threads that ask the database on behalf of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import close_old_connections, connection, connections

T = TypeVar("T")


class DatabaseThreads:
    """Channels' one thread-sensitive thread serves pages, so the engine has its own."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._pool = ThreadPoolExecutor(size, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, _asked, work)

    async def close(self) -> None:
        """Close every thread's connection; the next question opens it again."""
        together = Barrier(self._size)  # so that no thread does it twice and another never

        def close() -> None:
            together.wait(10)
            connections.close_all()

        loop = asyncio.get_running_loop()
        closing = [loop.run_in_executor(self._pool, close) for _ in range(self._size)]
        await asyncio.gather(*closing)


def _asked(work: Callable[[], T]) -> T:
    # Nobody begins a request here, which is when Django looks for connections that broke.
    if connection.errors_occurred:
        close_old_connections()
    return work()
