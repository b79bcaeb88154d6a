"""What may keep any session from its next turn or call: one look at the rows that all share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Concat
from purgatory.domain.model import CLOSED

from agents.models import Breaker, Cap, Provider
from agents.threads import DatabaseThreads

threads = DatabaseThreads(1, "hindrances")

_BREAKER, _ENDPOINT, _CAP = "breaker", "endpoint", "cap"


@dataclass(frozen=True, slots=True)
class Hindrances:
    """Names only: whoever is named here is looked at again, under its lock."""

    found: frozenset[tuple[str, str]] = frozenset()

    def breakers(self, *names: str) -> bool:
        """Whether any of these is not closed."""
        return any((_BREAKER, name) in self.found for name in names)

    def endpoint(self, key: str, model: str) -> bool:
        """Whether this endpoint is held or blocked, or has been, for all models or for this one."""
        return any((_ENDPOINT, f"{key} {name}") in self.found for name in ("", model))

    @property
    def cap(self) -> bool:
        """Whether there is a cap of a day."""
        return (_CAP, Cap.DAY) in self.found


def read() -> Hindrances:
    """What hinders at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(*_statement(connection.vendor))
        return Hindrances(frozenset((kind, name) for kind, name in cursor.fetchall()))


@cache
def _statement(vendor: str) -> tuple[str, tuple[str, ...]]:
    """Compiled once: every turn and call asks, and the ORM takes ten times as long as the rows."""
    shut = _named(_BREAKER, Breaker.objects.exclude(state=CLOSED), F("name"))
    clean = Q(blocked_at=None, not_before=None, strikes=0)
    place = Concat("key", Value(" "), "model", output_field=CharField())
    troubled = _named(_ENDPOINT, Provider.objects.exclude(clean), place)
    caps = _named(_CAP, Cap.objects.exclude(usd=None, tokens=None), F("name"))
    statement, parameters = shut.union(troubled, caps, all=True).query.sql_with_params()
    return statement, parameters


def _named(kind: str, rows: QuerySet[Any], name: F | Concat) -> QuerySet[Any, Any]:
    named = rows.order_by().annotate(hindrance=Value(kind, CharField()), named=name)
    pairs: QuerySet[Any, Any] = named.values_list("hindrance", "named")
    return pairs


@dataclass
class _Lookout:
    """One look for all who ask at the same time. Each is answered by one that began after it
    asked, so no answer is older than its question."""

    loop: asyncio.AbstractEventLoop | None = None
    now: asyncio.Task[Hindrances] | None = None
    next: asyncio.Task[Hindrances] | None = None

    async def ask(self) -> Hindrances:
        loop = asyncio.get_running_loop()
        if self.loop is not loop:
            self.loop, self.now, self.next = loop, None, None
        if self.next is None:
            self.next = loop.create_task(self._look(self.now))
        return await asyncio.shield(self.next)

    async def _look(self, before: asyncio.Task[Hindrances] | None) -> Hindrances:
        if before and not before.done():
            await asyncio.wait([before])
        self.now, self.next = self.next, None
        return await threads.run(read)


_lookout = _Lookout()


async def look() -> Hindrances:
    """What hinders now, shared with everybody who asks at the same time."""
    return await _lookout.ask()
