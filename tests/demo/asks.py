"""What waits for a decision in the seeded demo."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.oversight import stories


@dataclass(frozen=True, slots=True)
class Ask:
    """What waits for a decision; ``minutes`` are left for it."""

    title: str
    agent: str
    tool: str
    risk: str
    minutes: float
    why: str
    arguments: Mapping[str, Any]
    people: int = 1
    seconds_ago: float = 50


ASKS = (
    Ask(
        "Pay the supplier's October invoice",
        "ledger-fixer",
        "process_payment",
        "high",
        6.7,
        "The invoice matches the order and the goods have arrived. It is due today, and the "
        "supplier holds the next delivery back until it is paid.",
        {"order_id": 1622, "amount": 9800},
        people=2,
        seconds_ago=200,
    ),
    Ask(
        "Refund the duplicate charge of A. Lindqvist",
        "support-desk",
        "process_payment",
        "high",
        7.4,
        stories.WHY,
        {"order_id": 1471, "amount": 124},
    ),
    Ask(
        "Send the launch e-mail to the press list",
        "assistant",
        "send_email",
        "medium",
        9.1,
        "The text is the one that was agreed on Monday, with the date of the launch put in.",
        {
            "to": ["press@example.com"],
            "subject": "Our spring catalogue",
            "body": "Dear reader,\n\nour spring catalogue opens on 14 March.\n\nThe shop",
        },
    ),
    Ask(
        "Tell customers about the delay",
        "support-desk",
        "post_tweet",
        "medium",
        14.2,
        "Nine customers asked about it this morning.",
        {"text": "Orders of this week arrive two days late. We are sorry."},
    ),
    Ask(
        "Draft the release notes",
        "assistant",
        "write_file",
        "low",
        29.5,
        "I have read every change since the last release.",
        {"path": "notes/release.md", "content": "# 2.8\n\nOrders can be split.\n"},
    ),
    Ask(
        "Collect what customers said about delivery",
        "assistant",
        "write_file",
        "low",
        29.8,
        "These are the eleven answers that name the courier.",
        {"path": "notes/delivery.md", "content": "Eleven of forty name the courier.\n"},
    ),
)


def usual(chance: random.Random, tool: str) -> dict[str, Any]:
    """What calls of the tool have been about."""
    order = chance.randint(1000, 1900)
    match tool:
        case "process_payment":
            return {"order_id": order, "amount": chance.randint(12, 180)}
        case "send_email":
            body = "Dear reader,\n\nyour order is on its way.\n\nThe shop"
            return {"to": ["reader@example.com"], "subject": f"Order {order}", "body": body}
        case _:
            return {"path": "notes/week.md", "content": f"# The week\n\nOrder {order} is paid.\n"}
