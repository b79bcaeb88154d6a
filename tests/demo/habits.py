"""What the demo's agents do between the calls that matter, what they say and what they find."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Look:
    """One call: what the agent says before it, and what comes back."""

    said: str
    tool: str
    arguments: Mapping[str, Any]
    found: str


LOOKS = (
    Look("First the report.", "read_file", {"path": "reports/october.md"}, "31 days, 4 open."),
    Look("Which orders are these?", "find_records", {"table": "orders"}, "12 orders"),
    Look("Is it still in stock?", "check_stock", {"product": "LMP-204"}, "17 in stock"),
    Look("Others must have had this.", "search_web", {"query": "delay notice"}, "8 results"),
    Look("I note what I have.", "write_file", {"path": "notes/findings.md"}, "Written."),
    Look("Who asked about it?", "find_records", {"table": "tickets"}, "9 tickets"),
    Look("The price list says more.", "read_file", {"path": "lists/prices.csv"}, "214 rows"),
    Look("And the other warehouse?", "check_stock", {"product": "LMP-204-B"}, "3 in stock"),
    Look("What are we bound to?", "read_file", {"path": "terms/delivery.md"}, "Two pages."),
    Look("How do others word it?", "search_web", {"query": "tax rounding"}, "5 results"),
    Look("I compare the customers.", "find_records", {"table": "customers"}, "2 customers"),
    Look("The draft so far.", "write_file", {"path": "drafts/answer.md"}, "Written."),
)


def look(chance: random.Random) -> Look:
    return chance.choice(LOOKS)
