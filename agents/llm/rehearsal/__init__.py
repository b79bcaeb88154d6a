"""The rehearsal model: scripted, needs no key, and runs through the same SDK code path."""

from __future__ import annotations

from agents.llm.rehearsal.script import Scenario, scripts

SCENARIOS: tuple[Scenario, ...] = tuple(script.scenario for script in scripts().values())

__all__ = ["SCENARIOS", "Scenario"]
