"""Circuit breakers that all workers share through the database.

The state machine is purgatory's. This module keeps its contexts in rows: it moves one only while
it holds the row's lock, counts failures of the last minute instead of failures in a row, and lets
exactly one worker try a breaker that is half open. Every opening and closing is a
``BreakerChange``, written in the same transaction in which ``changed`` is sent.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from django.db import transaction
from django.dispatch import Signal
from purgatory import SyncAbstractUnitOfWork, SyncCircuitBreakerFactory
from purgatory.domain.model import CLOSED, HALF_OPENED, OPENED, Context, OpenedState
from purgatory.service._sync.repository import SyncAbstractRepository
from purgatory.typing import StateName

from agents import alerts, hindrances
from agents.core.breaker import TemporarilyUnavailable, Trial, counts
from agents.core.tools import ToolError, ToolOutput
from agents.models import Breaker, BreakerChange
from agents.threads import DatabaseThreads

log = structlog.get_logger(__name__)

WINDOW = 60.0  # seconds in which failures are counted
OPEN = 60.0  # seconds that an open breaker is left alone
PROBE = 240.0  # seconds after which a probe that nobody ended is given up
WHILE_PROBED = 5.0  # seconds after which to look again while another tries
THRESHOLDS = {"tool": 5, "server": 5, "model": 10}

threads = DatabaseThreads(2, "endpoints")  # for what is shared of all endpoints

_STATES: dict[str, StateName] = {name: name for name in (CLOSED, OPENED, HALF_OPENED)}

# Sent with ``change`` (a ``BreakerChange``) inside the transaction that wrote it.
changed = Signal()


class _Rows(SyncAbstractRepository):
    """Purgatory's contexts, in rows that the current transaction holds locked."""

    def __init__(self) -> None:
        self.messages = []

    def get(self, name: str) -> Context | None:
        row = _locked(name)
        context = Context(name, _threshold(name), OPEN, _STATES[row.state], len(_recent(row)))
        if row.state == OPENED:
            context._state.opened_at = row.opened_at
        return context

    def register(self, context: Context) -> None:
        _locked(context.name)

    def update_state(self, name: str, state: str, opened_at: float | None) -> None:
        row = _locked(name)
        before, row.state = row.state, Breaker.State(state)
        if state == OPENED:
            row.opened_at = opened_at
        if state == CLOSED:
            row.failures, row.opened_at, row.probe = [], None, ""
        row.save()
        if state != HALF_OPENED and not (before == HALF_OPENED and state == OPENED):
            _record(row)

    def inc_failures(self, name: str, failure_count: int) -> None:
        row = _locked(name)
        row.failures = [*_recent(row), time.time()]
        row.save(update_fields=["failures"])

    def reset_failure(self, name: str) -> None:
        """A success among failures takes none of them back: the window forgets by itself."""


class _Transaction(SyncAbstractUnitOfWork):
    """The caller's transaction is the unit of work."""

    def __init__(self) -> None:
        self.contexts = _Rows()

    def commit(self) -> None: ...

    def rollback(self) -> None: ...


def admit(names: Sequence[str]) -> dict[str, str]:
    """Let a call through all of these breakers; the tokens of those that it tries.

    Raises ``TemporarilyUnavailable``.
    """
    if not Breaker.objects.filter(name__in=names).exclude(state=CLOSED).exists():
        return {}
    with transaction.atomic():
        tokens = {name: _admit(name) for name in sorted(names)}
    return {name: token for name, token in tokens.items() if token}


def settle(names: Sequence[str], tokens: dict[str, str], outcome: object) -> None:
    """What came of a call that was let through; None if that is not known."""
    against = {name for name in names if _against(name, outcome, name in tokens)}
    if not against and not tokens:
        return
    with transaction.atomic():
        for name in sorted(against | tokens.keys()):
            failure = outcome if name in against else None
            _settle(name, tokens.get(name, ""), failure, known=outcome is not None)


