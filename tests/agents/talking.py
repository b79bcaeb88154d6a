"""The real worker and the real SDK at an endpoint process, and what a test asks about both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from agents.journal import read
from agents.llm.anthropic import AnthropicModel
from agents.models import Session
from agents.supervisor import Supervisor
from tests.agents.working import QUICK, begin, db, until, worker
from tests.endpoint.fixtures import Talk

Fact = TypeVar("Fact")

STILL = (*Session.ENDED, "waiting_input", "waiting_approval", "outcome_review")
READ: dict[str, Any] = {"tools": [{"name": "read_file", "input": {"path": "orders.csv"}}]}


def status(code: int, **more: Any) -> dict[str, Any]:
    """A reply that is an HTTP error."""
    return {"fault": "status", "status": code, **more}


@asynccontextmanager
async def working(talk: Talk) -> AsyncIterator[Supervisor]:
    async with worker(AnthropicModel("sk-ant-a-key-of-the-tests", talk.url)) as running:
        yield running


async def play(
    talk: Talk, *replies: Any, task: str = "Do it.", settings: Any = None, **fields: Any
) -> Session:
    """A session at rest that was answered with ``replies``."""
    said(talk, *replies)
    fields["settings"] = {**QUICK, **(settings or {})}
    async with working(talk):
        return await until(await begin(task, **fields), *STILL)


def said(talk: Talk, *replies: Any) -> None:
    """Whatever the client has said, the next answers are these."""
    talk.script({"*": {"replies": list(replies), "shared": True, "in_order": True}})


async def facts(session: Session, kind: type[Fact]) -> list[Fact]:
    """The session's facts of one kind, oldest first."""
    records = await db(lambda: list(_all(session)))
    return [record.fact for record in records if isinstance(record.fact, kind)]


def _all(session: Session) -> list[Any]:
    found: list[Any] = []
    while more := read(session.pk, len(found)):
        found += more
    return found


def shown(body: Mapping[str, Any]) -> str:
    """All text that a request shows the model beside its system."""
    return str(body["messages"])


def tail(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The blocks of a request's last message."""
    blocks: Sequence[Mapping[str, Any]] = body["messages"][-1]["content"]
    return blocks


def results(body: Mapping[str, Any]) -> list[str]:
    """The ids of the results that the last message begins with."""
    return [block["tool_use_id"] for block in tail(body) if block["type"] == "tool_result"]
