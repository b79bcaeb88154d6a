"""A session that wants to post, and what a test asks about it."""

from __future__ import annotations

import asyncio
from typing import Any

from django.contrib.auth.models import User

from agents import inbox
from agents.core.tools import ToolContext, ToolOutput
from agents.models import Approval, Session
from agents.testing import Hold, ScriptedModel, calls, says
from agents.toolbox.box import Box
from tests.agents.working import begin, db, kinds

POST = calls(("c1", "post_tweet", {"text": "We are open."}))
READ = calls(("c1", "read_file", {"path": "orders.csv"}))


def posting() -> ScriptedModel:
    return ScriptedModel([POST, says("Posted.")])


async def ask(task: str = "Post it.", **fields: Any) -> Session:
    return await begin(task, tools=["post_tweet", "read_file"], **fields)


async def approval_of(session: Session) -> Approval:
    return await db(Approval.objects.select_related("session").get, session=session)


async def approve(user: User, session: Session) -> Approval:
    held = await approval_of(session)
    return await db(inbox.approve, user, held.uuid, held.digest)


async def effects(session: Session) -> int:
    return (await kinds(session)).count("tool_started")


class HeldBox:
    """Stands in for ``Box.call``: keeps every call waiting, and counts what was done."""

    def __init__(self) -> None:
        self.hold = Hold()
        self.keys: list[str] = []
        self.deaf = False  # goes on although it was cancelled, as a request on the wire does

    async def call(self, name: str, arguments: Any, context: ToolContext) -> ToolOutput:
        self.keys.append(context.idempotency_key)
        self.hold.entered.set()
        waiting = asyncio.ensure_future(self.hold.go.wait())
        while not waiting.done():
            try:
                await asyncio.shield(waiting)
            except asyncio.CancelledError:
                if not self.deaf:
                    waiting.cancel()
                    raise
        return ToolOutput("done")

    def into(self, box: type[Box]) -> Any:
        async def call(own: Box, name: str, arguments: Any, context: ToolContext) -> ToolOutput:
            return await self.call(name, arguments, context)

        return call