def _admit(name: str) -> str:
    """The token of a call that tries a breaker, empty if the breaker is closed."""
    breaker = _factory().get_breaker(name)
    row = _locked(name)
    if row.state == HALF_OPENED and row.probe_until > time.time():
        raise _shut(row, WHILE_PROBED)
    try:
        breaker.__enter__()
    except OpenedState as opened:
        raise _shut(row, opened.opened_at + OPEN - time.time()) from None
    _flush(breaker.context)
    if breaker.context.state == CLOSED:
        return ""
    token = uuid.uuid4().hex
    Breaker.objects.filter(name=name).update(probe=token, probe_until=time.time() + PROBE)
    return token


def _settle(name: str, token: str, failure: object, *, known: bool) -> None:
    row = _locked(name)
    if row.state == HALF_OPENED and row.probe != token:
        return  # whoever tries it decides
    if row.state == HALF_OPENED and not known:
        # Nobody learned anything: the next call may try at once.
        Breaker.objects.filter(pk=row.pk).update(state=OPENED, probe="", probe_until=0.0)
        return
    if not isinstance(failure, Exception):
        _factory().get_breaker(name).__exit__(None, None, None)
        return
    Breaker.objects.filter(pk=row.pk).update(reason=f"{failure}"[:300])
    _factory().get_breaker(name).__exit__(type(failure), failure, None)


def _factory() -> SyncCircuitBreakerFactory:
    return SyncCircuitBreakerFactory(uow=_Transaction())


def _flush(context: Context) -> None:
    """Store what a request changed; purgatory itself does so at the request's end only."""
    bus = _factory()
    while context.messages:
        bus.messagebus.handle(context.messages.pop(0), bus.uow)


def _against(name: str, outcome: object, probing: bool) -> bool:
    if _kind(name) == "model":
        return isinstance(outcome, Exception)
    return counts(outcome, server=_kind(name) == "server" and not probing)


def _locked(name: str) -> Breaker:
    rows = Breaker.objects.select_for_update()
    return rows.filter(name=name).first() or rows.get_or_create(name=name)[0]


def _recent(row: Breaker) -> list[float]:
    return [at for at in row.failures if at > time.time() - WINDOW]


def _threshold(name: str) -> int:
    return THRESHOLDS[_kind(name)]


def _kind(name: str) -> str:
    return name.partition(":")[0]


def _shut(row: Breaker, seconds: float) -> TemporarilyUnavailable:
    what = row.name.partition(":")[2]
    text = f"{what} failed {_threshold(row.name)} times in a minute, last with: {row.reason}"
    return TemporarilyUnavailable(text[:400], retry_after=max(seconds, 1.0))


def _record(row: Breaker) -> None:
    change = BreakerChange.objects.create(breaker=row, state=row.state, reason=row.reason)
    changed.send(Breaker, change=change)
    if row.state == OPENED:
        alerts.raise_alert(alerts.breaker_opened(row.name, str(change.pk), row.reason))
    name, state = row.name, str(row.state)
    transaction.on_commit(lambda: log.warning("breaker_changed", breaker=name, state=state))


# For the loop


@dataclass(frozen=True, slots=True)
class _Trial:
    names: tuple[str, ...]
    tokens: dict[str, str] = field(default_factory=dict)

    async def ended(self, outcome: ToolOutput | ToolError | None) -> None:
        if self.tokens or isinstance(outcome, ToolError):
            await threads.run(lambda: settle(self.names, self.tokens, outcome))


class SharedBreakers:
    """The breakers of a tool and of the MCP server that it comes from."""

    async def enter(self, tool: str, server: str) -> Trial:
        names = (f"tool:{tool}", *([f"server:{server}"] if server else []))
        if not (await hindrances.look()).breakers(*names):
            return _Trial(names)
        return _Trial(names, await threads.run(lambda: admit(names)))
