"""A file becomes rows: as they should be, checked, then saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Field, Model

from agents import riskmap, validation
from agents.configuration.file import File, Malformed, parse
from agents.configuration.sections import SECTIONS
from agents.configuration.shapes import from_env, section_problems
from agents.models import (
    AlertRule,
    AlertTarget,
    Cap,
    GateRule,
    ModelPrice,
    PolicyChange,
    Tool,
)


def configure_file(path: Path) -> list[str]:
    """Apply the file; one line for each change. Raises ``Malformed``, having changed nothing."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Malformed([f"{path}: not UTF-8 text"]) from None
    except OSError as error:
        raise Malformed([f"{path}: {error.strerror}"]) from None
    return configure(text, str(path))


def configure(text: str, name: str = "configuration") -> list[str]:
    """Like ``configure_file``, for text that was read from ``name``."""
    file = File(name, text)
    data = parse(file)
    with transaction.atomic():
        rows = list(_rows(file, data))
        return [line for section, row, wanted in rows for line in _save(section, row, wanted)]


def _rows(file: File, data: Mapping[str, Any]) -> Iterator[tuple[str, Model, Mapping[str, Any]]]:
    """Every row as it should be, once all of them are known to be right."""
    problems = [
        problem for section in data for problem in section_problems(file, section, data[section])
    ]
    if problems:
        raise Malformed(problems)
    rows = [
        (section, *_row(section, name, given))
        # A rule is saved after the targets that it names, wherever they stand.
        for section, table in sorted(data.items(), key=lambda one: one[0] == "alerts")
        for name, given in table.items()
    ]
    problems = [line for section, row, _ in rows for line in _invalid(file, section, row)]
    problems = problems or _strangers(file, [row for _, row, _ in rows])
    problems = problems or [
        line for _, row, before in rows for line in _mistitled(file, row, before)
    ]
    if problems:
        raise Malformed(problems)
    yield from rows


def _strangers(file: File, rows: list[Model]) -> list[str]:
    """Alert targets that are named and do not exist."""
    known = {*AlertTarget.objects.values_list("name", flat=True)}
    known |= {row.name for row in rows if isinstance(row, AlertTarget)}
    rules = [row for row in rows if isinstance(row, AlertRule)]
    lost = [(row.name, name) for row in rules for name in row.targets if name not in known]
    return [f"{file.at('alerts', rule, 'targets')}: no target {name!r}" for rule, name in lost]


def _mistitled(file: File, row: Model, before: Mapping[str, Any]) -> list[str]:
    """A new title that names what is no argument of the tool."""
    if not isinstance(row, Tool) or before.get("title", row.title) == row.title:
        return []
    found = validation.new_title(row, row.title)
    return [f"{file.at('tools', row.name, 'title')}: {problem}" for problem in found]


def _row(section: str, name: str, given: Mapping[str, Any]) -> tuple[Model, dict[str, Any]]:
    """The row as it is or would be new, with the file's values set; and those values."""
    kind = SECTIONS[section]
    found = kind.model._default_manager.filter(**{kind.name: name}).first()
    row = found or kind.model(**{kind.name: name})
    wanted = {key: _value(row, key, value) for key, value in {**kind.set_with, **given}.items()}
    before = {key: getattr(row, key) for key in wanted}
    for key, value in wanted.items():
        setattr(row, key, value)
    return row, before


def _value(row: Model, key: str, value: Any) -> Any:
    if key == "group":
        return Group.objects.get_or_create(name=value)[0] if value else None
    if key == "secret":
        return from_env(value)
    if isinstance(row, ModelPrice) or (isinstance(row, Cap) and key == "usd"):
        return Decimal(str(value))
    return value


def _invalid(file: File, section: str, row: Model) -> Iterator[str]:
    name = str(getattr(row, SECTIONS[section].name))
    try:
        validation.clean(row)
    except ValidationError as error:
        for key, found in error.error_dict.items():
            path = (section, name, key) if key in SECTIONS[section].keys else (section, name)
            yield from (f"{file.at(*path)}: {_sentence(row, key, one)}" for one in found)


def _sentence(row: Model, key: str, error: ValidationError) -> str:
    if error.code == "invalid_choice":
        of = row._meta.get_field(key)
        assert isinstance(of, Field)
        return f"must be one of {', '.join(str(word) for word, _ in of.flatchoices)}"
    if error.code in {"blank", "null"}:
        return f"{key} is needed"
    text = " ".join(error.messages)
    return text[:1].lower() + text[1:].rstrip(".")


def _save(section: str, row: Model, before: Mapping[str, Any]) -> Iterator[str]:
    kind = SECTIONS[section]
    place = f"{section}.{getattr(row, kind.name)}"
    created = row._state.adding
    changes = {key: (old, getattr(row, key)) for key, old in before.items()}
    changes = {key: pair for key, pair in changes.items() if pair[0] != pair[1]}
    if isinstance(row, Tool | GateRule) and (created or changes):
        _enter(row, None if created else {key: old for key, (old, _) in changes.items()})
    elif created or changes:
        row.save()
    if created:
        yield f"{place}: created"
        return
    for key, (old, new) in changes.items():
        yield f"{place}.{key}: {'changed' if key in kind.secret else _change(old, new)}"


def _enter(row: Tool | GateRule, old: Mapping[str, Any] | None) -> None:
    """Save a row of the risk map, so that its history knows."""
    subject = PolicyChange.Subject.TOOL if isinstance(row, Tool) else PolicyChange.Subject.RULE
    settings = riskmap.settings_of(row)
    before = None if old is None else {**settings, **old}
    change = riskmap.Change(subject, row.name, before, settings)
    riskmap.save(None, [change], via=PolicyChange.Via.CONFIGURE)


def _change(old: Any, new: Any) -> str:
    said = [str(value) if not isinstance(value, str) else repr(value) for value in (old, new)]
    return " -> ".join(said) if max(map(len, said)) <= 60 else "changed"
