"""What a session may do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from agents.core import compaction, events
from agents.core.model import Request
from agents.core.state import Call


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the model."""

    request: Request


@dataclass(frozen=True, slots=True)
class Act:
    """Run these calls, each at once."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """These calls may have happened under an earlier term: a person must say."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Reopen:
    """A person settled that these did not happen: ask for approval again, under a new key."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Compact:
    plan: compaction.Plan


@dataclass(frozen=True, slots=True)
class Say:
    """Record these facts; nothing in the world happens."""

    facts: tuple[events.Fact, ...]


@dataclass(frozen=True, slots=True)
class Sleep:
    """A wait short enough to hold a task for."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Calls of this driver are running."""


@dataclass(frozen=True, slots=True)
class Park:
    """Nothing to do but wait: let go of the lease. ``status`` is the session's from here on."""

    status: str
    resume_at: datetime | None = None
    asking: str = ""
    question: str = ""  # what kind of question it is, for pages and for who answers it
    waits_for: str = ""  # model or tool, where it waits for an endpoint


@dataclass(frozen=True, slots=True)
class Done:
    pass


Step: TypeAlias = Ask | Act | Doubt | Reopen | Compact | Say | Sleep | Wait | Park | Done
