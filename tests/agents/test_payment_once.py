"""A payment that times out after its effect happens once, and a person sees that nobody knows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents import inbox
from agents.core.tools import ToolContext, ToolOutput
from agents.models import Outcome, Session, Tool
from agents.testing import ScriptedModel, calls, says
from agents.toolbox.box import Box
from tests.agents.posting import approve
from tests.agents.working import ENDED, at_rest, begin, db, kinds, until, worker

pytestmark = pytest.mark.django_db(transaction=True)

PAY = calls(("c1", "process_payment", {"order_id": 1042, "amount": 24.5}))
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.mark.parametrize("answer", ["timeout", "error"])
async def test_a_payment_that_times_out_after_its_effect_is_made_once_and_seen_by_a_person(
    answer: str, monkeypatch: pytest.MonkeyPatch, ann: User, ada: User
) -> None:
    paid: list[str] = []

    async def pay(box: Box, name: str, arguments: Any, context: ToolContext) -> ToolOutput:
        paid.append(context.idempotency_key)
        if answer == "error":
            raise ConnectionResetError("the bank hung up")
        await asyncio.Event().wait()  # the money is gone, the answer never comes
        raise AssertionError

    monkeypatch.setattr(Box, "call", pay)
    risky = {"risk": "high", "effect": "irreversible", "timeout": 0.2, "reviewed": True}
    await db(Tool.objects.update_or_create, name="process_payment", defaults=risky)
    async with worker(ScriptedModel([PAY, says("Paid.")])) as running:
        session = await begin("Pay order 1042.", tools=["process_payment"])
        await until(session, "waiting_approval")
        await approve(ann, session)
        session = await until(session, "outcome_review")
        await at_rest(running)
        # The clock, a doorbell and a message of a person do not make it pay again.
        running.wake()
        await db(inbox.steer, ada, session.uuid, "Is it paid?")
        await asyncio.sleep(1.2)
        assert len(paid) == 1
        outcome = await db(Outcome.objects.get, session=session)
        assert outcome.idempotency_key == paid[0]
        await db(sees_it, ada, session, outcome)
        await db(inbox.settle, ada, outcome.uuid, "happened", "The bank's statement shows it.", "")
        session = await until(session, *ENDED)
    assert session.status == "completed"
    assert len(paid) == 1
    log = await kinds(session)
    assert log.count("tool_started") == log.count("outcome_unknown") == 1
    assert "tool_retried" not in log


def sees_it(user: User, session: Session, outcome: Outcome) -> None:
    client = Client()
    client.force_login(user, backend=BACKEND)
    page = client.get(f"/sessions/{session.uuid}/").content.decode()
    assert "Outcome unknown" in page
    assert "It may have happened" in page
    assert f"/approvals/outcomes/{outcome.uuid}/" in page
    settle = client.get(f"/approvals/outcomes/{outcome.uuid}/").content.decode()
    assert outcome.idempotency_key in settle
