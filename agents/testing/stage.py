"""The fakes put together: one session."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.core import events
from agents.core.artifacts import MemoryArtifacts
from agents.core.breaker import AlwaysClosed, Breakers
from agents.core.hands import SessionHands
from agents.core.loop import run
from agents.core.outputs import Outputs
from agents.core.state import State
from agents.testing.gate import FixedGate
from agents.testing.log import MemoryLog, MemoryStore
from agents.testing.model import ScriptedModel
from agents.testing.toolbox import MemoryToolbox
from agents.toolbox.showing import show


@dataclass
class Stage:
    """A session with its fakes. ``drive`` runs it until it ends or has nothing to do but wait."""

    model: ScriptedModel
    toolbox: MemoryToolbox
    gate: FixedGate
    store: MemoryStore = field(default_factory=MemoryStore)
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    artifacts: MemoryArtifacts = field(default_factory=MemoryArtifacts)
    log: MemoryLog | None = None
    breakers: Breakers = field(default_factory=AlwaysClosed)

    def begin(self, task: str = "Do it.", **fields: Any) -> None:
        """Write the session's first fact."""
        quick = {"retry": {"base": 0.0, "attempts": 3, "parks": []}}
        started: dict[str, Any] = {
            "agent": "clerk",
            "task": task,
            "model": "claude-sonnet-5-5",
            "limits": {},
            "tools": [definition.param() for definition in self.toolbox.definitions()],
            "system": [],
            "max_auto_risk": "low",
            "max_tokens": 1000,
            "window": 200_000,
            "settings": {**quick, **self.settings},
        }
        self.store.write(events.SessionStarted(**{**started, **fields}))

    async def drive(self) -> State:
        self.log = self.store.lease()
        return await run(self.log, self.hands(self.log))

    def hands(self, log: MemoryLog) -> SessionHands:
        here = Path(tempfile.gettempdir())
        return SessionHands(
            self.store.uuid,
            log,
            self.model,
            self.toolbox,
            self.gate,
            workspace=here,
            data=here,
            secrets=self.secrets,
            breakers=self.breakers,
            outputs=Outputs(self.artifacts, show, self.secrets),
        )
