"""People steer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from agents.core.canonical import JsonObject


@dataclass(frozen=True, slots=True)
class Message:
    """A person steers."""

    kind: ClassVar[str] = "message"
    by: str
    text: str
    replaces: bool = False  # stands in place of what the model was told last and did not answer
    withholds: bool = False  # what the tools returned last is kept from the model


@dataclass(frozen=True, slots=True)
class Paused:
    kind: ClassVar[str] = "paused"
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resumed:
    """``answer`` to a question of the session: wrap_up, lift_block, or empty to go on."""

    kind: ClassVar[str] = "resumed"
    by: str
    reason: str = ""
    model: str = ""  # the model that takes over, in a new epoch
    answer: str = ""


@dataclass(frozen=True, slots=True)
class StopRequested:
    kind: ClassVar[str] = "stop_requested"
    by: str
    kill: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    kind: ClassVar[str] = "limits_changed"
    by: str
    limits: JsonObject  # only those that change
    before: JsonObject = field(default_factory=dict)  # what they were; none where there was none
    reason: str = ""
