"""What the gate said, recorded only while the catalogue is the one by which it judged."""

from __future__ import annotations

from agents.core import events
from agents.core.loop import Moved
from agents.core.ports import Gate, Judged, Log


async def record(log: Log, gate: Gate, seen: int, *judged: Judged) -> None:
    """Record what was judged together. Raises ``Moved``, with the catalogue read again."""
    facts = [fact for one in judged for fact in one.facts]
    try:
        await log.record(*facts, seen=seen, catalogue=judged[0].version)
    except Moved:
        await gate.refresh()
        raise


async def claim(
    log: Log, gate: Gate, started: events.ToolStarted, seen: int, judged: Judged
) -> bool:
    """Claim a call that ``judged`` lets through. Judged under an older catalogue it is not
    claimed, so that it is looked at again before anything happens."""
    try:
        return await log.claim(started, seen, judged.version)
    except Moved:
        await gate.refresh()
        return False
