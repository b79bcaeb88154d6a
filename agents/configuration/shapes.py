"""Whether a file says what its sections can hold: known keys, their types, plain values."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from agents.configuration.file import File
from agents.configuration.sections import BOOLEAN, SECTIONS, TYPES
from agents.core import canonical

FROM_ENV = re.compile(r"env:(\w+)")  # a secret stands in a variable, never in the file


def section_problems(file: File, section: str, table: Any) -> Iterator[str]:
    if section not in SECTIONS:
        yield f"{file.at(section)}: no such section; known: {', '.join(SECTIONS)}"
    elif not isinstance(table, dict):
        yield f"{file.at(section)}: must be a table"
    else:
        for name, given in table.items():
            yield from _shape(file, section, name, given)


def _shape(file: File, section: str, name: str, given: Any) -> Iterator[str]:
    """Unknown keys and wrong types of one row."""
    if not isinstance(given, dict):
        yield f"{file.at(section, name)}: must be a table, as in [{section}.{name}]"
        return
    yield from _unplain(file, (section, name), name)
    keys = SECTIONS[section].keys
    for key, value in given.items():
        if key not in keys:
            yield f"{file.at(section, name, key)}: no such key; known: {', '.join(keys)}"
        elif not _is(value, keys[key]):
            yield f"{file.at(section, name, key)}: must be {keys[key]}"
        elif key == "secret" and not from_env(value):
            said = "must be env:NAME, the name of a variable that is set"
            yield f"{file.at(section, name, key)}: {said}"
        else:
            yield from _unplain(file, (section, name, key), value)


def _unplain(file: File, path: tuple[str, ...], value: Any) -> Iterator[str]:
    """What TOML can say and the tables cannot: infinities, dates, huge integers, NUL."""
    try:
        canonical.check(value)
    except canonical.BadJson as error:
        yield f"{file.at(*path)}: {error}"


def _is(value: Any, wanted: str) -> bool:
    # A bool is an int to Python, not to the person who wrote the file.
    return isinstance(value, TYPES[wanted]) and isinstance(value, bool) == (wanted == BOOLEAN)


def from_env(value: str) -> str:
    """The secret in the variable that ``env:NAME`` names; empty if there is none."""
    found = FROM_ENV.fullmatch(value)
    return os.environ.get(found[1], "").strip() if found else ""
