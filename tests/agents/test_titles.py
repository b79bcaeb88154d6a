"""The title of a call: written by an administrator, recorded with it, part of no judgement."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import User

from agents import inbox, inventory, riskmap
from agents.catalogue import load_map
from agents.core import events
from agents.core.tools import ToolDefinition
from agents.forking import whole
from agents.models import Approval, Catalogue, Outcome, PolicyChange, Tool
from agents.riskmap import program
from agents.testing import ScriptedModel, calls, says
from tests.agents.desk import Desk, intent, proposal, turn
from tests.agents.mapping import MAP, Mapping
from tests.agents.test_gatekeeper import ASK, DENY, again, ready, still
from tests.agents.test_risk_map import called
from tests.agents.working import begin, db, until, worker
from tests.core.sessions import START

pytestmark = pytest.mark.django_db(transaction=True)
TOOL = PolicyChange.Subject.TOOL
SQL = "Run SQL on {database}"
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"database": {"type": "string"}, "sql": {}},
}
NAME = "orders__execute_sql"


@pytest.fixture
def listed() -> Tool:
    """A server's tool that has been reviewed."""
    inventory.record([ToolDefinition(NAME, "Runs SQL.", SCHEMA, server="orders")])
    Tool.objects.filter(name=NAME).update(reviewed=True)
    return Tool.objects.get(name=NAME)


def entitle(title: str, name: str = NAME) -> PolicyChange:
    (change,) = riskmap.save(None, [riskmap.propose(TOOL, name, {"title": title})])
    return change


def page(tool: Tool) -> str:
    return f"{MAP}{tool.pk}/change/"


# What is recorded


async def test_a_call_keeps_the_template_under_which_it_was_proposed(ann: User) -> None:
    mail = {"to": ["bob@example.org"], "subject": "Hello", "body": "Yes"}
    await db(entitle, "Mail {to} about “{subject}”", "send_email")
    model = ScriptedModel([calls(("c1", "send_email", mail)), says("Done.")])
    async with worker(model):
        session = await until(await begin("Go.", tools=["send_email"]), "waiting_approval")
        await db(entitle, "Throw {to} out", "send_email")
        held = await db(Approval.objects.get, session=session)
        edited = {**mail, "subject": "Bye"}
        await db(inbox.approve, ann, held.uuid, held.digest, arguments=edited)
        session = await until(session, "completed")
    log = await db(whole, session)
    kept = {record.kind: record.fact.title for record in log if hasattr(record.fact, "title")}
    template = "Mail {to} about “{subject}”"
    assert kept == dict.fromkeys(("tool_call", "approval_requested", "tool_started"), template)
    assert held.title == template


def test_our_own_title_is_recorded_as_well_so_that_another_release_changes_no_replay() -> None:
    known = load_map()[0]
    assert known.title("read_file") == "Read {path}"
    assert known.title("read_artifact") == ""  # by its name


def test_a_call_that_is_asked_again_is_titled_as_before() -> None:
    call = replace(ready("write"), title="Say {text}")
    (request,) = again(call, ASK)
    assert isinstance(request, events.ApprovalRequested)
    assert request.title == "Say {text}"


def test_a_call_whose_outcome_nobody_knows_is_titled_as_before() -> None:
    begun = ready("mail", attempt=1, idempotency_key="k", key_since=START, title="Mail {to}")
    doubt = still(begun, DENY)
    assert isinstance(doubt, events.OutcomeUnknown)
    assert doubt.title == "Mail {to}"


def test_what_waits_for_people_keeps_the_template_of_its_call(desk: Desk) -> None:
    call = replace(proposal("c1", {"text": "hi"}), title="Say {text}")
    request = replace(desk.request("c1", {"text": "hi"}), title="Say {text}")
    desk.write(turn("c1", {"text": "hi"}), call, request)
    assert Approval.objects.get().title == "Say {text}"
    at = events.timestamp(desk.row.created_at)
    doubt = events.OutcomeUnknown(
        str(desk.row.uuid), "c1", call.tool, {}, "key", at, "lost", title="Say {text}"
    )
    desk.write(doubt)
    assert Outcome.objects.get().title == "Say {text}"


def test_what_the_server_defines_anew_is_not_titled_as_what_was_reviewed(listed: Tool) -> None:
    entitle(SQL)
    assert load_map()[0].title(NAME) == SQL
    inventory.record([ToolDefinition(NAME, "Drops tables.", SCHEMA, server="orders")])
    assert load_map()[0].title(NAME) == ""


# What a card says meanwhile


