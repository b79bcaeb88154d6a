"""Sessions: start, read, follow, steer, stop."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from ninja import Header, Query, Router
from ninja.responses import Status

from agents import inbox, roles, starting
from agents.doorbell import News, bell
from agents.exporting import request_body
from agents.lineage import log_of
from agents.models import Session
from oversight.api import shapes
from oversight.api.auth import AsyncBearer, caller
from oversight.api.shapes import REFUSALS, EventOut, SessionOut, StoppedOut

POLL = 0.2  # seconds between two looks at the log while the doorbell is silent

router = Router(tags=["sessions"])
ANSWERS: dict[Any, Any] = {200: SessionOut, **REFUSALS}
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200, pattern=r"^[\x21-\x7e]*$")]


@router.post("sessions", response={201: SessionOut, **REFUSALS})
def start_session(
    request: HttpRequest, body: shapes.NewSession, idempotency_key: Key = ""
) -> Status[SessionOut]:
    """Start an agent. With the same Idempotency-Key and body the same session is answered."""
    session = starting.start(
        caller(request), body.agent, body.task, limits=body.limits, key=idempotency_key
    )
    return Status(201, shapes.session(session))


@router.get("sessions", response={200: list[SessionOut], **REFUSALS})
def list_sessions(
    request: HttpRequest,
    status: shapes.Status | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[SessionOut]:
    """The newest first."""
    rows = visible(caller(request)).order_by("-id")
    return [shapes.session(row) for row in (rows.filter(status=status) if status else rows)[:limit]]


@router.get("sessions/{uuid:session_id}", response=ANSWERS)
def get_session(request: HttpRequest, session_id: UUID) -> SessionOut:
    return shapes.session(find(caller(request), session_id))


@router.get(
    "sessions/{uuid:session_id}/events",
    response={200: list[EventOut], **REFUSALS},
    auth=AsyncBearer(),
)
async def list_events(
    request: HttpRequest,
    session_id: UUID,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
    wait: Annotated[float, Query(ge=0, le=60, allow_inf_nan=False)] = 0,
) -> list[EventOut]:
    """The log after a seq. ``wait`` answers as soon as there is news, or empty after so long."""
    until = time.monotonic() + wait
    user = caller(request)
    events: list[EventOut] = await _events(user, session_id, after, limit)
    if not events and wait:
        await _news(session_id, after, until)
        events = await _events(user, session_id, after, limit)
    return events


@router.get(
    "sessions/{uuid:session_id}/events/{int:seq}/request",
    response={**REFUSALS},
    openapi_extra={
        "responses": {
            200: {"description": "The body", "content": {"application/json": {"schema": {}}}}
        }
    },
)
def get_request(request: HttpRequest, session_id: UUID, seq: int) -> HttpResponse:
    """The last request that the model had been sent at this event, byte for byte."""
    body = request_body(find(caller(request), session_id), seq)
    if body is None:
        raise inbox.Missing("The model had been sent nothing yet, or there is no such event.")
    return HttpResponse(body, content_type="application/json")


@router.post("sessions/{uuid:session_id}/pause", response=ANSWERS)
def pause_session(
    request: HttpRequest, session_id: UUID, body: shapes.Reason | None = None
) -> SessionOut:
    reason = body.reason if body else ""
    return shapes.session(inbox.pause(caller(request), session_id, reason))


@router.post("sessions/{uuid:session_id}/resume", response=ANSWERS)
def resume_session(
    request: HttpRequest, session_id: UUID, body: shapes.Answer | None = None
) -> SessionOut:
    """``answer`` to a session that asks: ``wrap_up`` in one last turn, or ``lift_block``. One that
    asks about its budget wraps up in any case; extend its limits to let it go on."""
    user, wish = caller(request), body or shapes.Answer()
    match wish.answer:
        case "wrap_up":
            return shapes.session(inbox.wrap_up(user, session_id, wish.reason))
        case "lift_block":
            return shapes.session(inbox.lift_block(user, session_id, wish.reason))
    return shapes.session(inbox.resume(user, session_id, reason=wish.reason))


@router.post("sessions/{uuid:session_id}/stop", response=ANSWERS)
def stop_session(
    request: HttpRequest, session_id: UUID, body: shapes.Stop | None = None
) -> SessionOut:
    """``kill`` takes the session from its worker at once; what was in flight is reviewed."""
    wish = body or shapes.Stop()
    return shapes.session(
        inbox.stop(caller(request), session_id, kill=wish.kill, reason=wish.reason)
    )


@router.post("sessions/{uuid:session_id}/message", response=ANSWERS)
def send_message(request: HttpRequest, session_id: UUID, body: shapes.Text) -> SessionOut:
    return shapes.session(inbox.steer(caller(request), session_id, body.text))


@router.post("sessions/{uuid:session_id}/limits", response=ANSWERS)
def change_limits(request: HttpRequest, session_id: UUID, body: shapes.Limits) -> SessionOut:
    """Extend or lower budgets; the record says who, from what, to what and why."""
    user = caller(request)
    return shapes.session(inbox.change_limits(user, session_id, body.limits, body.reason))


@router.post("stop-all", response={200: StoppedOut, **REFUSALS})
def stop_all(request: HttpRequest, body: shapes.Reason | None = None) -> StoppedOut:
    """Stop every session that the caller may steer."""
    return StoppedOut(stopped=inbox.stop_all(caller(request), body.reason if body else ""))


def visible(user: User) -> Any:
    """The sessions that ``user`` may see, if there can be any."""
    if not roles.can(user, "view"):
        raise inbox.NotAllowed("You have no role here; ask an administrator for one.")
    return roles.visible_sessions(user).select_related("started_by")


def find(user: User, session_id: UUID) -> Session:
    session: Session | None = visible(user).filter(uuid=session_id).first()
    if session is None:
        raise inbox.Missing("There is no such session.")
    return session


@database_sync_to_async  # type: ignore[untyped-decorator]  # channels is untyped
def _events(user: User, session_id: UUID, after: int, limit: int) -> list[EventOut]:
    # Rights are looked at on every read: they may end while the caller waits.
    session = find(user, session_id)
    rows = log_of(session).filter(seq__gt=after)[:limit]
    return [shapes.event(row) for row in rows]


async def _news(session_id: UUID, after: int, until: float) -> None:
    """Return when the log has moved past ``after``, or at ``until``."""
    rung, loop = asyncio.Event(), asyncio.get_running_loop()

    def heard(news: News) -> None:
        loop.call_soon_threadsafe(rung.set)

    silence = bell.listen(heard)
    try:
        while time.monotonic() < until and not await _moved(session_id, after):
            rung.clear()
            await _ring(rung, min(POLL, until - time.monotonic()))
    finally:
        silence()


async def _ring(rung: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(seconds, 0)):
            await rung.wait()
    except TimeoutError:
        return


@database_sync_to_async  # type: ignore[untyped-decorator]  # channels is untyped
def _moved(session_id: UUID, after: int) -> bool:
    return Session.objects.filter(uuid=session_id, last_seq__gt=after).exists()
