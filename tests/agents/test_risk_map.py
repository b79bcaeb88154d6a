"""The risk map: forecast before the save, a reason where it softens, and a way back."""

from __future__ import annotations

import itertools
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents import inbox, riskmap
from agents.core import events
from agents.core.fold import replay
from agents.insights import rounds
from agents.journal import Append, Entry, entry, journal
from agents.journal import read as journal_read
from agents.models import AgentDefinition, Approval, Catalogue, GateRule, PolicyChange, Tool
from tests.agents.desk import Desk, entries
from tests.agents.mapping import MAP, Mapping
from tests.cast import person

pytestmark = pytest.mark.django_db(transaction=True)
SUBJECT = PolicyChange.Subject
_calls = itertools.count(1)


def called(
    desk: Desk, tool: str = "send_email", decision: str = "", verdict: str = "ask", **arguments: Any
) -> None:
    """A call that was made; ``decision`` of people, if they were asked."""
    call = f"r{next(_calls)}"
    facts: list[events.Fact] = [events.ToolCall(call, tool, arguments, "medium", verdict, "a rule")]
    said: list[Entry] = []
    if decision:
        late = events.timestamp(timezone.now() + timedelta(hours=1))
        asked = events.ApprovalRequested(
            str(uuid.uuid4()), call, tool, arguments, "d", late, 1, "medium", "a rule"
        )
        facts += [asked]
        told = events.ApprovalDecided(asked.approval_id, call, decision, "Ann", "", "d")
        by = User.objects.get_or_create(username="ann")[0]
        said = [entry(told, f"human:{by.pk}")]
    result = events.ToolResult(call, tool, True, "done")
    journal.append(Append(desk.row.pk, [*entries(*facts), *said, *entries(result)]))


def tool(name: str = "send_email") -> Tool:
    return Tool.objects.get(name=name)


def test_lowering_a_risk_shows_what_it_would_have_let_run(mapping: Mapping, desk: Desk) -> None:
    for decision in ["approved"] * 3 + ["denied"]:
        called(desk, decision=decision)
    called(desk, "search_web", verdict="allow")
    row, version = tool(), Catalogue.objects.get().version
    shown = mapping.preview(mapping.look().fields, **{f"risk:{row.pk}": "low"})
    assert "4 calls would have run without asking." in shown.text
    assert "Of these, people denied 1 call." in shown.text
    denied = f"{MAP.replace('tool', 'approval')}?tool=send_email&amp;state__exact=denied"
    assert f'<a href="{denied}">See the denied call</a>' in shown.html
    assert (tool().risk, Catalogue.objects.get().version) == ("medium", version)
    assert mapping.save(shown, reason="It only writes to us.").status == 302
    assert (tool().risk, Catalogue.objects.get().version) == ("low", version + 1)
    change = PolicyChange.objects.get()
    assert (change.by, change.reason, change.softer) == (
        User.objects.get(username="ada"),
        "It only writes to us.",
        True,
    )
    assert change.before is not None
    assert change.after is not None
    assert (change.before["risk"], change.after["risk"]) == ("medium", "low")
    assert change.forecast is not None
    assert (change.forecast["unasked"], change.forecast["unasked_denied"]) == (4, 1)


@pytest.mark.parametrize("edit", [{"risk": "safe"}, {"effect": "read"}], ids=["risk", "effect"])
def test_softening_needs_a_reason(mapping: Mapping, edit: dict[str, str]) -> None:
    row = tool()
    edits: dict[str, Any] = {f"{key}:{row.pk}": value for key, value in edit.items()}
    refused = mapping.edit(reason="   ", **edits)
    assert "Say why" in refused.text
    assert tool().risk == row.risk
    assert not PolicyChange.objects.exists()
    assert mapping.edit(reason="Because.", **edits).status == 302


def test_raising_needs_none_and_several_rows_are_saved_at_once(mapping: Mapping) -> None:
    one, two = tool(), tool("write_file")
    version = Catalogue.objects.get().version
    edits: dict[str, Any] = {f"risk:{one.pk}": "high", f"approvals:{two.pk}": 2}
    saved = mapping.edit(**edits)
    assert saved.status == 302
    assert (tool().risk, tool("write_file").approvals) == ("high", 2)
    assert Catalogue.objects.get().version == version + 2
    assert {change.name: change.softer for change in PolicyChange.objects.all()} == {
        "send_email": False,
        "write_file": False,
    }


def test_nothing_is_saved_that_was_not_shown(mapping: Mapping) -> None:
    row = tool()
    shown = mapping.preview(mapping.look().fields, **{f"risk:{row.pk}": "high"})
    other = mapping.save(shown, **{f"risk:{row.pk}": "safe", "reason": "x"})
    assert "not what you looked at" in other.text
    assert tool().risk == "medium"
    straight = mapping.look()
    assert mapping.save(straight, **{f"risk:{row.pk}": "high"}).status == 200
    assert tool().risk == "medium"


