"""A configuration file: its text, and where in it something stands."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any


class Malformed(ValueError):
    """The file cannot be applied; ``problems`` holds one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class File:
    """A configuration file's text, and how to point at a place in it."""

    name: str
    text: str

    def at(self, *path: str) -> str:
        """``file:line: section.row.key``, with the line of the nearest place that is found."""
        line = next((n for size in range(len(path), 0, -1) if (n := self._line(path[:size]))), 1)
        return f"{self.name}:{line}: {'.'.join(path)}"

    def _line(self, path: tuple[str, ...]) -> int | None:
        table: tuple[str, ...] = ()
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[\[?([^\[\]]+)\]", line):
                table, here = dotted(header[1]), dotted(header[1])
            else:
                key = re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*'|\.|[ \t])+?)\s*=""", line)
                here = (*table, *dotted(key[1])) if key else ()
            if here[: len(path)] == path:
                return number
        return None


def parse(file: File) -> dict[str, Any]:
    try:
        return tomllib.loads(file.text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        line = (place and place[1]) or len(file.text.splitlines()) or 1
        what = str(error)[: place.start()] if place else str(error)
        raise Malformed([f"{file.name}:{line}: not valid TOML: {what}"]) from None
    except RecursionError:
        raise Malformed([f"{file.name}:1: not valid TOML: nested too deeply"]) from None


def dotted(dotted: str) -> tuple[str, ...]:
    """The parts of a dotted TOML key."""
    parts = re.findall(r""""([^"]*)"|'([^']*)'|([\w-]+)""", dotted)
    return tuple(next(filter(None, part), "") for part in parts)
