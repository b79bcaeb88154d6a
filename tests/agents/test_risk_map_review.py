"""Tools that nobody has reviewed, and those whose server changed them since."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from agents import inbox, inventory, riskmap
from agents.catalogue import load_map
from agents.core.risk import Effect, Risk
from agents.core.tools import ToolDefinition
from agents.models import Catalogue, PolicyChange, Tool
from tests.agents.mapping import MAP, Mapping

pytestmark = pytest.mark.django_db(transaction=True)
REVIEW = "/admin/agents/tool/review/?server=bank"


def offered(name: str, description: str = "", **fields: Any) -> ToolDefinition:
    return ToolDefinition(f"bank__{name}", description, {"type": "object"}, server="bank", **fields)


def listed(*definitions: ToolDefinition) -> None:
    """A worker hears that the server offers these."""
    inventory.record(definitions)


def row(name: str) -> Tool:
    return Tool.objects.get(name=f"bank__{name}")


def test_new_tools_stand_first_with_a_suggestion_that_is_not_applied(mapping: Mapping) -> None:
    hints = {"readOnlyHint": True}
    listed(offered("get_balance", annotations=hints), offered("send_money"))
    shown = mapping.look()
    assert "2 tools of bank have not been reviewed" in shown.text
    assert shown.html.index("bank__get_balance") < shown.html.index("delete_record")
    assert "its name begins with “get”, which reads" in shown.text
    assert (row("get_balance").risk, row("get_balance").reviewed) == ("high", False)
    reviewed = mapping.look(REVIEW)
    assert reviewed.fields[f"risk:{row('get_balance').pk}"] == "safe"
    assert "Server’s own words, not trusted The server says that it only reads" in reviewed.text
    assert row("get_balance").risk == "high"


def test_one_form_reviews_a_server(mapping: Mapping) -> None:
    listed(offered("get_balance"), offered("send_money"), offered("get_rates"))
    left, version = row("get_rates"), Catalogue.objects.get().version
    fields = {k: v for k, v in mapping.look(REVIEW).fields.items() if k != f"take:{left.pk}"}
    shown = mapping.preview(fields, REVIEW)
    assert "2 unsaved changes" in shown.text
    assert "Say why" in mapping.save(shown, REVIEW).text, "a reading tool is let through"
    assert mapping.save(shown, REVIEW, reason="Read the source.").status == 302
    balance, money = row("get_balance"), row("send_money")
    assert (balance.risk, balance.effect, balance.reviewed) == ("safe", "read", True)
    assert (money.risk, money.effect, money.reviewed) == ("medium", "irreversible", True)
    assert not row("get_rates").reviewed
    assert Catalogue.objects.get().version > version
    assert PolicyChange.objects.filter(reason="Read the source.").count() == 2
    assert "1 tool of bank has not been reviewed" in mapping.look().text


def test_the_largest_form_of_a_server_is_read_and_the_rest_stands_on_further_pages(
    mapping: Mapping,
) -> None:
    listed(*(offered(f"make_{number:03}") for number in range(230)))
    first, last = mapping.look(REVIEW), mapping.look(f"{REVIEW}&page=3")
    assert "Tools 1 to 100 of 230." in first.text
    assert "Tools 201 to 230 of 230." in last.text
    assert mapping.save(mapping.preview(first.fields, REVIEW), REVIEW).status == 302
    assert Tool.objects.filter(server="bank", reviewed=True).count() == 100
    page = f"{REVIEW}&page=2"
    assert mapping.save(mapping.preview(mapping.look(page).fields, page), page).status == 302
    assert {row("make_099").reviewed, row("make_229").reviewed} == {True}
    assert "100 tools of bank have not been reviewed" in mapping.look().text


def test_a_changed_definition_is_high_until_it_is_reviewed_again(mapping: Mapping) -> None:
    listed(offered("get_balance", "Reads the balance."))
    mapping.edit(REVIEW, reason="It reads.")
    assert load_map()[0].tools["bank__get_balance"].risk is Risk.SAFE

    listed(offered("get_balance", "Reads the balance and pays what is due."))
    gate = load_map()[0].tools["bank__get_balance"]
    assert (gate.risk, gate.effect, gate.reviewed) == (Risk.HIGH, Effect.IRREVERSIBLE, False)
    assert "Definition changed" in mapping.look().text
    page = f"{MAP}{row('get_balance').pk}/change/"
    shown = mapping.look(page)
    assert "- Reads the balance." in shown.text
    assert "+ Reads the balance and pays what is due." in shown.text
    assert "reviewed" not in shown.fields

    assert "Say why" in mapping.edit(page, reviewed="on").text
    assert mapping.edit(page, reason="Agreed.", reviewed="on").status == 302
    assert row("get_balance").description == "Reads the balance and pays what is due."
    assert row("get_balance").offered is None
    assert load_map()[0].tools["bank__get_balance"].risk is Risk.SAFE


def test_what_the_server_offers_by_then_is_not_taken_unseen(mapping: Mapping) -> None:
    listed(offered("get_balance", "one"))
    mapping.edit(REVIEW, reason="It reads.")
    listed(offered("get_balance", "two"))
    shown = mapping.preview(mapping.look(REVIEW).fields, REVIEW)
    listed(offered("get_balance", "three"))
    late = mapping.save(shown, REVIEW, reason="Agreed.")
    assert late.status == 200
    assert row("get_balance").description == "one"


def test_a_definition_is_taken_only_as_it_was_looked_at(ada: User) -> None:
    listed(offered("get_balance", "one"))
    Tool.objects.update(reviewed=True)
    listed(offered("get_balance", "two"))
    tool = row("get_balance")
    assert tool.offered is not None
    seen = riskmap.propose("tool", tool.name, {}, accepts=tool.offered["definition"])
    listed(offered("get_balance", "three"))
    with pytest.raises(inbox.Conflict, match="once more"):
        riskmap.save(ada, [seen], "Agreed.")
    assert row("get_balance").description == "one"


def test_a_server_that_takes_its_change_back_needs_no_review(mapping: Mapping) -> None:
    listed(offered("get_balance", "one"))
    mapping.edit(REVIEW, reason="It reads.")
    listed(offered("get_balance", "two"))
    listed(offered("get_balance", "one"))
    assert row("get_balance").offered is None
    assert row("get_balance").settled


def test_a_tool_that_a_file_named_first_takes_its_first_definition(mapping: Mapping) -> None:
    Tool.objects.create(name="bank__pay", risk="medium", reviewed=True)
    listed(offered("pay", "Pays."))
    assert (row("pay").description, row("pay").server, row("pay").settled) == (
        "Pays.",
        "bank",
        True,
    )


def test_a_tools_own_page_saves_every_setting(mapping: Mapping) -> None:
    listed(offered("pay"))
    page = f"{MAP}{row('pay').pk}/change/"
    shown = mapping.preview(mapping.look(page).fields, page, timeout="5.5", reviewed="on")
    kept = {key: value for key, value in shown.fields.items() if key != "starter_may_decide"}
    shown = mapping.preview(kept, page)
    assert mapping.save(shown, page).status == 302
    assert (row("pay").timeout, row("pay").starter_may_decide) == (5.5, False)
    assert "must be from" in mapping.edit(page, timeout="0").text
    assert "Time-out 60.0" in mapping.look(page).text, "the history is on the page"
    assert mapping.look(f"{MAP}999999/change/").status == 404
    assert mapping.look(f"{MAP}x/change/").status == 404


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("timeout", "nan", "Time-out: it must be from 0.1 to 86400."),
        ("timeout", "inf", "Time-out: it must be from 0.1 to 86400."),
        ("timeout", "1e999", "Time-out: it must be from 0.1 to 86400."),
        ("timeout", "a minute", "Time-out: that is no number that can be read."),
        ("approvals", "9" * 5000, "People needed: that is no number that can be read."),
        ("approvals", "9" * 400, "People needed: it must be from 1 to 20."),
        ("approvals", "99999", "People needed: it must be from 1 to 20."),
        ("approvals", "2.5", "People needed: that is no number that can be read."),
    ],
)
def test_an_odd_number_is_refused_beside_its_field_and_stays_as_it_was_typed(
    mapping: Mapping, field: str, typed: str, said: str
) -> None:
    listed(offered("pay"))
    tool = row("pay")
    page, name = f"{MAP}{tool.pk}/change/", {"approvals": f"approvals:{tool.pk}"}.get(field, field)
    fields = {**mapping.look(page).fields, f"risk:{tool.pk}": "medium", "pollable": "on"}
    for press in ("preview", "save"):
        fields = {**fields, name: typed, "act": press}
        shown = Mapping._shown(mapping.client.post(page, fields))
        assert shown.status == 200
        assert shown.text.count(said) == 2, "beside the field and with what would change"
        assert f'aria-describedby="{field}-problem"' in shown.html
        assert f'id="{field}-problem">{said}' in shown.html
        assert shown.fields[name] == typed
        assert (shown.fields[f"risk:{tool.pk}"], shown.fields["pollable"]) == ("medium", "on")
    assert row("pay") == tool
    assert (row("pay").timeout, row("pay").approvals) == (tool.timeout, tool.approvals)


def test_a_number_of_people_that_no_row_offers_changes_nothing_on_the_map(mapping: Mapping) -> None:
    listed(offered("pay"))
    fields = {**mapping.look().fields, f"approvals:{row('pay').pk}": "9" * 5000}
    assert "Nothing changed yet" in mapping.preview(fields).text
