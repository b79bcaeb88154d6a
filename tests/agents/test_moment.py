"""For any event of any session, the log gives back the very request that the model was sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User

from agents import forking, inbox
from agents.core import moment
from agents.core.events import Record
from agents.exporting import request_body
from agents.forking import Fork
from agents.llm.anthropic import AnthropicModel, encoded
from agents.models import Approval, Session
from tests.agents.working import ENDED, QUICK, begin, db, until, worker
from tests.endpoint.client import Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

NOTE = "A line of a note that fills the window. " * 60


def turn(number: int, name: str, **arguments: Any) -> dict[str, Any]:
    return {
        "text": f"Step {number}.",
        "tools": [{"id": f"c{number}", "name": name, "input": arguments}],
    }


def write(number: int) -> dict[str, Any]:
    return turn(number, "write_file", path=f"{number}.txt", content=NOTE)


def read(number: int) -> dict[str, Any]:
    return turn(number, "read_file", path=f"{number - 1}.txt")


REPLIES = [
    *[work(n) for n in range(1, 17, 2) for work in (write, lambda n: read(n + 1))],
    {"fault": "status", "status": 529},
    {"fault": "cut", "after": 3},
    turn(17, "send_email", to=["a@example.org"], subject="Hello", body="Yes"),
    turn(18, "send_email", to=["b@example.org"], subject="Hello", body="No"),
    {"fault": "truncate", "after": 4},
    {"text": "Done."},
]


def model_of(endpoint: Endpoint) -> AnthropicModel:
    return AnthropicModel("sk-ant-a-key-of-the-tests", endpoint.url)


async def bodies(endpoint: Endpoint) -> list[bytes]:
    return [e["body"].encode() for e in endpoint.log() if e["path"] == "/v1/messages"]


async def rebuilt(log: list[Record]) -> list[bytes]:
    """The request behind each fact that answers one, in the order of the log."""
    found = []
    for record in log:
        if moment.asked_at(record.fact) is None:
            continue
        request = moment.at(log, record.seq).request
        assert request is not None
        found.append(await encoded(request))
    return found


async def decided(ann: User, session: Session, *, approve: bool) -> None:
    held = await db(Approval.objects.get, session=session, state="pending")
    decide = inbox.approve if approve else inbox.deny
    await db(decide, ann, held.uuid, held.digest, reason="So be it.")


async def step(session: Session, number: int) -> None:
    async with asyncio.timeout(60):
        while session.steps < number:
            await asyncio.sleep(0.02)
            await db(session.refresh_from_db)


async def test_every_request_is_rebuilt_byte_by_byte(
    endpoint: Endpoint, ann: User, olu: User
) -> None:
    endpoint.script(
        {
            "<history>": {"replies": [{"text": "A summary."}], "repeat": True},
            "*": {"replies": REPLIES, "shared": True},
        }
    )
    tools = ["read_file", "write_file", "send_email"]
    settings = {**QUICK, "keep_turns": 2}
    async with worker(model_of(endpoint)):
        session = await begin("Note.", tools=tools, window=14_000, settings=settings)
        session = await until(session, "waiting_approval", *ENDED)
        await decided(ann, session, approve=True)
        await db(inbox.steer, olu, session.uuid, "Be brief.")
        await step(session, 18)
        session = await until(session, "waiting_approval", *ENDED)
        await decided(ann, session, approve=False)
        session = await until(session, *ENDED)
    assert (session.status, endpoint.refusals()) == ("completed", [])
    log = await db(forking.whole, session)
    kinds = {record.kind for record in log}
    assert {"context_compacted", "model_retried", "turn_discarded", "message"} <= kinds
    sent = await bodies(endpoint)
    assert await rebuilt(log) == sent
    await every_seq_gives_what_was_last_sent(session, log, sent)


async def every_seq_gives_what_was_last_sent(
    session: Session, log: list[Record], sent: list[bytes]
) -> None:
    answered = 0
    for record in log:
        answered += moment.asked_at(record.fact) is not None
        last = sent[answered - 1] if answered else None
        assert await db(request_body, session, record.seq) == last


async def test_a_fork_rebuilds_its_parents_requests_too(endpoint: Endpoint, olu: User) -> None:
    endpoint.script({"*": {"replies": [write(1), read(2), {"text": "Done."}], "shared": True}})
    async with worker(model_of(endpoint)):
        origin = await until(await begin("Note."), *ENDED)
        endpoint.script({"*": {"replies": [{"text": "Other."}], "shared": True}})
        fork = await db(forking.fork, olu, origin, Fork(step=2))
        fork = await until(fork, *ENDED)
    assert fork.result == "Other."
    log = await db(forking.whole, fork)
    sent = await bodies(endpoint)
    assert await rebuilt(log) == [sent[0], sent[-1]]
    assert sent[1] == sent[-1]
