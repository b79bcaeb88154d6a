"""One attempt of a call: the tool as it is now, and what came of it within its time."""

from __future__ import annotations

import asyncio

from agents.core import retry
from agents.core.risk import Effect
from agents.core.state import Call
from agents.core.tools import (
    Toolbox,
    ToolContext,
    ToolDefinition,
    ToolError,
    ToolOutput,
    ToolTimeout,
    Unavailable,
)


async def definition(toolbox: Toolbox, call: Call, session: str) -> ToolDefinition | None:
    """The tool as it is defined now. One that cannot be asked is as it was: calling it will
    tell."""
    try:
        return await toolbox.current(call.tool, session)
    except ToolError:
        return _known(toolbox, call)


def server(toolbox: Toolbox, call: Call) -> str:
    """The server that the tool is from; empty for our own."""
    known = _known(toolbox, call)
    return known.server if known else ""


def _known(toolbox: Toolbox, call: Call) -> ToolDefinition | None:
    return next((d for d in toolbox.definitions() if d.name == call.tool), None)


async def made(toolbox: Toolbox, call: Call, context: ToolContext) -> ToolOutput | ToolError:
    """``run``; what may have happened although it failed is looked up, where it can be. That it is
    not there proves nothing: the attempt may still be on its way."""
    outcome = await run(toolbox, call, context)
    in_doubt = isinstance(outcome, ToolError) and retry.ambiguous(outcome, call.effect)
    if call.effect is not Effect.PROBED or not in_doubt:
        return outcome
    found = await probe(toolbox, call, context)
    return found if isinstance(found, ToolOutput) else outcome


async def run(toolbox: Toolbox, call: Call, context: ToolContext) -> ToolOutput | ToolError:
    """Whatever goes wrong is a ``ToolError``."""
    try:
        async with asyncio.timeout(retry.time_allowed(call.timeout, call.first_attempt)):
            return await toolbox.call(call.tool, call.arguments, context)
    except ToolError as error:
        return error
    except TimeoutError:
        return ToolTimeout(f"no answer within {call.timeout:g} s")
    except OSError as error:
        return Unavailable(f"{type(error).__name__}: {error}"[:500])
    except Exception as error:  # noqa: BLE001 - a bug in a tool must not end the session
        return ToolError(f"{type(error).__name__}: {error}"[:500])


async def probe(
    toolbox: Toolbox, call: Call, context: ToolContext
) -> ToolOutput | ToolError | None:
    """What an earlier attempt did; None if it provably did nothing."""
    try:
        async with asyncio.timeout(call.timeout):
            return await toolbox.probe(call.tool, call.arguments, context)
    except (ToolError, TimeoutError, OSError) as error:
        return Unavailable(f"the earlier attempt could not be checked: {error}"[:500])
