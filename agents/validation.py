"""What may stand in the rows that people edit, for the admin and for ``configure`` alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db.models import Model

from agents.agent_settings import guards
from agents.alerts.checking import target_problems
from agents.checks import DAY, Check, finite, number, optional, patterns, plain
from agents.core import budget, titles
from agents.core.patterns import Unbounded, compiled
from agents.core.risk import OPERATORS
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

MOST_PEOPLE = 20
MOST_SLOTS = 100_000
MOST_SECONDS = 365 * DAY
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")  # what the Messages API accepts
_TEXT_OPERATORS = frozenset({"glob", "regex", "host", "under"})
_ORDER_OPERATORS = frozenset({"<", "<=", ">", ">="})


def clean(row: Model) -> None:
    """Raise ``ValidationError`` by field, unless the row may be saved."""
    problems: dict[str, list[Any]] = {}
    checks = CHECKS.get(type(row), {})
    try:
        row.full_clean(validate_constraints=False)
    except ValidationError as error:
        problems = dict(error.error_dict)  # with their codes
    for field, check in checks.items():
        found = [] if field in problems else list(check(getattr(row, field)))
        problems.update({field: found} if found else {})
    if not problems and isinstance(row, McpServer) and bool(row.command) == bool(row.url):
        problems["command"] = ["say either a command or a url (its address)"]
    if not problems and isinstance(row, AlertTarget):
        problems = dict(target_problems(row))
    if problems:
        raise ValidationError(problems)


def slots(value: Any) -> Iterable[str]:
    return () if value is None else number(1, MOST_SLOTS)(value)


def limits(value: Any) -> list[str]:
    return budget.validate(value) if isinstance(value, dict) else ["must be a table of limits"]


def thinking(value: Any) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        yield 'must be a table with a type, e.g. {"type": "adaptive"}'
    else:
        yield from plain(value)


def command(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        yield "must be a list of strings: the program and its arguments"
    elif value and (not value[0] or any("\x00" in one for one in value)):
        yield "must begin with the program's name"


def environment(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "must be a table of strings"
        return
    for name, text in value.items():
        if not name or "=" in name or not isinstance(text, str) or "\x00" in name + text:
            yield f"{name}: must be a string"


def address(value: Any) -> Iterator[str]:
    # Django's idea of a URL has no host without a dot, such as a container's name.
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        yield "is no address"
        return
    wrong = parts.scheme not in {"http", "https"} or not parts.hostname or port == 0
    if value and (wrong or re.search(r"[\s\x00-\x1f]", value)):
        yield "must be an http or https address"


def server_name(value: Any) -> Iterator[str]:
    if "__" in value or value.startswith("_") or value.endswith("_"):
        yield "may not contain two underscores together, nor begin or end with one"


def tool_name(value: Any) -> Iterator[str]:
    if not _TOOL_NAME.fullmatch(value):
        yield "must be letters, digits, - and _, at most 128"


def new_title(tool: Tool, title: str) -> list[str]:
    """What is wrong with a title that a person gives the tool, by the arguments of what would be
    called. One that stands may outlive an argument: the name then titles the calls."""
    return list(titles.problems(title, schema_of(tool)))


def schema_of(tool: Tool) -> Mapping[str, Any]:
    """Of what would be called now: the server's new definition, if it has changed."""
    found: Mapping[str, Any] = (tool.offered or {}).get("input_schema", tool.input_schema)
    return found


def agent_pattern(value: Any) -> Iterator[str]:
    if not value:
        yield "must be an agent's name or a pattern such as *"


def target_names(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        yield "must be a list of alert targets' names"


def conditions(value: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield "must be a list of conditions"
        return
    for position, condition in enumerate(value, 1):
        yield from (f"condition {position}: {problem}" for problem in _condition(condition))


def _condition(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "must be a table with field, op and value"
        return
    if unknown := value.keys() - {"field", "op", "value"}:
        yield f"no such key: {', '.join(sorted(unknown))}; known: field, op, value"
    if not isinstance(value.get("field"), str) or not value["field"]:
        yield "field: must name an argument"
    if value.get("op") not in OPERATORS:
        yield f"op: must be one of {' '.join(OPERATORS)}"
    else:
        yield from _operand(value)


def _operand(condition: Mapping[str, Any]) -> Iterator[str]:
    op, value = condition["op"], condition.get("value")
    if op == "missing":
        return
    if "value" not in condition:
        yield "value: is needed"
    elif op in _TEXT_OPERATORS and not isinstance(value, str):
        yield f"value: must be a string for {op}"
    elif op in _ORDER_OPERATORS and not finite(value):
        yield f"value: must be a number for {op}"
    elif op == "regex":
        yield from _regex(str(value))
    else:
        yield from plain(value)


def _regex(text: str) -> Iterator[str]:
    try:
        compiled(text)
    except Unbounded as error:
        yield f"value: no regular expression that can be matched in bounded time: {error}"


_PRICE = number(0, 100_000)

CHECKS: dict[type[Model], dict[str, Check]] = {
    AgentDefinition: {
        "tools": patterns,
        "limits": limits,
        "ceilings": limits,
        "thinking": thinking,
        "settings": guards,
        "max_tokens": number(1, 1_000_000),
        "window": number(1_000, 10_000_000),
        "approval_seconds": number(1, MOST_SECONDS),
        "slots": slots,
    },
    AlertRule: {
        "agent": agent_pattern,
        "minutes": number(1, MOST_SECONDS // 60),
        "cooldown": number(0, 7 * DAY),
        "targets": target_names,
    },
    McpServer: {
        "name": server_name,
        "command": command,
        "url": address,
        "env": environment,
        "timeout": number(0.1, DAY),
    },
    Tool: {
        "name": tool_name,
        "approvals": number(1, MOST_PEOPLE),
        "timeout": number(0.1, DAY),
        "title": titles.problems,
    },
    GateRule: {"conditions": conditions, "approvals": number(1, MOST_PEOPLE)},
    Slots: {"sessions": number(1, MOST_SLOTS)},
    ModelPrice: {
        **dict.fromkeys(("input", "output", "cache_read", "cache_write"), _PRICE),
        "cache_write_1h": optional(_PRICE),
    },
    Cap: {"usd": optional(number(0, 10**9)), "tokens": optional(number(0, 10**15))},
}
