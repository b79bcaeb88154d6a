"""What the demo's administrators have set up: servers, their tools, rules, targets, a history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User

from agents import inventory, riskmap
from agents.core.tools import ToolDefinition
from agents.models import AgentDefinition, AlertTarget, McpServer, PolicyChange
from agents.toolbox.tool import python_tools

Subject = PolicyChange.Subject

AGENTS = {
    "support-desk": ("Support desk", "claude-haiku-4-5", ["find_records", "send_email", "crm__*"]),
    "ledger-fixer": ("Ledger fixer", "claude-sonnet-5-5", ["find_records", "process_payment"]),
}
CRM: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("find_customer", "Finds a customer by name or e-mail.", {"query": "string"}, {}),
    (
        "merge_customers",
        "Merges two customers into one; this cannot be undone.",
        {"keep": "integer", "drop": "integer"},
        {"destructiveHint": True},
    ),
    ("add_note", "Adds a note to a customer.", {"customer": "integer", "text": "string"}, {}),
]


def furnish(mira: User) -> None:
    """Everything but the unreviewed server's tools has been judged."""
    inventory.record(tool.definition for tool in python_tools().values())
    for name, (title, model, tools) in AGENTS.items():
        AgentDefinition.objects.create(name=name, title=title, model=model, tools=tools)
    _server()
    _edit(
        mira,
        "process_payment",
        {"approvals": 2},
        "Two people look at whatever leaves the bank account.",
    )
    _edit(mira, "send_email", {"starter_may_decide": False}, "")
    _edit(
        mira,
        "check_stock",
        {"pollable": True},
        "It is asked again and again while a delivery is under way.",
    )
    for name, values in _rules().items():
        riskmap.save(mira, [riskmap.propose(Subject.RULE, name, values)], "Agreed with finance.")
    AlertTarget.objects.create(
        name="on-call", kind=AlertTarget.Kind.EMAIL, address="on-call@fernhill.example"
    )


def _server() -> None:
    McpServer.objects.create(
        name="crm",
        url="http://127.0.0.1:9000/mcp",
        env={},
        listed_as="seen",
        listed_at=datetime.now(UTC),
        listing={"tools": len(CRM), "left_out": []},
    )
    inventory.record(
        ToolDefinition(
            f"crm__{name}",
            description,
            {
                "type": "object",
                "properties": {field: {"type": kind} for field, kind in fields.items()},
            },
            server="crm",
            annotations=hints,
        )
        for name, description, fields, hints in CRM
    )


def _rules() -> dict[str, dict[str, Any]]:
    known = {"agent": "*", "approvals": 1, "enabled": True, "verdict": "ask"}
    return {
        "large payments": {
            **known,
            "tool": "process_payment",
            "verdict": "deny",
            "conditions": [{"field": "amount", "op": ">", "value": 10_000}],
        },
        "mail within the house": {
            **known,
            "tool": "send_email",
            "agent": "support-desk",
            "verdict": "allow",
            "conditions": [{"field": "to", "op": "glob", "value": "*@fernhill.example"}],
        },
        "drafts": {
            **known,
            "tool": "write_file",
            "verdict": "allow",
            "conditions": [{"field": "path", "op": "under", "value": "notes"}],
        },
    }


def _edit(mira: User, tool: str, values: dict[str, Any], reason: str) -> None:
    change = riskmap.propose(Subject.TOOL, tool, values)
    riskmap.save(mira, [change], reason, forecasts={tool: riskmap.outlook(change).stored()})
