"""Lists and tables in forms as lines of text, so that nobody writes JSON by hand."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError


class Text(forms.CharField):
    """A text as it was written: browsers send other line ends, and its own may be at its end."""

    widget = forms.Textarea(attrs={"rows": 10})

    def __init__(self, **more: Any) -> None:
        super().__init__(strip=False, **more)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class Lines(forms.CharField):
    """A list of texts, one a line. JSON that is pasted is taken as it is."""

    widget = forms.Textarea(attrs={"rows": 4})
    bracket = "["
    empty: Any = []

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        text = self.written(value)
        # What lines cannot say is shown as JSON, so that saving it again changes nothing.
        return text if self._says(text, value) else json.dumps(value, ensure_ascii=False)

    def _says(self, text: str, value: Any) -> bool:
        try:
            return bool(self.clean(text) == (value or self.empty))
        except ValidationError:
            return False

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        if text.startswith(self.bracket):
            return self._pasted(text)
        return self.read([line.strip() for line in text.splitlines() if line.strip()])

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.clean(data) != (initial or self.empty))
        except ValidationError:
            return True

    def written(self, value: Any) -> str:
        return "\n".join(str(one) for one in value or ())

    def read(self, lines: list[str]) -> Any:
        return lines

    @staticmethod
    def _pasted(text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValidationError("This is neither lines of text nor JSON.") from None


class Pairs(Lines):
    """A table, one ``name = value`` a line."""

    bracket = "{"
    empty: Any = {}

    def written(self, value: Any) -> str:
        return "\n".join(f"{name} = {one}" for name, one in (value or {}).items())

    def read(self, lines: list[str]) -> dict[str, str]:
        table: dict[str, str] = {}
        for line in lines:
            name, sign, text = (part.strip() for part in line.partition("="))
            if not sign or not name:
                raise ValidationError(f"“{line[:80]}” must look like name = value.")
            if name in table:
                raise ValidationError(f"{name} is there twice.")
            table[name] = text
        return table


class _Readable(json.JSONDecoder):
    """Whatever cannot be read is no JSON: a number of thousands of digits as well, or what is
    nested a thousand deep."""

    def decode(self, s: str, *more: Any) -> Any:
        try:
            return super().decode(s, *more)
        except (ValueError, RecursionError):
            raise json.JSONDecodeError("cannot be read", s, 0) from None


class Table(forms.JSONField):
    """A table as JSON; left empty it is an empty one. What was typed is shown as it was typed."""

    def __init__(self, **more: Any) -> None:
        super().__init__(decoder=_Readable, **more)
        self.error_messages["invalid"] = "This is no JSON."

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value.strip() if isinstance(value, str) else value)
        return {} if found is None else found

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else super().prepare_value(value)


class Thinking(forms.ChoiceField):
    """How a model thinks, in words; what a file said otherwise stays a choice of its own."""

    KNOWN = (
        ("null", "As the model does by itself"),
        ('{"type": "adaptive"}', "As much as it finds useful"),
        ('{"type": "disabled"}', "Not at all"),
    )

    def __init__(self, **more: Any) -> None:
        super().__init__(choices=self.KNOWN, required=False, **more)

    def prepare_value(self, value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        if text not in dict(self.KNOWN):
            self.choices = [*self.KNOWN, (text, f"As configured: {text}")]
            self.widget.choices = self.choices
        return text

    def valid_value(self, value: Any) -> bool:
        return True  # the row's own check says what may stand

    def clean(self, value: Any) -> Any:
        try:
            return json.loads(super().clean(value) or "null")
        except (ValueError, RecursionError):
            raise ValidationError("Choose how the model thinks.") from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.clean(data) != initial)
