"""What tools return, on its way to the model: how much room it has, what is kept, how it is fenced.

The room is a rule over the log, so that parallel results agree without waiting for each other: a
result may take its fair share of what the turn has left, and every call that has no result yet has
the same share reserved. A share is never smaller than it was before, since nobody takes more than
theirs; so a look at the log that is a little old is safe as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from agents.core import canonical, events, evidence, fence, results, wording
from agents.core.artifacts import Artifacts, Kept, MemoryArtifacts, plain_mime
from agents.core.fence import Content
from agents.core.redaction import redacted
from agents.core.state import Call, State
from agents.core.tools import File, ToolOutput

MAX_RESULT = 24_000  # characters of one result
MAX_TURN = 96_000  # characters of all results of one turn
MAX_IMAGES = 4  # image blocks of one turn
LEAST = 400  # characters that any result may have: room for its marker and a few words
NO_OUTPUT = "(no output)"

_LONG = 200_000  # characters beyond which other sessions do not wait for the work


@dataclass(frozen=True, slots=True)
class Room:
    """What one result may still have of its turn."""

    chars: int = MAX_RESULT
    images: int = MAX_IMAGES


@dataclass(frozen=True, slots=True)
class Shown:
    """What the model is shown of an output, and what is kept of it."""

    content: Content
    kept: tuple[Kept, ...] = ()


Show: TypeAlias = Callable[[ToolOutput, str, Room, Sequence[str]], Shown]


def room(state: State, call: Call, note: str = "") -> Room:
    """What ``call`` may say, when ``note`` stands before it."""
    others = [one for one in state.calls if one.call_id != call.call_id]
    told = [one.result for one in others if one.result]
    left = MAX_TURN - sum(map(fence.length, told))
    share = min(MAX_RESULT, left // (1 + len(others) - len(told)))
    images = MAX_IMAGES - sum(_images(result.content) for result in told)
    around = fence.around(call.tool) + len(note)
    return Room(max(LEAST, share - around), max(0, images))


def _images(content: Content) -> int:
    return 0 if isinstance(content, str) else sum(b.get("type") == "image" for b in content)


def as_they_are(output: ToolOutput, tool: str, space: Room, secrets: Sequence[str]) -> Shown:
    """Texts whole, files by their type alone: for a session that was given no other way."""
    if isinstance(output.content, str):
        said = redacted(canonical.clean_text(output.content), secrets)
        return Shown(said if said.strip() else NO_OUTPUT)
    return Shown([_as_it_is(part, secrets) for part in output.content])


def _as_it_is(part: Mapping[str, Any] | File, secrets: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(part, File):
        return {"type": "text", "text": f"[{plain_mime(part.mime)}, {len(part.data):,} bytes]"}
    if part.get("type") != "text":
        return part
    return {**part, "text": redacted(canonical.clean_text(part["text"]), secrets)}


@dataclass(frozen=True, slots=True)
class Outputs:
    """One session's way with what its tools return."""

    artifacts: Artifacts = field(default_factory=MemoryArtifacts)
    show: Show = as_they_are
    secrets: Sequence[str] = ()
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def turn(self, output: ToolOutput) -> AbstractAsyncContextManager[object]:
        """To be held until the result is on record: images are counted, so one at a time."""
        return nullcontext() if isinstance(output.content, str) else self._turn

    async def result(
        self, state: State, call: Call, output: ToolOutput, ms: int
    ) -> events.ToolResult:
        """The fact to record. Whatever it names is durable by then."""
        note = wording.edited(call.arguments) if call.edited_by else ""
        shown = await self._shown(output, call, room(state, call, note))
        await self._keep(shown.kept, call, state)
        content = results.prefixed(note, shown.content) if note else shown.content
        return events.ToolResult(
            call_id=call.call_id,
            tool=call.tool,
            ok=True,
            content=content,
            duration_ms=ms,
            source=call.tool,
            own=len(note) + 2 if note else None,
            artifacts=[*(output.played or ()), *(one.ref() for one in shown.kept)] or None,
            whole=evidence.whole(output.content) if shown.kept else None,
        )

    async def _shown(self, output: ToolOutput, call: Call, space: Room) -> Shown:
        if output.played is not None:
            return as_they_are(output, call.tool, space, self.secrets)
        try:
            if isinstance(output.content, str) and len(output.content) < _LONG:
                return self.show(output, call.tool, space, self.secrets)
            return await asyncio.to_thread(self.show, output, call.tool, space, self.secrets)
        except Exception as error:  # noqa: BLE001 - the call was made: that must reach the log
            return Shown(f"[the output cannot be shown: {type(error).__name__}]")

    async def _keep(self, found: Sequence[Kept], call: Call, state: State) -> None:
        if found:
            await self.artifacts.keep(call.call_id, state.step, found)
