"""Which edits of the risk map let through what was held before."""

from __future__ import annotations

from typing import Any

import pytest

from agents.core.softening import softer_rule, softer_tool

TOOL: dict[str, Any] = {
    "risk": "medium",
    "effect": "keyed",
    "approvals": 2,
    "starter_may_decide": False,
    "timeout": 60.0,
    "reviewed": True,
    "enabled": False,
}
RULE: dict[str, Any] = {
    "tool": "pay",
    "agent": "*",
    "verdict": "ask",
    "conditions": [{"field": "amount", "op": ">", "value": 100}],
    "approvals": 2,
    "enabled": True,
}
OTHER = [{"field": "amount", "op": ">", "value": 900}]


@pytest.mark.parametrize(
    "edit",
    [
        {"risk": "low"},
        {"effect": "read"},
        {"approvals": 1},
        {"starter_may_decide": True},
        {"enabled": True},
    ],
)
def test_each_way_to_soften_a_tool_is_seen_and_its_way_back_is_not(edit: dict[str, Any]) -> None:
    after = {**TOOL, **edit}
    assert len(softer_tool(TOOL, after)) == 1
    assert softer_tool(after, TOOL) == []


def test_what_does_not_decide_anything_softens_nothing() -> None:
    assert softer_tool(TOOL, {**TOOL, "timeout": 5.0, "reviewed": False}) == []


def test_a_tool_without_a_row_is_high() -> None:
    assert softer_tool(None, {"risk": "low", "effect": "irreversible", "approvals": 1})
    assert not softer_tool(None, {"risk": "high", "effect": "irreversible", "approvals": 1})
    assert softer_tool({**TOOL, "enabled": False}, None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (RULE, None),
        (RULE, {**RULE, "enabled": False}),
        (RULE, {**RULE, "verdict": "allow"}),
        ({**RULE, "verdict": "deny"}, RULE),
        (None, {**RULE, "verdict": "allow"}),
        (RULE, {**RULE, "approvals": 1}),
        (RULE, {**RULE, "conditions": OTHER}),
        (RULE, {**RULE, "tool": "pay_more"}),
        (RULE, {**RULE, "agent": "clerk"}),
        ({**RULE, "verdict": "allow"}, {**RULE, "verdict": "allow", "conditions": []}),
    ],
)
def test_a_softer_rule(before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    assert softer_rule(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, RULE),
        (RULE, RULE),
        (RULE, {**RULE, "verdict": "deny"}),
        (RULE, {**RULE, "approvals": 3}),
        (RULE, {**RULE, "conditions": []}),
        (RULE, {**RULE, "tool": "*"}),
        ({**RULE, "verdict": "allow"}, None),
        ({**RULE, "verdict": "allow"}, {**RULE, "verdict": "allow", "enabled": False}),
        (
            {**RULE, "verdict": "allow"},
            {**RULE, "verdict": "allow", "conditions": [*RULE["conditions"], *OTHER]},
        ),
        ({**RULE, "enabled": False}, None),
    ],
)
def test_a_rule_at_least_as_strict(
    before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    assert not softer_rule(before, after)
