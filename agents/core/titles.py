"""What a call does, in one sentence: by a template that an administrator wrote, else by ours, else
by the tool's name. A model's own title could say anything.

The template that was in force is recorded with the call, so that a replay reads as it did then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from agents.core.visible import UNSEEN, one_line, visible

LONGEST = 120  # characters of a template
_LINE = 200  # of a title
_VALUE = 80  # of an argument in it

_PLACE = re.compile(r"\{([^{}]*)\}")
_BRACE = re.compile("[{}]")
_NAME = re.compile(r"[^\W\d][\w-]*")

# Of the tools that we bring; an administrator's template goes first.
_OURS = {
    "search_web": "Search the web for “{query}”",
    "read_file": "Read {path}",
    "write_file": "Write {path}",
    "send_email": "Send an email to {to}",
    "post_tweet": "Post a tweet",
    "find_records": "Look through {table}",
    "delete_record": "Delete record {id} from {table}",
    "process_payment": "Charge {amount} for order {order_id}",
    "check_stock": "Check the stock of {product}",
    "book_courier": "Book a courier to {address}",
}
_ACRONYMS = frozenset("sql url api id pdf csv http json html ip dns ssh aws crm ui".split())
_BETWEEN = re.compile(r"[\s_-]+|(?<=[a-z0-9])(?=[A-Z])")  # the words of a name


class Titled(Protocol):
    """A call, or a fact about one."""

    @property
    def tool(self) -> str: ...
    @property
    def arguments(self) -> Mapping[str, Any]: ...
    @property
    def title(self) -> str: ...


def of(call: Titled) -> str:
    return title(call.tool, call.arguments, call.title)


def title(tool: str, arguments: Mapping[str, Any], template: str = "") -> str:
    """The title by the recorded ``template``. An argument that is missing leaves the name of the
    tool to speak for itself."""
    return _filled(in_force(tool, template), arguments) or named(tool)


def in_force(tool: str, template: str = "") -> str:
    """The template by which calls are titled, given the administrator's; empty: by the name."""
    return template or _OURS.get(tool, "")


def named(tool: str) -> str:
    """``Execute SQL on orders`` for ``orders__execute_sql``."""
    server, _, name = tool.rpartition("__")
    words = " ".join(_acronym(word) or word.lower() for word in _BETWEEN.split(name) if word)
    said = one_line(words or tool, 80)
    said = said[:1].upper() + said[1:]
    return f"{said} on {one_line(_acronym(server) or server, 40)}" if server else said


def _acronym(word: str) -> str:
    return word.upper() if word.lower() in _ACRONYMS else ""


def _filled(template: str, arguments: Mapping[str, Any]) -> str:
    """The template with its values, each put in as it is and never read as a template. Empty if
    one is missing, or if this is no template."""
    said: list[str] = []
    for place, part in enumerate(_PLACE.split(template)):
        is_name = place % 2 == 1
        text = _value(arguments.get(part)) if is_name else visible(part)
        if (is_name and not text) or (not is_name and _BRACE.search(part)):
            return ""
        said.append(text)
    return one_line("".join(said), _LINE)


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return one_line(", ".join(map(_text, value)), _VALUE)
    return one_line(_text(value), _VALUE)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def problems(template: str, schema: Mapping[str, Any] | None = None) -> Iterator[str]:
    """What is wrong with a template, of a tool whose arguments ``schema`` describes."""
    if found := UNSEEN.search(template):
        yield f"holds a character that nobody sees: {visible(found[0])}"
    if len(template.splitlines()) > 1:
        yield "must be one line"
    parts = _PLACE.split(template)
    if any(_BRACE.search(part) for part in parts[::2]):
        yield "has a brace without its other half; an argument stands in braces, as in {path}"
        return
    known = _properties(schema or {})
    shown = ", ".join(places(schema or {})[:20]) or "none that can stand there"
    for name in parts[1::2]:
        if not _NAME.fullmatch(name):
            yield f"{{{visible(name)}}} is no argument; only a name may stand in braces"
        elif known and name not in known:
            yield f"{{{name}}} is no argument of this tool; it has {shown}"


def places(schema: Mapping[str, Any]) -> list[str]:
    """What may stand in a template of the tool, in its braces; PostgreSQL keeps no order."""
    return [f"{{{name}}}" for name in sorted(_properties(schema)) if _NAME.fullmatch(name)]


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}
