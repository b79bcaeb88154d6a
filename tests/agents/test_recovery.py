"""What becomes of calls in flight when a worker is lost, and of a worker that was only slow."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents import chain, inbox
from agents.core import retry
from agents.doorbell import bell
from agents.leases import Holder
from agents.models import LateEvidence, Outcome, Session
from agents.supervisor import Supervisor
from agents.tasks import end
from agents.testing import ScriptedModel, calls, says
from agents.toolbox.box import Box
from tests.agents.posting import HeldBox, approve, ask, effects, posting
from tests.agents.working import ENDED, at_rest, begin, db, kinds, until, worker

pytestmark = pytest.mark.django_db(transaction=True)

PAY = calls(("c1", "process_payment", {"order_id": 1001, "amount": 1.0}))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> HeldBox:
    box = HeldBox()
    monkeypatch.setattr(Box, "call", box.into(Box))
    return box


async def lost(running: Supervisor) -> None:
    """What kill -9 leaves: no driver, no goodbye, the lease still held."""
    drivers = [driver.task for driver in running._drivers.values() if driver.task]
    await end([*running._tasks, *drivers])


async def in_flight(held: HeldBox, ann: User) -> tuple[Session, Supervisor]:
    """A session whose approved call is under way in a worker that is then lost."""
    await bell.open()
    running = Supervisor(model=posting())
    await running.start()
    session = await until(await ask(), "waiting_approval")
    await approve(ann, session)
    await held.hold.entered.wait()
    return session, running


async def expired(session: Session) -> None:
    past = timezone.now() - timedelta(seconds=1)
    await db(Session.objects.filter(pk=session.pk).update, lease_until=past)


async def outcome_of(session: Session) -> Outcome:
    return await db(Outcome.objects.get, session=session)


@pytest.mark.parametrize(
    ("decision", "runs"), [("happened", 1), ("abandoned", 1), ("not_happened", 2)]
)
async def test_an_irreversible_call_in_flight_is_settled_by_a_person(
    held: HeldBox, ann: User, ada: User, decision: str, runs: int
) -> None:
    session, running = await in_flight(held, ann)
    await lost(running)
    held.hold.go.set()
    await expired(session)
    async with worker(posting()):
        session = await until(session, "outcome_review")
        assert session.open_outcomes == 1
        assert len(held.keys) == 1
        await db(inbox.settle, ada, (await outcome_of(session)).uuid, decision, "It is out.")
        if decision == "not_happened":
            session = await until(session, "waiting_approval")
            held_again = await db(session.approvals.get, state="pending")
            await db(inbox.approve, ann, held_again.uuid, held_again.digest)
        session = await until(session, *ENDED)
    assert session.status == "completed"
    assert len(held.keys) == runs == len(set(held.keys))
    assert await db(chain.verify, session) is None
    await bell.close()


async def _lost_while_paying(held: HeldBox, ann: User) -> tuple[ScriptedModel, Session]:
    """A worker that is gone while its payment is under way, whose lease has run out."""
    await bell.open()
    model = ScriptedModel([PAY, says("Paid.")])
    running = Supervisor(model=model)
    await running.start()
    session = await until(await begin("Pay.", tools=["process_payment"]), "waiting_approval")
    await approve(ann, session)
    await held.hold.entered.wait()
    await lost(running)
    held.hold.go.set()
    await expired(session)
    return model, session


async def test_a_keyed_call_in_flight_is_repeated_under_its_key(held: HeldBox, ann: User) -> None:
    model, session = await _lost_while_paying(held, ann)
    async with worker(model):
        session = await until(session, *ENDED)
    assert session.status == "completed"
    assert len(held.keys) == 2
    assert len(set(held.keys)) == 1
    assert await effects(session) == 2
    await bell.close()


async def test_a_keyed_call_whose_key_may_be_forgotten_is_settled_by_a_person(
    held: HeldBox, ann: User, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, session = await _lost_while_paying(held, ann)
    monkeypatch.setattr(retry, "KEY_KEPT", timedelta())
    async with worker(model):
        session = await until(session, "outcome_review")
        outcome = await outcome_of(session)
        assert "forgotten its key" in outcome.evidence
        await db(inbox.settle, ada, outcome.uuid, "happened", "It is paid.")
        session = await until(session, *ENDED)
    assert (session.status, len(held.keys)) == ("completed", 1)
    await bell.close()


async def test_a_zombie_can_append_nothing_and_what_it_learned_is_kept(
    held: HeldBox, ann: User
) -> None:
    session, running = await in_flight(held, ann)
    await expired(session)
    thief = Holder(seconds=60)
    assert [lease.term for lease in await db(thief.take, 1)] == [session.term + 2]
    length = len(await kinds(session))
    held.hold.go.set()
    await at_rest(running)
    assert len(await kinds(session)) == length
    (evidence,) = await db(lambda: list(LateEvidence.objects.all()))
    assert (evidence.session_id, evidence.call_id) == (session.pk, "c1")
    assert "done" in evidence.text
    await running.drain()
    await bell.close()


async def test_a_kill_in_mid_call_asks_what_became_of_it_and_then_ends(
    held: HeldBox, ann: User, olu: User, ada: User
) -> None:
    async with worker(posting()):
        session = await until(await ask(), "waiting_approval")
        await approve(ann, session)
        await held.hold.entered.wait()
        await db(inbox.stop, olu, session.uuid)
        await db(inbox.stop, olu, session.uuid, kill=True)
        session = await until(session, "outcome_review")
        held.hold.go.set()
        outcome = await outcome_of(session)
        assert outcome.evidence == "the session was killed while the call was running"
        await db(inbox.settle, ada, outcome.uuid, "happened", "It is out.")
        assert (await until(session, *ENDED)).status == "cancelled"
    assert len(held.keys) == 1


async def test_a_stop_in_mid_call_records_it_and_then_ends(
    held: HeldBox, ann: User, olu: User
) -> None:
    async with worker(posting()):
        session = await until(await ask(), "waiting_approval")
        await approve(ann, session)
        await held.hold.entered.wait()
        await db(inbox.stop, olu, session.uuid)
        held.hold.go.set()
        assert (await until(session, *ENDED)).status == "cancelled"
    assert (await kinds(session))[-2:] == ["tool_result", "stopped"]


async def test_a_lease_that_ran_out_is_taken_over_and_the_old_driver_is_fenced() -> None:
    model = posting()
    model.go = asyncio.Event()
    async with worker(model) as running:
        session = await ask()
        await model.entered.wait()
        past = timezone.now() - timedelta(seconds=1)
        await db(Session.objects.filter(pk=session.pk).update, lease_until=past)
        thief = Holder(seconds=60)
        (lease,) = await db(thief.take, 1)
        assert lease.term == 2
        model.go.set()
        await at_rest(running)
        assert await kinds(session) == ["session_started"]
        await db(Session.objects.filter(pk=session.pk).update, lease_until=past)
        await until(session, "waiting_approval")
        assert session.term == 3