def test_the_second_of_two_admins_is_told(mapping: Mapping) -> None:
    mine = mapping.look().fields
    row, amy = tool(), person("amy", "admin")
    change = riskmap.propose(SUBJECT.TOOL, "send_email", {"risk": "high"})
    riskmap.save(amy, [change])
    told = mapping.preview(mine, **{f"risk:{row.pk}": "low"})
    assert "changed meanwhile by amy" in told.text
    late = mapping.preview(mine, **{f"risk:{tool('write_file').pk}": "medium"})
    assert "1 unsaved change" in late.text, "who touched another row is not held up"
    assert tool().risk == "high"


def test_a_save_that_comes_second_loses(ada: User) -> None:
    first = riskmap.propose(SUBJECT.TOOL, "send_email", {"risk": "high"})
    second = riskmap.propose(SUBJECT.TOOL, "send_email", {"approvals": 2})
    riskmap.save(ada, [first])
    with pytest.raises(inbox.Conflict, match="changed meanwhile by ada"):
        riskmap.save(ada, [second])
    assert tool().approvals == 1


def test_all_rows_of_a_save_or_none(ada: User) -> None:
    good = riskmap.propose(SUBJECT.TOOL, "send_email", {"risk": "high"})
    bad = riskmap.propose(SUBJECT.TOOL, "write_file", {"approvals": 0})
    with pytest.raises(inbox.Invalid, match="must be from 1 to 20"):
        riskmap.save(ada, [good, bad], "why not")
    assert tool().risk == "medium"
    assert not PolicyChange.objects.exists()


def test_a_change_is_put_back_with_forecast_and_reason(mapping: Mapping, desk: Desk) -> None:
    called(desk, decision="denied")
    mapping.edit(**{f"risk:{tool('write_file').pk}": "high"})
    change = PolicyChange.objects.get()
    assert "write_file" in mapping.look("/admin/agents/policychange/").text
    page = f"/admin/agents/policychange/{change.pk}/change/"
    assert "Say why" in mapping.edit(page).text
    assert mapping.edit(page, reason="It asked all day.").status == 302
    assert tool("write_file").risk == "low"
    latest = PolicyChange.objects.first()
    assert latest is not None
    assert (latest.puts_back, latest.reason) == (change, "It asked all day.")
    assert "already as it was" in mapping.preview({}, page).text


def test_what_was_changed_since_is_not_hidden_by_putting_back(ada: User) -> None:
    riskmap.save(ada, [riskmap.propose(SUBJECT.TOOL, "send_email", {"risk": "high"})])
    first = PolicyChange.objects.get()
    riskmap.save(ada, [riskmap.propose(SUBJECT.TOOL, "send_email", {"approvals": 2})])
    back = riskmap.put_back(first)
    assert {name for name, _, _ in back.differences} == {"risk", "approvals"}


def test_a_removed_rule_can_be_put_back(ada: User) -> None:
    settings = {
        "tool": "pay",
        "agent": "*",
        "verdict": "deny",
        "conditions": [],
        "approvals": 1,
        "enabled": True,
    }
    new = riskmap.Change(SUBJECT.RULE, "never", None, settings)
    riskmap.save(ada, [new])
    gone = riskmap.Change(SUBJECT.RULE, "never", riskmap.current(SUBJECT.RULE, "never"), None)
    with pytest.raises(inbox.Invalid):
        riskmap.save(ada, [gone])
    (removed,) = riskmap.save(ada, [gone], "We pay now.")
    assert not GateRule.objects.exists()
    riskmap.save(ada, [riskmap.put_back(removed)])
    assert GateRule.objects.get().verdict == "deny"


def test_a_rule_is_measured_on_recorded_arguments(desk: Desk) -> None:
    for amount in (5, 50, 500):
        called(desk, "process_payment", "approved", amount=amount)
    called(desk, "send_email", "approved", amount=500)
    called(desk, "process_payment", verdict="invalid", amount=900)
    rule = {
        "tool": "process_*",
        "agent": "*",
        "verdict": "deny",
        "conditions": [{"field": "amount", "op": ">", "value": 10}],
        "approvals": 1,
        "enabled": True,
    }
    figures = riskmap.outlook(riskmap.Change(SUBJECT.RULE, "large", None, rule)).figures
    assert (figures.calls, figures.refused) == (3, 2)


