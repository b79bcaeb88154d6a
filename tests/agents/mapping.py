"""The risk map's pages, filled in and sent as a browser would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from django.test import Client

MAP = "/admin/agents/tool/"


class _Fields(HTMLParser):
    """What a browser would send of the page's main form."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""
        self._area = ""

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in given}
        name = attributes.get("name", "")
        if tag == "input" and name:
            ticks = attributes.get("type") in ("radio", "checkbox")
            if not ticks or "checked" in attributes:
                self.values[name] = attributes.get("value", "on" if ticks else "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            first = self._select not in self.values
            if "selected" in attributes or first:
                self.values[self._select] = attributes.get("value", "")
        elif tag == "textarea":
            self._area = name
            self.values[name] = ""

    def handle_endtag(self, tag: str) -> None:
        self._select = "" if tag == "select" else self._select
        if tag == "textarea":
            self.values[self._area] = self.values[self._area].removeprefix("\n")  # as a browser
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data


@dataclass
class Shown:
    """An answer, as its reader and its form see it."""

    status: int
    html: str

    @property
    def fields(self) -> dict[str, str]:
        main = self.html[self.html.index("<main") :]
        reader = _Fields()
        reader.feed(main)
        return reader.values

    @property
    def text(self) -> str:
        main = re.sub(r"<[^>]+>", " ", self.html[self.html.index("<main") :])
        return " ".join(main.split())


@dataclass
class Mapping:
    """One administrator at the risk map."""

    client: Client

    def look(self, page: str = MAP) -> Shown:
        return self._shown(self.client.get(page))

    def preview(self, fields: dict[str, Any], page: str = MAP, **edits: Any) -> Shown:
        return self._shown(self.client.post(page, {**fields, **edits, "act": "preview"}))

    def save(self, shown: Shown, page: str = MAP, **edits: Any) -> Shown:
        """Press *Save* on what is shown; a status of 302 means that it is saved."""
        return self._shown(self.client.post(page, {**shown.fields, **edits, "act": "save"}))

    def edit(self, page: str = MAP, *, reason: str = "", **edits: Any) -> Shown:
        """Look, change, preview, save."""
        shown = self.preview(self.look(page).fields, page, **edits)
        return self.save(shown, page, reason=reason)

    @staticmethod
    def _shown(answer: Any) -> Shown:
        return Shown(answer.status_code, answer.content.decode())
