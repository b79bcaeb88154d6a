"""The admin's lists: cells that say what they are where a phone shows rows as cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def under(cells: Iterable[str], headers: Iterable[Mapping[str, Any]]) -> Iterator[SafeString | str]:
    """Each cell of a row with its column's name as ``data-label``."""
    for cell, header in zip(cells, headers, strict=False):
        named = str(cell)[:3] in ("<td", "<th") and "<" not in str(header["text"])
        yield _labelled(str(cell), str(header["text"])) if named else cell


def _labelled(cell: str, text: str) -> SafeString:
    """The cell is Django's own markup; the name is ours."""
    name = escape(text[:1].upper() + text[1:])
    return SafeString(f'{cell[:3]} data-label="{name}"{cell[3:]}')  # nosec B703 - said above