def test_a_card_says_one_sentence_while_a_call_is_proposed_and_while_it_runs(desk: Desk) -> None:
    given = {"text": "hi"}
    call = replace(proposal("c1", given), title="Say {text}")
    begun = replace(intent("c1", "d"), arguments=given, title="Say {text}")
    for fact in (call, begun):
        desk.write(turn("c1", given), fact) if fact is call else desk.write(fact)
        desk.refresh()
        assert (desk.row.activity, desk.row.activity_tool) == ("Say hi", "post_tweet")
    desk.write(events.ContextCompacted(1, 2, 1, "Short.", [], 1))
    desk.refresh()
    assert (desk.row.activity, desk.row.activity_tool) == ("Context summarised", "")


def test_a_log_without_titles_still_says_what_our_tools_do(desk: Desk) -> None:
    desk.write(turn("c1", {}), events.ToolCall("c1", "read_file", {"path": "a"}, "safe", "x", ""))
    assert desk.refresh().activity == "Read a"


# What an edit does, and what it does not


def test_an_edit_of_a_title_asks_for_no_reason_and_leaves_what_waits_alone(
    mapping: Mapping, desk: Desk
) -> None:
    called(desk, "post_tweet", "denied")
    held, tool = desk.ask(), Tool.objects.get(name="post_tweet")
    version, kinds = Catalogue.objects.get().version, desk.kinds()
    shown = mapping.preview(mapping.look(page(tool)).fields, page(tool), title=" Say  {text} ")
    assert "Title of a call empty becomes Say {text}" in shown.text
    assert "Over the last" not in shown.text
    assert mapping.save(shown, page(tool)).status == 302
    tool.refresh_from_db()
    assert tool.title == "Say {text}"
    change = PolicyChange.objects.get()
    assert (change.forecast, change.softer, change.reason) == (None, False, "")
    # Gates read the catalogue again, as after every edit; nothing else is touched.
    assert Catalogue.objects.get().version == version + 1
    still_asked = Approval.objects.get(state="pending")
    assert (still_asked.pk, still_asked.digest, still_asked.title) == (held.pk, held.digest, "")
    assert still_asked.required == held.required
    assert desk.kinds() == kinds


def test_the_page_names_the_arguments_and_what_stands_without_a_title(
    mapping: Mapping, listed: Tool
) -> None:
    shown = mapping.look(page(listed))
    assert "Title of a call" in shown.text
    assert "{database}" in shown.text
    assert 'placeholder="Execute SQL on orders"' in shown.html
    assert (
        'placeholder="Read {path}"' in mapping.look(page(Tool.objects.get(name="read_file"))).html
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Run SQL on {databse}", "{databse} is no argument of this tool; it has {database}, {sql}"),
        ("Run SQL on {database", "has a brace without its other half"),
        ("{sql.__class__}", "{sql.__class__} is no argument"),
        ("Run \u202e{sql}", "a character that nobody sees: ⟦U+202E⟧"),
        ("x" * 121, "has more than 120 characters"),
    ],
)
def test_a_title_that_may_not_stand_is_refused_beside_its_field(
    mapping: Mapping, listed: Tool, typed: str, said: str
) -> None:
    fields = mapping.look(page(listed)).fields
    for press in ("preview", "save"):
        posted = {**fields, "title": typed, "act": press}
        shown = Mapping._shown(mapping.client.post(page(listed), posted))
        assert (shown.status, shown.text.count(said)) == (200, 2)
        assert shown.fields["title"] == typed
    assert not PolicyChange.objects.exists()


def test_no_door_saves_what_is_no_template(listed: Tool) -> None:
    with pytest.raises(inbox.Invalid, match="title: "):
        entitle("Run {sql.__class__}")
    with pytest.raises(inbox.Invalid, match="title: "):
        entitle("x" * 121)


def test_a_title_is_put_back(mapping: Mapping, listed: Tool) -> None:
    entitle(SQL)
    change = entitle("Ruin {database}")
    assert mapping.edit(f"/admin/agents/policychange/{change.pk}/change/").status == 302
    listed.refresh_from_db()
    assert listed.title == SQL


def test_a_change_from_before_titles_is_put_back_without_touching_one(ada: User) -> None:
    (change,) = riskmap.save(ada, [riskmap.propose(TOOL, "send_email", {"risk": "high"})])
    assert change.before is not None
    change.before.pop("title")
    entitle("Mail {to}", "send_email")
    assert [name for name, _, _ in riskmap.put_back(change).differences] == ["risk"]


def test_a_title_that_outlived_its_argument_stands_in_no_other_edits_way(
    ada: User, listed: Tool
) -> None:
    entitle(SQL)
    Tool.objects.update(input_schema={"type": "object", "properties": {"target": {}}})
    assert program.change_tool(ada, NAME, {"approvals": 2}).title == SQL
    with pytest.raises(inbox.Invalid, match=r"it has \{target\}"):
        program.change_tool(ada, NAME, {"title": "Do {database}"})
