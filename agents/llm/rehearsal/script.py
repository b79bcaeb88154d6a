"""What the rehearsal model sets out to do, step by step; the scripts are files in ``scenes/``."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from agents.core import canonical

SCENES = Path(__file__).parent / "scenes"
ORDER = ("press", "quick", "refunds", "courier", "outage", "loop", "stuck", "question", "long")
DEFAULT = "press"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A task that the rehearsal model knows how to play, for the form of a new session."""

    name: str
    title: str
    task: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A tool call the script makes."""

    tool: str
    arguments: Mapping[str, Any]

    @property
    def mark(self) -> str:
        """How the call is known again in a rendered history: the start of its arguments."""
        return canonical.event_text(self.arguments)[:120]


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the script.

    ``about`` are the words by which people mean this step; ``faults`` come before the turn,
    one for each attempt; ``stubborn`` repeats the step until the runtime objects, ``deaf`` until a
    person writes; ``refuses`` ends the turn with a refusal until a person has spoken.
    """

    key: str
    say: str
    calls: tuple[Ask, ...] = ()
    thinking: str = ""
    about: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    stubborn: bool = False
    deaf: bool = False
    refuses: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    scenario: Scenario
    words: tuple[str, ...]  # of a task that no preset wrote
    steps: tuple[Step, ...]
    closing: str
    cut_short: str


@cache
def scripts() -> Mapping[str, Script]:
    """Every script by its scenario's name."""
    return {name: _script(SCENES / f"{name}.toml") for name in ORDER}


def pick(task: str, around: str = "") -> Script:
    """The script for a task: named in brackets, a preset, by its words, or the default.

    A name or a preset may also stand ``around`` it: in the system prompt or in a summary.
    """
    known = scripts()
    both = f"{task}\n{around}"
    named = [(both.find(f"[{name}]"), script) for name, script in known.items()]
    if found := [pair for pair in named if pair[0] >= 0]:
        return min(found, key=lambda pair: pair[0])[1]
    for script in known.values():
        if script.scenario.task in both:
            return script
    lowered = task.lower()
    scored = {name: sum(word in lowered for word in s.words) for name, s in known.items()}
    best = max(scored, key=lambda name: scored[name])
    return known[best] if scored[best] else known[DEFAULT]


def _script(path: Path) -> Script:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    task = _line(data["task"])
    return Script(
        scenario=Scenario(path.stem, data["title"], task),
        words=tuple(data["words"]),
        steps=tuple(step for item in data["steps"] for step in _steps(item)),
        closing=_line(data["closing"]),
        cut_short=_line(data.get("cut_short", "I have to stop here.")),
    )


def _steps(item: Mapping[str, Any]) -> Iterator[Step]:
    """One step, or one for each of ``each``, with {item}, {number} and {total} filled in."""
    each: Sequence[str] = item.get("each") or ("",)
    for number, name in enumerate(each, start=1):
        places = {"{item}": name, "{number}": str(number), "{total}": str(len(each))}
        filled = _fill(item, places)
        key = f"{item['key']}_{number}" if "each" in item else item["key"]
        yield _step(key, filled)


def _step(key: str, item: Mapping[str, Any]) -> Step:
    return Step(
        key=key,
        say=_line(item.get("say", "")),
        calls=tuple(Ask(call["tool"], call["arguments"]) for call in item.get("calls", ())),
        thinking=_line(item.get("thinking", "")),
        about=tuple(item.get("about", ())),
        faults=tuple(item.get("faults", ())),
        stubborn=item.get("stubborn", False) or item.get("deaf", False),
        deaf=item.get("deaf", False),
        refuses=_line(item.get("refuses", "")),
    )


def _line(text: str) -> str:
    """A paragraph as one line, however its file wraps it."""
    return " ".join(text.split())


def _fill(item: Mapping[str, Any], places: Mapping[str, str]) -> Mapping[str, Any]:
    text = json.dumps({key: value for key, value in item.items() if key != "each"})
    for place, value in places.items():
        text = text.replace(place, json.dumps(value)[1:-1])
    filled: Mapping[str, Any] = json.loads(text)
    return filled
