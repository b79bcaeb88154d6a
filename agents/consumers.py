"""The Channels consumer under which sessions are run, on the channel ``agents``."""

from __future__ import annotations

from typing import Any

from channels.consumer import AsyncConsumer
from channels.routing import ChannelNameRouter

from agents import supervisor
from agents.doorbell import AGENTS


class AgentsConsumer(AsyncConsumer):
    """One instance serves the whole channel and handles one message at a time, so a handler only
    wakes the supervisor. The message may be lost: the request is the session's row."""

    async def wake(self, message: dict[str, Any]) -> None:
        if running := supervisor.current():
            running.wake()


application = ChannelNameRouter({AGENTS: AgentsConsumer.as_asgi()})
