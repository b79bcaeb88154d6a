"""Fakes for every port of the loop, and the suite that a log must pass.

They need no database, no Django and no network, so that whoever builds on the engine can test an
agent, a tool or a log of their own: ``Stage`` puts the fakes together.
"""

from __future__ import annotations

from agents.testing.conformance import LogConformance
from agents.testing.gate import FixedGate
from agents.testing.log import MemoryLog, MemoryStore
from agents.testing.model import ScriptedModel, calls, says
from agents.testing.stage import Stage
from agents.testing.toolbox import Hold, MemoryToolbox, Trouble, answered

__all__ = [
    "FixedGate",
    "Hold",
    "LogConformance",
    "MemoryLog",
    "MemoryStore",
    "MemoryToolbox",
    "ScriptedModel",
    "Stage",
    "Trouble",
    "answered",
    "calls",
    "says",
]
