"""A fork begins with its parent's log, reads it through, and goes its own way from there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User

from agents import chain, forking, inbox
from agents.core.fold import replay
from agents.forking import Fork
from agents.lineage import log_of
from agents.models import (
    AgentDefinition,
    Approval,
    Event,
    GateRule,
    RoleAssignment,
    Session,
    Tool,
)
from agents.testing import ScriptedModel, calls, says
from tests.agents.working import ENDED, QUICK, begin, db, until, worker
from tests.cast import person

pytestmark = pytest.mark.django_db(transaction=True)

WRITE = calls(("c1", "write_file", {"path": "a.txt", "content": "one"}))
READ = calls(("c2", "read_file", {"path": "a.txt"}))
SCRIPT = [WRITE, READ, says("Done.")]


async def parent(model: ScriptedModel, **fields: Any) -> Session:
    """A finished session of three steps."""
    async with worker(model):
        return await until(await begin("Write and read.", **fields), *ENDED)


async def forked(user: User, of: Session, wanted: Fork, model: ScriptedModel) -> Session:
    row = await db(forking.fork, user, of, wanted)
    async with worker(model):
        return await until(row, *ENDED, "waiting_approval")


async def test_a_fork_goes_on_from_its_step_and_copies_nothing(olu: User) -> None:
    model = ScriptedModel(SCRIPT)
    origin = await parent(model)
    asked = model.requests[1]
    other = ScriptedModel([*SCRIPT[:1], says("Another end.")])
    fork = await forked(olu, origin, Fork(step=2), other)
    assert (fork.status, fork.result) == ("completed", "Another end.")
    assert other.requests[0] == asked  # the very request that the parent made
    own = await db(lambda: list(Event.objects.filter(session=fork).order_by("seq")))
    assert own[0].seq == fork.parent_seq + 1
    assert own[0].kind == "session_started"
    whole = await db(lambda: list(log_of(fork)))
    assert [event.seq for event in whole] == list(range(1, fork.last_seq + 1))
    assert {event.session_id for event in whole[: fork.parent_seq]} == {origin.pk}
    assert await db(chain.verify, fork) is None


async def test_a_fork_is_not_told_of_its_parents_budget(olu: User) -> None:
    settings = {**QUICK, "unattended": True}
    origin = await parent(ScriptedModel(SCRIPT), settings=settings, limits={"steps": 2})
    assert origin.error_class == "budget_exhausted"
    other = ScriptedModel([says("At leisure.")])
    fork = await forked(olu, origin, Fork(step=3, limits={"steps": 9}), other)
    assert (fork.status, fork.result) == ("completed", "At leisure.")
    read_anew = other.requests[0].messages[-1]  # what the parent had read before stays as it was
    assert "NOTE FROM THE RUNTIME" not in str(read_anew)


async def test_a_fork_counts_the_errors_of_its_beginning_only(olu: User) -> None:
    settings = {**QUICK, "unattended": True}
    origin = await parent(ScriptedModel(SCRIPT), settings=settings, limits={"steps": 2})
    assert origin.troubles == 2  # the budget, and the end
    other = ScriptedModel([says("At leisure.")])
    fork = await forked(olu, origin, Fork(step=3, limits={"steps": 9}), other)
    assert fork.troubles == 1


async def test_a_changed_ancestor_breaks_the_chain_of_its_forks(olu: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    fork = await forked(olu, origin, Fork(step=2), ScriptedModel(SCRIPT))
    await db(Session.objects.filter(pk=fork.pk).update, parent_seq=fork.parent_seq - 1)
    assert await db(chain.verify, fork) is not None


async def test_tools_played_from_the_record_run_nothing(olu: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT), max_auto_risk="low")
    fork = await db(forking.fork, olu, origin, Fork(step=1, tools=forking.RECORD))
    folder = Path(settings.OVERSIGHT_DATA) / "workspaces" / str(origin.uuid)
    await db(shutil.rmtree, folder)
    model = ScriptedModel([*SCRIPT[:2], calls(("c3", "read_file", {"path": "b"})), says("End.")])
    async with worker(model):
        fork = await until(fork, *ENDED)
    assert fork.status == "completed"
    written = Path(settings.OVERSIGHT_DATA) / "workspaces" / str(fork.uuid) / "a.txt"
    assert not written.exists()
    results = await results_of(fork)
    assert [result["ok"] for result in results] == [True, True, False]
    assert "one" in str(results[1]["content"])
    assert "Nothing ran" in results[2]["content"]


async def test_a_link_in_the_parents_folder_leads_the_fork_nowhere(
    olu: User, tmp_path: Path
) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    folder = Path(settings.OVERSIGHT_DATA) / "workspaces" / str(origin.uuid)
    (folder / "orders.csv").unlink()
    (folder / "orders.csv").symlink_to(tmp_path / "planted")
    await forked(olu, origin, Fork(step=2), ScriptedModel([says("Done.")]))
    assert not (tmp_path / "planted").exists()


async def results_of(session: Session) -> list[dict[str, Any]]:
    log = await db(forking.whole, session)
    return [events_data(record) for record in log if record.kind == "tool_result"]


def events_data(record: Any) -> dict[str, Any]:
    return {"ok": record.fact.ok, "content": record.fact.content}


async def test_a_live_fork_with_edited_arguments_asks_a_person_and_runs_them(
    olu: User, ann: User
) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    edited = {"c1": {"path": "a.txt", "content": "two"}}
    wanted = Fork(step=1, tools=forking.LIVE, arguments=edited)
    fork = await db(forking.fork, olu, origin, wanted)
    async with worker(ScriptedModel(SCRIPT)):
        fork = await until(fork, "waiting_approval")
        held = await db(Approval.objects.get, session=fork, state="pending")
        assert '"two"' in held.arguments
        await db(inbox.approve, ann, held.uuid, held.digest)
        fork = await until(fork, *ENDED)
    assert fork.status == "completed"
    results = await results_of(fork)
    assert "a human reviewer changed the arguments" in str(results[0]["content"])
    assert "two" in str(results[1]["content"])


async def test_a_message_goes_with_the_fork_and_another_is_taken_back(olu: User) -> None:
    model = ScriptedModel(SCRIPT)
    async with worker(model):
        origin = await begin("Write and read.")
        await db(inbox.steer, olu, origin.uuid, "Be quick.")
        origin = await until(origin, *ENDED)
    log = await db(forking.whole, origin)
    (told,) = [record.seq for record in log if record.kind == "message"]
    other = ScriptedModel([says("Slowly done.")])
    wanted = Fork(step=1, message="Take your time.", replaces=told)
    fork = await forked(olu, origin, wanted, other)
    assert fork.status == "completed"
    said = str(other.requests[0].messages)
    assert "Take your time." in said
    assert "Be quick." not in said


async def test_the_task_of_a_fork_of_the_first_step_may_be_another(olu: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    model = ScriptedModel([says("Done otherwise.")])
    fork = await forked(olu, origin, Fork(step=1, task="Do something else."), model)
    assert "Do something else." in str(model.requests[0].messages)
    assert "Write and read." not in str(model.requests[0].messages)
    with pytest.raises(inbox.Invalid, match="first step"):
        await db(forking.fork, olu, origin, Fork(step=2, task="Too late."))
    assert fork.task == "Do something else."


async def test_a_finished_session_goes_on_in_a_fork_behind_its_last_step(olu: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    model = ScriptedModel([*SCRIPT, says("And more.")])
    fork = await forked(olu, origin, Fork(step=4, message="Go on."), model)
    assert (fork.status, fork.result) == ("completed", "And more.")
    assert fork.tokens < origin.tokens  # what the parent spent is the parent's


async def test_a_fork_of_a_fork_reads_through_both(olu: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    first = await forked(olu, origin, Fork(step=3), ScriptedModel([*SCRIPT[:2], says("B.")]))
    second = await forked(olu, first, Fork(step=2), ScriptedModel([SCRIPT[0], says("C.")]))
    assert second.result == "C."
    assert second.parent_seq < first.parent_seq  # cut within what the parent read through itself
    log = await db(forking.whole, second)
    assert replay(log).step == 2
    assert await db(chain.verify, second) is None


async def test_a_fork_paused_before_it_began_stays_paused(olu: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    fork = await db(forking.fork, olu, origin, Fork(step=2))
    await db(inbox.pause, olu, fork.uuid)
    async with worker(ScriptedModel(SCRIPT)):
        fork = await until(fork, "paused")
        await db(inbox.resume, olu, fork.uuid)
        assert (await until(fork, *ENDED)).status == "completed"


@pytest.mark.parametrize("step", [0, 5, 99])
async def test_there_is_nothing_to_fork_outside_of_the_log(olu: User, step: int) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    with pytest.raises(inbox.Invalid, match="no step"):
        await db(forking.fork, olu, origin, Fork(step=step))


async def test_arguments_that_are_not_valid_make_no_fork(olu: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    with pytest.raises(inbox.Invalid, match="not valid"):
        await db(forking.fork, olu, origin, Fork(step=1, arguments={"c1": {"path": 3}}))
    with pytest.raises(inbox.Invalid, match="called no tool"):
        await db(forking.fork, olu, origin, Fork(step=3, arguments={"c1": {}}))
    assert await db(Session.objects.count) == 1


async def test_only_operators_fork(bob: User, eve: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    for stranger in (bob, eve):
        with pytest.raises(inbox.NotAllowed):
            await db(forking.fork, stranger, origin, Fork(step=2))


async def test_the_effects_that_no_fork_undoes_are_told_apart() -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    log = await db(forking.whole, origin)
    seq, _ = forking.at(log, Fork(step=2))
    assert [fact.tool for fact in forking.effects(log, seq, before=True)] == ["write_file"]
    assert forking.effects(log, seq, before=False) == []


TWO = calls(
    ("c1", "send_email", {"to": ["a@example.org"], "subject": "One", "body": "Yes"}),
    ("c2", "send_email", {"to": ["b@example.org"], "subject": "Two", "body": "Yes"}),
)
EDIT = {"c1": {"to": ["c@example.org"], "subject": "One", "body": "Yes"}}


async def asking(user: User) -> tuple[Session, Session]:
    """A session whose two mails were answered, and a fork of it in which they were played."""
    tools = {"tools": ["send_email"]}
    async with worker(ScriptedModel([TWO, says("Done.")])):
        origin = await until(await begin("Write.", **tools), "waiting_approval")
        for held in await db(lambda: list(Approval.objects.filter(session=origin))):
            await db(inbox.answer, user, held.uuid, held.digest, "Sent by hand.")
        origin = await until(origin, *ENDED)
    olu = await db(User.objects.get, username="olu")
    model = ScriptedModel([TWO, says("Played.")])
    played = await forked(olu, origin, Fork(step=1, tools=forking.RECORD), model)
    assert played.status == "completed"
    return origin, played


async def test_a_live_fork_of_a_played_session_asks_about_every_call(olu: User, ann: User) -> None:
    _, played = await asking(ann)
    wanted = Fork(step=1, tools=forking.LIVE, arguments=EDIT)
    fork = await forked(olu, played, wanted, ScriptedModel([says("End.")]))
    assert fork.status == "waiting_approval"
    held = await db(lambda: list(Approval.objects.filter(session=fork, state="pending")))
    assert [one.call_id for one in held] == ["c1", "c2"]
    assert {one.risk for one in held} == {"medium"}
    state = replay(await db(forking.whole, fork))
    assert {call.effect.value for call in state.calls} == {"keyed"}
    assert not await db(Event.objects.filter(session=fork, kind="tool_started").exists)


async def test_a_fork_asks_as_many_people_as_the_catalogue_says_now(olu: User, ann: User) -> None:
    origin, _ = await asking(ann)
    tool = await db(Tool.objects.get, name="send_email")
    tool.approvals = 2
    await db(tool.save)
    wanted = Fork(step=1, tools=forking.LIVE, arguments=EDIT)
    fork = await forked(olu, origin, wanted, ScriptedModel([says("End.")]))
    held = await db(lambda: list(Approval.objects.filter(session=fork, state="pending")))
    assert [one.required for one in held] == [2, 2]


async def test_a_fork_asks_nobody_about_what_a_rule_forbids_by_now(olu: User, ann: User) -> None:
    origin, _ = await asking(ann)
    to_b = [{"field": "subject", "op": "==", "value": "Two"}]
    await db(
        GateRule.objects.create, name="no b", tool="send_email", verdict="deny", conditions=to_b
    )
    wanted = Fork(step=1, tools=forking.LIVE, arguments=EDIT)
    fork = await forked(olu, origin, wanted, ScriptedModel([says("End.")]))
    held = await db(lambda: list(Approval.objects.filter(session=fork, state="pending")))
    assert [one.call_id for one in held] == ["c1"]
    assert "no b" in (await results_of(fork))[-1]["content"]


async def test_a_fork_runs_no_more_unasked_than_its_agent_may_now(olu: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT), max_auto_risk="low")
    await db(AgentDefinition.objects.update, max_auto_risk="safe")
    fork = await forked(olu, origin, Fork(step=1, tools=forking.LIVE), ScriptedModel(SCRIPT))
    assert fork.status == "waiting_approval"


async def test_whoever_may_not_start_in_the_parent_s_group_forks_nothing() -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    mine, other = [await db(Group.objects.create, name=name) for name in ("mine", "other")]
    una = await db(person, "una")
    roles = [("operator", mine), ("viewer", other)]
    for role, group in roles:
        await db(RoleAssignment.objects.create, user=una, role=role, group=group)
    await db(AgentDefinition.objects.update, group=mine)
    origin.group = other
    await db(origin.save)
    with pytest.raises(inbox.NotAllowed):
        await db(forking.fork, una, origin, Fork(step=2))


async def test_a_fork_inherits_no_limit_above_its_agent_s_ceilings(olu: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    origin.limits = {"steps": 500, "tool_calls": 7}
    await db(origin.save)
    await db(AgentDefinition.objects.update, ceilings={"steps": 60})
    assert (await db(forking.fork, olu, origin, Fork(step=2))).limits == {
        "steps": 60,
        "tool_calls": 7,
    }
    with pytest.raises(inbox.NotAllowed):
        await db(forking.fork, olu, origin, Fork(step=2, limits={"steps": 61}))


async def test_a_message_that_is_too_long_leaves_no_fork_behind(olu: User) -> None:
    origin = await parent(ScriptedModel(SCRIPT))
    with pytest.raises(inbox.Invalid, match="At most"):
        await db(forking.fork, olu, origin, Fork(step=2, message="x" * 20_001))
    assert await db(Session.objects.count) == 1
