"""The log in memory passes the suite that the real one passes."""

from __future__ import annotations

import pytest

from agents.core import events
from agents.core.events import Fact
from agents.core.ports import Log
from agents.testing import LogConformance, MemoryStore
from agents.testing.conformance import APPROVAL


class Stand:
    digest = "d" * 64

    def __init__(self) -> None:
        self.store = MemoryStore()

    async def take(self) -> Log:
        return self.store.lease()

    async def write(self, *facts: Fact) -> None:
        self.store.write(*facts)

    async def vote(self) -> None:
        fact = events.ApprovalDecided(APPROVAL, "c1", "approved", "Ann", "", self.digest)
        self.store.write(fact)


class TestMemoryLog(LogConformance):
    @pytest.fixture
    def log_stand(self) -> Stand:
        return Stand()
