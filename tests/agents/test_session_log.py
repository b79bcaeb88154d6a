"""The log in the database passes the suite that the log in memory passes."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.utils import timezone

from agents import inbox, session_log
from agents.core.events import Fact, Message, Record
from agents.core.ports import Log
from agents.gatekeeper import approval_digest
from agents.journal import Append, journal, read
from agents.leases import Holder
from agents.models import LateEvidence, Session
from agents.session_log import SessionLog
from agents.testing import LogConformance
from agents.testing.conformance import APPROVAL, begun
from tests.agents.desk import entries
from tests.agents.working import db
from tests.cast import person


class Stand:
    def __init__(self) -> None:
        self.row = Session.objects.create(agent="a", title="t", task="t", model="m")
        self.digest = approval_digest(str(self.row.uuid), "c1", 0, "pay", "", {"amount": 1})

    async def take(self) -> Log:
        rows = Session.objects.filter(pk=self.row.pk)
        await db(rows.update, status="queued", lease_until=timezone.now())
        (lease,) = await db(Holder(seconds=60).take, 10)
        return SessionLog(lease.session, lease.uuid, lease.term)

    async def write(self, *facts: Fact) -> None:
        await db(journal.append, Append(self.row.pk, entries(*facts)))

    async def vote(self) -> None:
        await db(self._vote)

    def _vote(self) -> None:
        inbox.approve(person("ann", "approver"), UUID(APPROVAL), self.digest)


@pytest.mark.django_db(transaction=True)
class TestSessionLog(LogConformance):
    @pytest.fixture
    def log_stand(self, transactional_db: None) -> Stand:
        return Stand()

    async def test_what_comes_too_late_is_kept_as_evidence(self, log_stand: Stand) -> None:
        log = await begun(log_stand)
        await log.late("c1", "it was sent")
        (kept,) = await db(lambda: list(LateEvidence.objects.all()))
        assert (kept.session_id, kept.call_id, kept.term) == (log_stand.row.pk, "c1", 1)

    async def test_a_bell_that_rings_during_a_read_is_heard(
        self, log_stand: Stand, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = await begun(log_stand)
        assert isinstance(log, SessionLog)
        rings = [True]

        def stale(session: int, after: int, limit: int) -> list[Record]:
            found = read(session, after, limit)
            if rings and not found:
                rings.clear()
                journal.append(Append(session, entries(Message("Olu", "hi"))))
                log._known = after + 1  # as ``heard`` does, on the loop's own thread
            return found

        monkeypatch.setattr(session_log, "read", stale)
        log._polled = 0.0
        before = log.state.seq
        assert (await log.load()).seq == before + 1
