"""What a session is given to work with: tools, a gate, a folder, prices, breakers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from django.conf import settings

from agents import hindrances, spending
from agents.artifacts import SessionArtifacts
from agents.beginning import pinned, servers_of_now
from agents.breakers import SharedBreakers
from agents.catalogue import CatalogueCopy
from agents.core import events
from agents.core.budget import Price
from agents.core.hands import SessionHands
from agents.core.model import Model
from agents.core.outputs import Outputs
from agents.core.state import State
from agents.forking import results_of
from agents.gatekeeper import SessionGate
from agents.models import ModelPrice
from agents.session_log import SessionLog, in_thread
from agents.toolbox.box import open_box
from agents.toolbox.config import SHORTEST_SECRET, ServerConfig
from agents.toolbox.mcp import Servers
from agents.toolbox.record import RecordedBox
from agents.toolbox.showing import show


async def hands_of(
    session_log: SessionLog, state: State, model: Model, servers: Servers, catalogue: CatalogueCopy
) -> SessionHands:
    """The hands that drive this session in this process."""
    configs = await in_thread(servers_of_now)
    await servers.update(configs)
    secrets = _secrets(configs)
    patterns = [tool["name"] for tool in state.started.tools] if state.started else []
    box = await open_box(patterns, servers, session_id=session_log.uuid, pinned=pinned(state))
    recorded = await in_thread(lambda: results_of(session_log.session, state))
    if recorded is not None:
        box = RecordedBox(box, recorded)
    return SessionHands(
        session=session_log.uuid,
        log=session_log,
        model=model,
        toolbox=box,
        gate=SessionGate(session_log.uuid, box, catalogue, plays=recorded is not None),
        workspace=workspace(session_log.uuid),
        data=Path(settings.OVERSIGHT_DATA),
        secrets=secrets,
        prices=await in_thread(_prices),
        outputs=Outputs(SessionArtifacts(session_log.session), show, secrets),
        cap=_cap,
        breakers=SharedBreakers(),
    )


def workspace(session: str | UUID) -> Path:
    """The session's own folder."""
    return Path(settings.OVERSIGHT_DATA) / "workspaces" / str(session)


def _secrets(servers: Iterable[ServerConfig]) -> tuple[str, ...]:
    own = (settings.ANTHROPIC_API_KEY, settings.SECRET_KEY)
    theirs = (secret for server in servers for secret in server.secrets)
    return tuple(secret for secret in (*own, *theirs) if len(secret) >= SHORTEST_SECRET)


async def _cap(state: State) -> events.BudgetReached | None:
    if not (await hindrances.look()).cap:
        return None
    return await in_thread(lambda: spending.reached(state))


def _prices() -> dict[str, Price]:
    return {row.model: row.price() for row in ModelPrice.objects.all()}
