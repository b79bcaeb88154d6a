"""Arguments as a form, a form as arguments, and what was changed on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents import inbox
from agents.core import canonical
from agents.core.risk import Judgement, Verdict
from agents.models import Approval
from oversight import arguments as showing
from oversight import tiles, wording
from oversight.arguments import Argument

PREFIX = "argument:"


@dataclass(frozen=True, slots=True)
class Field:
    """One argument as an input. ``type`` is text, number, yes or no, or JSON."""

    name: str
    type: str
    value: str
    asked: str

    @property
    def long(self) -> bool:
        return self.type == "JSON" or "\n" in self.value or len(self.value) > 80

    @property
    def rows(self) -> int:
        return min(max(self.value.count("\n") + 2, 3), 16)


def fields(arguments: Mapping[str, Any], form: Mapping[str, str] | None = None) -> list[Field]:
    """As they are, or as the form that came has them."""
    sent = form or {}
    found = []
    for n, (name, value) in enumerate(arguments.items()):
        kind, text = _spelled(value)
        found.append(Field(name, kind, sent.get(f"{PREFIX}{n}", text), text))
    return found


def _plain(value: object) -> bool:
    """Whether it is a text that an input shows as it is."""
    return isinstance(value, str) and wording.visible(value) == value


def _spelled(value: object) -> tuple[str, str]:
    if isinstance(value, bool):
        return "yes or no", str(value).lower()
    if isinstance(value, int | float):
        return "number", canonical.event_text(value)
    if _plain(value):
        return "text", str(value)
    return "JSON", wording.spelled_out(value)


class Unreadable(ValueError):
    """A form that is no arguments; the message says which field and why."""


def from_form(form: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a person wrote. Raises ``Unreadable``."""
    if form.get("mode") == "json":
        return _from_json(form.get("raw", ""))
    # By number: browsers change the line ends even of a field's name.
    numbered = enumerate(before.items())
    return {name: _read(name, form.get(f"{PREFIX}{n}"), value) for n, (name, value) in numbered}


def _from_json(text: str) -> dict[str, Any]:
    try:
        return canonical.parse_object(text)
    except canonical.BadJson as error:
        raise Unreadable(f"The JSON cannot be read: {error}.") from None


def _read(name: str, written: str | None, before: object) -> object:
    if written is None:
        raise Unreadable(f"The field {wording.one_line(name, 60)} is missing.")
    if isinstance(before, str) and _plain(before):
        return _text(written, before)
    try:
        return canonical.parse(written.strip())
    except canonical.BadJson as error:
        kind, _ = _spelled(before)
        why = " must be a number" if kind == "number" else f": {error}"
        raise Unreadable(f"{wording.one_line(name, 60)}{why}.") from None


def _text(written: str, before: str) -> str:
    """Browsers send every line end as CRLF; an untouched text must stay what it was."""
    plain = written.replace("\r\n", "\n")
    return before if plain == before.replace("\r\n", "\n").replace("\r", "\n") else plain


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit would do: each argument that differs, and what the rules say of the whole."""

    arguments: list[Argument]
    judged: Judgement | None = None
    problem: str = ""

    @property
    def denied(self) -> bool:
        return self.judged is not None and self.judged.verdict is Verdict.DENY


def change(approval: Approval, form: Mapping[str, str]) -> Change:
    """What approving this form would run in place of what was asked for."""
    before = tiles.arguments(approval.arguments)
    try:
        written = from_form(form, before)
        differs = [one for one in showing.shown(written, before) if one.change]
        return Change(differs, inbox.judged_edit(approval, written))
    except (Unreadable, inbox.Invalid) as refused:
        return Change([], problem=str(refused))
