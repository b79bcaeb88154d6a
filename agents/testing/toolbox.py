"""Tools in memory, whose effects are counted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.core import canonical
from agents.core.risk import Effect
from agents.core.tools import ToolContext, ToolDefinition, ToolOutput, UnknownTool

OPEN_SCHEMA: Mapping[str, Any] = {"type": "object"}


@dataclass(frozen=True)
class Trouble:
    """How a request goes wrong: ``done`` says whether its effect took place all the same."""

    error: Exception
    done: bool = False


@dataclass
class Hold:
    """Keeps a tool in the middle of its call: ``entered`` it, and waiting for ``go``."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class MemoryToolbox:
    """Tools whose effects are counted. ``keyed`` names deduplicate by their idempotency key."""

    tools: Mapping[str, Effect]
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    troubles: dict[str, list[Trouble]] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    requests: list[tuple[str, ToolContext]] = field(default_factory=list)
    effects: list[tuple[str, str]] = field(default_factory=list)  # tool, canonical arguments
    probes: list[str] = field(default_factory=list)
    changed: dict[str, ToolDefinition] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)  # idempotency key -> answer

    def definitions(self) -> Sequence[ToolDefinition]:
        return [
            ToolDefinition(name, name, self.schemas.get(name, OPEN_SCHEMA), effect=effect)
            for name, effect in sorted(self.tools.items())
        ]

    async def current(self, name: str, session_id: str = "") -> ToolDefinition | None:
        return self.changed.get(name) or self.definition(name)

    def definition(self, name: str) -> ToolDefinition:
        found = next((one for one in self.definitions() if one.name == name), None)
        if found is None:
            raise UnknownTool(f"There is no tool {name!r}.")
        return found

    def problems(self, name: str, arguments: Mapping[str, Any]) -> list[str]:
        needed = self.definition(name).input_schema.get("required", ())
        return [f"{key}: is missing" for key in needed if key not in arguments]

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutput:
        self.requests.append((name, context))
        if hold := self.holds.get(name):
            hold.entered.set()
            await hold.go.wait()
        waiting = self.troubles.get(name)
        trouble = waiting.pop(0) if waiting else None
        if trouble and not trouble.done:
            raise trouble.error
        answer = self.do(name, arguments, context.idempotency_key)
        if trouble:
            raise trouble.error
        return ToolOutput(answer)

    def do(self, name: str, arguments: Mapping[str, Any], key: str) -> str:
        """The effect itself."""
        if self.tools[name] is Effect.KEYED and key in self.done:
            return self.done[key]
        self.effects.append((name, canonical.sorted_text(arguments)))
        self.done[key] = answered(name, arguments)
        return self.done[key]

    def happened(self, key: str) -> str | None:
        return self.done.get(key)

    async def probe(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutput | None:
        self.probes.append(context.idempotency_key)
        if waiting := self.troubles.get(f"probe {name}"):
            raise waiting.pop(0).error
        found = self.happened(context.idempotency_key)
        return None if found is None else ToolOutput(found)


def answered(name: str, arguments: Mapping[str, Any]) -> str:
    """What a tool of ``MemoryToolbox`` returns."""
    return f"{name} did {canonical.sorted_text(arguments)}"