def test_several_changes_are_measured_each_by_itself(
    desk: Desk, django_assert_max_num_queries: Any
) -> None:
    for name, times in (("send_email", 2), ("write_file", 3), ("post_tweet", 1)):
        for _ in range(times):
            called(desk, name, "approved")
    changes = [
        riskmap.propose(SUBJECT.TOOL, "send_email", {"risk": "low"}),
        riskmap.propose(SUBJECT.TOOL, "write_file", {"risk": "high"}),
        riskmap.propose(SUBJECT.TOOL, "post_tweet", {"timeout": 9.0}),
    ]
    with django_assert_max_num_queries(5):
        seen = [one.figures for one in riskmap.outlooks(changes)]
    assert [(one.calls, one.unasked, one.asked) for one in seen] == [
        (2, 2, 0),
        (3, 0, 3),
        (1, 0, 0),
    ]


def test_calls_of_before_and_of_agents_that_are_gone_do_not_count(desk: Desk) -> None:
    called(desk, decision="approved")
    change = riskmap.propose(SUBJECT.TOOL, "send_email", {"risk": "low"})
    assert riskmap.outlook(change).figures.calls == 1
    AgentDefinition.objects.update(name="another")
    assert riskmap.outlook(change).figures.calls == 0


def test_only_the_newest_calls_are_read_and_the_page_says_so(
    mapping: Mapping, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(riskmap.calls, "MOST", 2)
    for amount in (5, 50, 500):
        called(desk, "send_email", "approved", amount=amount)
    GateRule.objects.create(
        name="r", tool="send_email", verdict="deny", conditions=[{"field": "x", "op": "missing"}]
    )
    row = tool()
    shown = mapping.preview(mapping.look().fields, **{f"risk:{row.pk}": "low"})
    assert "measured on the newest 2 calls" in shown.text
    GateRule.objects.all().delete()
    shown = mapping.preview(mapping.look().fields, **{f"risk:{row.pk}": "low"})
    assert "3 calls would have run" in shown.text, "where no argument matters all are counted"


def test_arguments_that_speak_of_a_tool_are_no_call_of_it(desk: Desk) -> None:
    called(desk, "write_file", verdict="allow", note={"tool": "send_email"})
    change = riskmap.propose(SUBJECT.TOOL, "send_email", {"risk": "low"})
    assert riskmap.outlook(change).figures.calls == 0


def test_calls_that_wait_are_judged_again(mapping: Mapping, desk: Desk) -> None:
    waiting = desk.ask()
    row = Tool.objects.get(name=waiting.tool)
    mapping.edit(**{f"approvals:{row.pk}": "2"})
    waiting.refresh_from_db()
    assert (waiting.state, waiting.required) == ("pending", 2)
    told = desk.row.events.get(kind="approval_raised")
    assert told.actor == "policy:gate"
    call = replay(journal_read(desk.row.pk, 0)).find(waiting.call_id)
    assert call is not None
    assert call.required == 2
    mapping.edit(reason="So be it.", **{f"risk:{row.pk}": "safe"})
    waiting.refresh_from_db()
    assert (waiting.state, waiting.required) == ("pending", 2)
    change = riskmap.propose(SUBJECT.TOOL, row.name, {"enabled": False})
    riskmap.save(User.objects.get(username="ada"), [change])
    waiting.refresh_from_db()
    assert waiting.state == Approval.State.INVALIDATED


def test_filters_and_search(mapping: Mapping) -> None:
    Tool.objects.create(name="bank__pay", server="bank", reviewed=False)

    def names(query: str) -> set[str]:
        html = mapping.look(f"{MAP}?{query}").html
        known = Tool.objects.values_list("name", flat=True)
        return {name for name in known if f">{name}<" in html}

    assert names("server=bank") == {"bank__pay"}
    assert names("show=unreviewed") == {"bank__pay"}
    assert names("q=tweet") == {"post_tweet"}
    assert "send_email" in names("risk=medium")
    assert "post_tweet" not in names("risk=medium")
    assert names("q=nothing-like-it") == set()


def test_figures_of_the_last_thirty_days(mapping: Mapping, desk: Desk) -> None:
    for decision in ["approved"] * 3 + ["denied"]:
        called(desk, decision=decision)
    called(desk, "search_web", verdict="allow")
    rounds.round_()
    usage = riskmap.usage()["send_email"]
    assert (usage.calls, usage.decided, usage.denial_rate) == (4, 4, 0.25)
    assert riskmap.usage()["search_web"] == riskmap.Usage(calls=1)
    assert "25%" in mapping.look().text


def test_a_row_says_how_calls_read_once_somebody_has_judged_the_tool(mapping: Mapping) -> None:
    known = {"description": "Sends one letter. To whom it may concern.", "title": "Write to {to}"}
    Tool.objects.create(name="post__letter", reviewed=True, **known)
    Tool.objects.create(name="post__parcel", **known)
    rows = mapping.look().text
    assert rows.count("Write to {to}") == 1
    assert rows.count("Sends one letter") == 1
