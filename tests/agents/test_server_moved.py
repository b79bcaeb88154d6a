"""A call that was approved for one MCP server is not sent to another."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from agents.models import Approval, McpServer
from agents.testing import ScriptedModel, calls, says
from tests.agents.posting import approval_of, approve
from tests.agents.toolbox import servers
from tests.agents.working import ENDED, begin, db, until, worker

pytestmark = pytest.mark.django_db(transaction=True)

UNRULY = Path(servers.__file__).with_name("unruly.py")
NOTE = calls(("c1", "bank__note", {"text": "pay"}))


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"REGION": "elsewhere"}, Approval.State.INVALIDATED),
        ({"BANK_TOKEN": "a-renewed-token"}, Approval.State.CONSUMED),
    ],
)
async def test_an_approval_is_bound_to_the_server_and_not_to_its_key(
    ann: User, tmp_path: Path, changed: dict[str, str], state: str
) -> None:
    notes = tmp_path / "notes"
    env = {"NOTES": str(notes), "BANK_TOKEN": "the-first-token", "REGION": "here"}
    server = await db(
        McpServer.objects.create, name="bank", command=[sys.executable, str(UNRULY)], env=env
    )
    async with worker(ScriptedModel([NOTE])):
        session = await until(await begin("Pay.", tools=["bank__note"]), "waiting_approval")
    await approve(ann, session)
    await db(McpServer.objects.filter(pk=server.pk).update, env={**env, **changed})
    async with worker(ScriptedModel([says("Done.")])):
        await until(session, *ENDED)
    assert (await approval_of(session)).state == state
    assert notes.exists() == (state == Approval.State.CONSUMED)
