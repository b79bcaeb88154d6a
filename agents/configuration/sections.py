"""The sections of a configuration file, and their keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from agents.models import (
    AgentDefinition,
    AlertRule,
    AlertTarget,
    Cap,
    GateRule,
    McpServer,
    ModelPrice,
    Slots,
    Tool,
)

STRING, INTEGER, NUMBER, BOOLEAN = "a string", "a whole number", "a number", "true or false"
LIST, TABLE = "a list", "a table"
TYPES: dict[str, tuple[type, ...]] = {
    STRING: (str,),
    INTEGER: (int,),
    NUMBER: (int, float),
    BOOLEAN: (bool,),
    LIST: (list,),
    TABLE: (dict,),
}


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the file: its rows' table, the field that names a row, its keys."""

    model: type[Model]
    keys: Mapping[str, str]
    name: str = "name"
    set_with: Mapping[str, Any] = field(default_factory=dict)  # what naming a row also says
    secret: frozenset[str] = frozenset()  # never printed


SECTIONS: dict[str, Section] = {
    "mcp_servers": Section(
        McpServer,
        {
            "command": LIST,
            "url": STRING,
            "env": TABLE,
            "per_session": BOOLEAN,
            "timeout": NUMBER,
            "enabled": BOOLEAN,
        },
        secret=frozenset({"env"}),
    ),
    "agents": Section(
        AgentDefinition,
        {
            "title": STRING,
            "model": STRING,
            "system": STRING,
            "tools": LIST,
            "max_auto_risk": STRING,
            "limits": TABLE,
            "ceilings": TABLE,
            "max_tokens": INTEGER,
            "window": INTEGER,
            "approval_seconds": INTEGER,
            "slots": INTEGER,
            "thinking": TABLE,
            "summary_model": STRING,
            "compaction": STRING,
            "settings": TABLE,
            "group": STRING,
            "enabled": BOOLEAN,
        },
    ),
    "tools": Section(
        Tool,
        {
            "risk": STRING,
            "effect": STRING,
            "approvals": INTEGER,
            "starter_may_decide": BOOLEAN,
            "timeout": NUMBER,
            "pollable": BOOLEAN,
            "reviewed": BOOLEAN,
            "enabled": BOOLEAN,
            "title": STRING,
        },
        set_with={"reviewed": True},
    ),
    "rules": Section(
        GateRule,
        {
            "tool": STRING,
            "agent": STRING,
            "verdict": STRING,
            "conditions": LIST,
            "approvals": INTEGER,
            "enabled": BOOLEAN,
        },
    ),
    "prices": Section(
        ModelPrice,
        dict.fromkeys(("input", "output", "cache_read", "cache_write", "cache_write_1h"), NUMBER),
        name="model",
    ),
    "caps": Section(Cap, {"usd": NUMBER, "tokens": INTEGER}),
    "slots": Section(Slots, {"sessions": INTEGER}),
    "alert_targets": Section(
        AlertTarget,
        {
            "kind": STRING,
            "address": STRING,
            "secret": STRING,
            "default": BOOLEAN,
            "enabled": BOOLEAN,
        },
        secret=frozenset({"secret"}),
    ),
    "alerts": Section(
        AlertRule,
        {
            "trigger": STRING,
            "agent": STRING,
            "minimum_risk": STRING,
            "minutes": INTEGER,
            "group_by": STRING,
            "cooldown": INTEGER,
            "include_arguments": BOOLEAN,
            "targets": LIST,
            "enabled": BOOLEAN,
        },
    ),
}
