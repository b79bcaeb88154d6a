"""The editor of rules: plain words in, checked, forecast, and kept in the history."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.models import GateRule, PolicyChange
from tests.agents.desk import Desk
from tests.agents.mapping import Mapping
from tests.agents.test_risk_map import called

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/admin/agents/gaterule/add/"
LARGE: dict[str, Any] = {
    "name": "large payments",
    "tool": "process_*",
    "verdict": "ask",
    "approvals": "2",
    "field:0": "amount",
    "op:0": ">",
    "value:0": "100",
    "field:1": "amount",
    "op:1": "<=",
    "value:1": "5000.5",
    "field:2": "to",
    "op:2": "glob",
    "value:2": "*@example.com",
}


def change_page(name: str = "large payments", act: str = "change") -> str:
    return f"/admin/agents/gaterule/{GateRule.objects.get(name=name).pk}/{act}/"


def test_a_rule_is_written_without_json(mapping: Mapping) -> None:
    assert mapping.edit(ADD, **LARGE).status == 302, "a stricter map needs no reason"
    rule = GateRule.objects.get()
    assert rule.conditions == [
        {"field": "amount", "op": ">", "value": 100},
        {"field": "amount", "op": "<=", "value": 5000.5},
        {"field": "to", "op": "glob", "value": "*@example.com"},
    ]
    assert (rule.tool, rule.agent, rule.verdict, rule.approvals) == ("process_*", "*", "ask", 2)
    listed = mapping.look("/admin/agents/gaterule/").text
    assert "Ask two people when “amount” is more than 100 and “amount” is at most 5000.5" in listed
    assert "ask two people when “amount”" in mapping.look().text
    shown = mapping.look(change_page())
    assert {key: shown.fields[key] for key in LARGE} == LARGE
    assert "process_payment" in shown.text


def test_values_keep_their_kind(mapping: Mapping) -> None:
    kinds: dict[str, Any] = {
        "true": True,
        "12": 12,
        "1e2": 100.0,
        "plain": "plain",
        '"12"': "12",
        "NaN": "NaN",
        "[1]": "[1]",
    }
    edits = {f"field:{place}": "x" for place in range(len(kinds))}
    edits |= {f"op:{place}": "==" for place in range(len(kinds))}
    edits |= {f"value:{place}": text for place, text in enumerate(kinds)}
    assert mapping.edit(ADD, name="kinds", tool="*", verdict="deny", **edits).status == 302
    assert [one["value"] for one in GateRule.objects.get().conditions] == list(kinds.values())
    again = mapping.preview(mapping.look(change_page("kinds")).fields, change_page("kinds"))
    assert "Nothing changed yet" in again.text, "what is shown is what was saved"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"name": " "}, "Give the rule a name."),
        ({"tool": ""}, "Say which tools it is for"),
        ({"verdict": "maybe"}, "Say what it decides"),
        ({"approvals": "0"}, "From 1 to 20 people can be asked."),
        ({"approvals": "1.5"}, "From 1 to 20 people can be asked."),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"tool": "x" * 129}, "at most 128 characters"),
        ({"agent": "x" * 65}, "at most 64 characters"),
        ({"value:0": "a lot"}, "Condition 1: more than and less than need a number"),
        ({"value:0": "9" * 400}, "Condition 1: more than and less than need a number"),
        ({"value:0": "1e400"}, "Condition 1: more than and less than need a number"),
        ({"field:0": ""}, "Condition 1: say which argument it looks at."),
        ({"op:0": "~"}, "Condition 1: say how the argument is compared."),
        ({"op:2": "regex", "value:2": "("}, "Condition 3: value: no regular expression"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(
    mapping: Mapping, edit: dict[str, str], said: str
) -> None:
    shown = mapping.preview(mapping.look(ADD).fields, ADD, **{**LARGE, **edit})
    assert shown.text.count(said) == 2, "beside its field, and where one looks at the change"
    problem = re.search(r'aria-invalid="true" aria-describedby="([\w-]+)"', shown.html)
    assert problem
    assert f'<small class="problem" id="{problem[1]}">' in shown.html
    typed = {**LARGE, **edit}
    typed.pop("verdict")  # a choice that there is not is none
    typed.pop("op:0")
    assert {key: shown.fields[key] for key in typed} == {
        key: value.strip() for key, value in typed.items()
    }, "nothing that was typed is lost"
    assert not GateRule.objects.exists()


def test_a_rule_shows_what_it_would_have_changed(mapping: Mapping) -> None:
    desk = Desk()
    for amount in (50, 500, 5000):
        called(desk, "process_payment", "approved", amount=amount, to="x@example.com")
    called(desk, "process_payment", "denied", amount=1)
    allow = {**LARGE, "verdict": "allow"}
    shown = mapping.preview(mapping.look(ADD).fields, ADD, **allow)
    assert "2 calls would have run without asking." in shown.text
    assert "Say why" in mapping.save(shown, ADD).text
    assert mapping.save(shown, ADD, reason="They all go to us.").status == 302
    assert PolicyChange.objects.get().reason == "They all go to us."


def test_softening_a_rule_and_removing_it_need_a_reason(mapping: Mapping) -> None:
    mapping.edit(ADD, **LARGE)
    page = change_page()
    assert "Say why" in mapping.edit(page, **{"value:0": "1000"}).text
    fields = {key: value for key, value in mapping.look(page).fields.items() if key != "enabled"}
    off = mapping.preview(fields, page)
    assert "In force yes" in off.text or "Enabled yes" in off.text
    assert mapping.edit(page, approvals="3").status == 302
    gone = change_page(act="delete")
    assert "Say why" in mapping.edit(gone).text
    assert mapping.edit(gone, reason="No longer true.").status == 302
    assert not GateRule.objects.exists()
    assert [change.after is None for change in PolicyChange.objects.all()] == [True, False, False]


def test_a_rule_is_renamed_and_keeps_its_own_name(mapping: Mapping) -> None:
    mapping.edit(ADD, **LARGE)
    mapping.edit(ADD, **{**LARGE, "name": "other"})
    page = change_page()
    taken = mapping.preview(mapping.look(page).fields, page, name="other")
    assert "Another rule has this name." in taken.text
    assert mapping.edit(page, name="big payments").status == 302
    assert set(GateRule.objects.values_list("name", flat=True)) == {"big payments", "other"}
    logged = mapping.look("/admin/agents/policychange/").text
    assert "Name large payments becomes big payments" in logged
    assert "definition was taken" not in logged
    back = f"/admin/agents/policychange/{PolicyChange.objects.latest('id').pk}/change/"
    assert mapping.edit(back).status == 302
    assert set(GateRule.objects.values_list("name", flat=True)) == {"large payments", "other"}


def test_a_rename_is_put_back_though_the_rule_is_gone(mapping: Mapping) -> None:
    mapping.edit(ADD, **LARGE)
    mapping.edit(change_page(), name="big payments")
    back = f"/admin/agents/policychange/{PolicyChange.objects.latest('id').pk}/change/"
    GateRule.objects.all().delete()
    assert mapping.edit(back).status == 302
    assert GateRule.objects.get().name == "large payments"


def test_a_blank_that_a_file_left_in_a_condition_can_be_taken_away(mapping: Mapping) -> None:
    said = [{"field": "to", "op": "==", "value": "evil.example "}]
    GateRule.objects.create(name="filed", tool="*", verdict="deny", conditions=said)
    page = change_page("filed")
    assert mapping.edit(page, reason="It never held.", **{"value:0": "evil.example"}).status == 302
    assert GateRule.objects.get().conditions == [{**said[0], "value": "evil.example"}]


def test_two_people_at_one_rule(mapping: Mapping) -> None:
    mapping.edit(ADD, **LARGE)
    page = change_page()
    mine = mapping.look(page).fields
    mapping.edit(page, approvals="3")
    late = mapping.preview(mine, page, approvals="4", reason="Four eyes are few.")
    assert "changed meanwhile by ada" in late.text
    again = mapping.preview(late.fields, page)
    assert again.fields["reason"] == "Four eyes are few."
    assert GateRule.objects.get().approvals == 3


def test_what_a_file_said_otherwise_stays_as_it_is(mapping: Mapping) -> None:
    values: list[Any] = [["a", 1], None, {"b": 2}, " spaced "]
    said = [{"field": "x", "op": "==", "value": value} for value in values]
    said += [{"field": f"y{place}", "op": "!=", "value": place} for place in range(60)]
    said += [{"field": "z", "op": "missing"}]
    GateRule.objects.create(name="filed", tool="*", verdict="deny", conditions=said)
    page = change_page("filed")
    untouched = mapping.preview(mapping.look(page).fields, page)
    assert "Nothing changed yet" in untouched.text
    assert mapping.edit(page, tool="pay", reason="Only these.").status == 302
    assert GateRule.objects.get().conditions == said


def test_what_nobody_sees_shows_in_the_forecast(mapping: Mapping) -> None:
    hidden = {**LARGE, "value:2": "\u202emoc.elpmaxe@*"}
    shown = mapping.preview(mapping.look(ADD).fields, ADD, **hidden)
    assert "“to” is like ⟦U+202E⟧moc.elpmaxe@*" in shown.text


def test_only_administrators(olu: User, client: Client) -> None:
    client.force_login(olu, "django.contrib.auth.backends.ModelBackend")
    pages = (
        ADD,
        "/admin/agents/gaterule/",
        "/admin/agents/tool/review/",
        "/admin/agents/tool/1/change/",
    )
    for page in pages:
        for answer in (client.get(page), client.post(page, {"act": "save", **LARGE})):
            assert answer.status_code == 403, page
    assert not GateRule.objects.exists()
