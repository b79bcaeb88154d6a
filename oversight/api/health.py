"""Whether the parts are up, and how old the signs of life are. Open to everyone: no secrets."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import Error, connection
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from django.http import HttpRequest
from ninja import Router, Schema
from ninja.responses import Status

from agents.models import Breaker, Provider, Session, Worker

PATIENCE = 2.0  # seconds that a part may take to answer

router = Router(tags=["health"])


class Part(Schema):
    ok: bool
    ms: float | None = None


class Workers(Schema):
    ok: bool
    alive: int
    age: float | None = None  # seconds since the last of them was seen


class Leases(Schema):
    ok: bool
    held: int
    age: float | None = None  # seconds since the most neglected one was renewed


class Endpoints(Schema):
    ok: bool
    blocked: int  # model endpoints that wait for a person
    held: int  # model endpoints whose limit was reached
    open_breakers: int


class Health(Schema):
    status: str  # ok, degraded or down
    database: Part
    layer: Part
    worker: Workers
    lease: Leases
    endpoint: Endpoints


@router.get("health", response={200: Health, 503: Health}, auth=None)
async def health(request: HttpRequest) -> Status[Health]:
    """503 when the database is down; degraded when no worker is alive or a part is unwell."""
    database, layer = await asyncio.gather(_timed(_ask_database), _timed(_ask_layer))
    worker, lease, endpoint = await _signs_of_life() if database.ok else _UNKNOWN
    well = layer.ok and worker.ok and lease.ok and endpoint.ok
    status = "down" if not database.ok else "ok" if well else "degraded"
    state = Health(
        status=status, database=database, layer=layer, worker=worker, lease=lease, endpoint=endpoint
    )
    return Status(200 if database.ok else 503, state)


_UNKNOWN = (
    Workers(ok=False, alive=0),
    Leases(ok=False, held=0),
    Endpoints(ok=False, blocked=0, held=0, open_breakers=0),
)


async def _timed(ask: Any) -> Part:
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE):
            await ask()
    except Exception:  # noqa: BLE001 - whatever it is, the part does not answer
        return Part(ok=False)
    return Part(ok=True, ms=round((time.perf_counter() - begun) * 1000, 1))


@database_sync_to_async  # type: ignore[untyped-decorator]  # channels is untyped
def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM agents_catalogue")
        cursor.fetchone()


async def _ask_layer() -> None:
    await get_channel_layer().group_send("health", {"type": "health"})


async def _signs_of_life() -> tuple[Workers, Leases, Endpoints]:
    try:
        found: tuple[Workers, Leases, Endpoints] = await _ages()
    except Error:
        return _UNKNOWN
    return found


@database_sync_to_async  # type: ignore[untyped-decorator]  # channels is untyped
def _ages() -> tuple[Workers, Leases, Endpoints]:
    limit = settings.OVERSIGHT_LEASE_SECONDS
    # The database's clock wrote these times; ours may differ.
    ages = [_seconds(age) for age in _since("seen_at", Worker.objects.all())]
    held = Session.objects.exclude(lease_owner="").exclude(lease_until=None)
    renewed = [_seconds(age) + limit for age in _since("lease_until", held)]
    alive = sum(age <= limit for age in ages)
    oldest = max(renewed, default=None)
    return (
        Workers(ok=alive > 0, alive=alive, age=min(ages, default=None)),
        Leases(ok=oldest is None or oldest <= 2 * limit, held=len(renewed), age=oldest),
        _endpoints(),
    )


def _endpoints() -> Endpoints:
    blocked = Provider.objects.exclude(blocked_at=None).count()
    held = Provider.objects.filter(not_before__gt=Now()).count()
    shut = Breaker.objects.exclude(state=Breaker.State.CLOSED).count()
    return Endpoints(ok=not blocked, blocked=blocked, held=held, open_breakers=shut)


def _since(field: str, rows: Any) -> list[timedelta]:
    age = ExpressionWrapper(Now() - F(field), output_field=DurationField())
    return list(rows.annotate(since=age).values_list("since", flat=True))


def _seconds(age: timedelta) -> float:
    return round(age.total_seconds(), 1)
