"""However many calls one turn proposes, none runs and nobody is asked beyond what was allowed."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agents import inbox
from agents.core import events
from agents.journal import read
from agents.models import Approval, Session
from agents.testing import ScriptedModel, calls, says
from tests.agents.working import begin, db, kinds, until, worker

pytestmark = pytest.mark.django_db(transaction=True)

POSTS = calls(*[(f"p{n}", "post_tweet", {"text": f"Number {n}."}) for n in range(3)])
READS = calls(*[(f"r{n}", "read_file", {"path": f"{n}.txt"}) for n in range(5)])


async def results(session: Session) -> list[tuple[bool, str]]:
    records = await db(read, session.pk, 0)
    found = [record.fact for record in records if isinstance(record.fact, events.ToolResult)]
    return [(fact.executed, str(fact.content)) for fact in found]


async def test_of_five_calls_two_run_where_two_may_and_a_person_is_asked(olu: User) -> None:
    model = ScriptedModel([READS, says("Done.")])
    async with worker(model):
        session = await begin("Read.", tools=["read_file"], limits={"tool_calls": 2})
        await until(session, "waiting_input")
        told = await results(session)
        assert [executed for executed, _ in told].count(True) == 2
        said = [text for executed, text in told if not executed]
        assert len(said) == 3
        assert all(
            text.startswith("NOT EXECUTED: there is no room for `read_file`") for text in said
        )
        assert (await kinds(session)).count("tool_started") == 2
        assert "2 of 2 tool calls" in session.asking
        await db(inbox.change_limits, olu, session.uuid, {"tool_calls": 9})
        await until(session, "completed")
    assert "changed your budget to 9 tool calls" in str(model.requests[-1].messages[-1])


@pytest.mark.parametrize("limit", ["approvals", "high_executions"])
async def test_nobody_is_asked_about_a_call_for_which_there_is_no_room(
    ann: User, limit: str
) -> None:
    async with worker(ScriptedModel([POSTS, says("Done.")])):
        session = await begin("Post.", tools=["post_tweet"], limits={limit: 1})
        await until(session, "waiting_approval")
        asked = await db(Approval.objects.get, session=session)
        assert len(await results(session)) == 2
        await db(inbox.approve, ann, asked.uuid, asked.digest)
        await until(session, "waiting_input")
        await db(session.refresh_from_db)
        assert (session.approvals_asked, session.high_executions) == (1, 1)
        assert (await kinds(session)).count("tool_started") == 1
