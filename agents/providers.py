"""One limiter per model endpoint, shared by all sessions and workers.

A rate limit that one session meets holds all of them back until it is over; then they come back
one after the other. What only a person can mend (a refused key, an unpaid bill) blocks the
endpoint until one does. The breaker of an overloaded model lives in ``breakers``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from agents import alerts, breakers, hindrances
from agents.core import events, retry
from agents.core.breaker import TemporarilyUnavailable
from agents.core.model import Model, ModelFailure, OnDelta, Request, Turn
from agents.journal import Append, Entry, entry, journal
from agents.models import Provider, Session

log = structlog.get_logger(__name__)

PUBLIC = "https://api.anthropic.com"
RATE = 10.0  # sessions a second that come back after a hold
LONGEST_GUESS = 30.0  # seconds that a limit without retry-after is believed to last
BLOCKS = frozenset({"authentication", "billing", "permission"})
LIMITS = frozenset({"rate_limited", "overloaded"})
ASKS = "provider"  # the question of a session whose model's endpoint a person must mend
MODEL = "model"  # what a session waits for that waits for its model's endpoint


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Which endpoint this process asks, and with which key, without saying either."""

    key: str
    host: str

    @classmethod
    def of(cls, api_key: str, base_url: str) -> Endpoint:
        address = base_url or PUBLIC
        parts = urlsplit(address)
        host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
        digest = salted_hmac("agents.providers", f"{address}\n{api_key}", algorithm="sha256")
        return cls(digest.hexdigest(), host[:200])

    def breaker(self, model: str) -> str:
        return f"model:{self.host}/{model}"[:250]


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may be sent. ``clears``: its success says that trouble is over."""

    tokens: dict[str, str]
    clears: bool = False


def admit(endpoint: Endpoint, request: Request) -> Admission:
    """Whether a request may be sent now. Raises ``ModelFailure`` that is ``held``."""
    rows = list(_rows(endpoint, request.model).annotate(now=Now()))
    for row in rows:
        if row.blocked_at and not request.urgent:
            raise _held(row.error_class, row.reason, retry.LONGEST_PARK)
        if row.not_before and row.not_before > row.now and not request.urgent:
            raise _held(row.error_class, row.reason, _ticket(row.pk))
    try:
        tokens = breakers.admit([endpoint.breaker(request.model)])
    except TemporarilyUnavailable as shut:
        wait = (shut.retry_after or 0.0) + random.random() * RATE  # noqa: S311 - jitter, no secret
        raise _held("overloaded", f"The model is overloaded: {shut}", wait) from None
    troubled = any(row.strikes or row.blocked_at for row in rows)
    return Admission(tokens, clears=troubled)


def learn(endpoint: Endpoint, model: str, failure: ModelFailure, tokens: dict[str, str]) -> None:
    """Tell everybody what this failure means for them. The failure's own wait is spread, too."""
    name = endpoint.breaker(model)
    overloaded = failure.error_class == "overloaded"
    # A probe that failed otherwise for a while has not shown the model to be well again.
    against = overloaded or (tokens and failure.transient)
    breakers.settle([name], tokens, failure if against else "an answer")
    if failure.error_class in BLOCKS:
        _block(endpoint, model if failure.error_class == "permission" else "", failure)
    elif failure.error_class == "rate_limited" or (overloaded and failure.retry_after):
        failure.retry_after = _hold(endpoint, failure)


def succeeded(endpoint: Endpoint, request: Request, admission: Admission) -> None:
    """An answer came: limits that were met in a row are forgotten, and what a person had tried
    although it was held is free for all."""
    if admission.tokens:
        breakers.settle([endpoint.breaker(request.model)], admission.tokens, "an answer")
    if not admission.clears:
        return
    if request.urgent:
        clear(endpoint.key, by="Oversight")
    else:
        _rows(endpoint, request.model).filter(blocked_at=None, not_before__lte=Now()).update(
            strikes=0, not_before=None, reason=""
        )


def clear(key: str, by: str, actor: str = "runtime") -> int:
    """Lift holds and blocks of this endpoint; how many sessions go on because of it."""
    with transaction.atomic():
        Provider.objects.filter(key=key).update(
            not_before=None, blocked_at=None, strikes=0, tickets=0, reason="", error_class=""
        )
        log.info("provider_cleared", by=by)
        waiting = _waiting().filter(status=Session.Status.QUEUED)
        released = _spread(waiting)
    asks = Session.objects.filter(status=Session.Status.WAITING_INPUT, question=ASKS)
    asked = list(asks.values_list("pk", flat=True))
    for session in asked:
        journal.submit(Append(session, guard=lambda row: _go_on(row, by, actor)))
    return released + len(asked)


def release_if_open(endpoint: Endpoint) -> None:
    """When a worker starts, the key or the address may be another: nobody waits for the old one."""
    blocked = Provider.objects.filter(key=endpoint.key).exclude(blocked_at=None)
    if not blocked.exists() and Provider.objects.exclude(blocked_at=None).exists():
        _spread(_waiting().filter(status=Session.Status.QUEUED))


def _go_on(row: Session, by: str, actor: str) -> list[Entry]:
    if row.stopping or row.question != ASKS or row.status != Session.Status.WAITING_INPUT:
        return []  # it may ask something else by now, of which this would be no answer
    return [entry(events.Resumed(by, "The model's endpoint was set free."), actor)]


def _waiting() -> QuerySet[Session]:
    return Session.objects.filter(waits_for=MODEL)


def _spread(waiting: QuerySet[Session]) -> int:
    """Let these sessions come back one after the other."""
    found = list(waiting.order_by("pk").values_list("pk", flat=True))
    batch = int(RATE)
    for second, start in enumerate(range(0, len(found), batch)):
        due = Now() + timedelta(seconds=second)
        waiting.filter(pk__in=found[start : start + batch]).update(resume_at=due)
    return len(found)


def _rows(endpoint: Endpoint, model: str) -> QuerySet[Provider]:
    return Provider.objects.filter(key=endpoint.key, model__in=("", model))


def _locked(endpoint: Endpoint, model: str = "") -> tuple[Provider, datetime]:
    """The row, locked, and the database's time."""
    Provider.objects.get_or_create(key=endpoint.key, model=model, defaults={"host": endpoint.host})
    rows = Provider.objects.select_for_update().annotate(now=Now())
    row = rows.get(key=endpoint.key, model=model)
    return row, row.now


def _hold(endpoint: Endpoint, failure: ModelFailure) -> float:
    """Hold everybody back; seconds until the session that met the limit may come again."""
    with transaction.atomic():
        row, now = _locked(endpoint)
        seconds = failure.retry_after
        if seconds is None:
            seconds = min(2.0 ** min(row.strikes, 10), LONGEST_GUESS)
        until = now + timedelta(seconds=min(seconds, retry.LONGEST_PARK))
        if row.not_before is None or row.not_before <= now:
            row.tickets = 0
            row.strikes += 1
        row.not_before = max(until, row.not_before or until)
        row.error_class, row.reason = failure.error_class, failure.message[:500]
        row.save()
        log.warning("provider_held", host=row.host, seconds=round(seconds, 1))
        return _ticket(row.pk)


def _ticket(pk: int) -> float:
    """Seconds until the holder of the next ticket may come back: the hold's end, and its turn."""
    with transaction.atomic():
        Provider.objects.filter(pk=pk).update(tickets=F("tickets") + 1)
        row = Provider.objects.annotate(now=Now()).get(pk=pk)
    if row.not_before is None:
        return 0.0
    turn = (row.tickets - 1 + random.random()) / RATE  # noqa: S311 - jitter, no secret
    return max((row.not_before - row.now).total_seconds(), 0.0) + turn


def _block(endpoint: Endpoint, model: str, failure: ModelFailure) -> None:
    with transaction.atomic():
        row, now = _locked(endpoint, model)
        if row.blocked_at is None:
            row.blocked_at = now
            about = endpoint.breaker(model or "*"), events.timestamp(now), failure.message
            alerts.raise_alert(alerts.breaker_opened(*about))
        row.error_class, row.reason = failure.error_class, failure.message[:500]
        row.save()
    log.error("provider_blocked", host=endpoint.host, model=model, reason=failure.message)


def _held(error_class: str, message: str, seconds: float) -> ModelFailure:
    failure = ModelFailure(error_class, message, transient=True, retry_after=seconds)
    failure.held = True
    return failure


@dataclass(frozen=True, slots=True)
class LimitedModel:
    """A model whose endpoint is asked only while everybody may."""

    model: Model
    endpoint: Endpoint

    async def turn(self, request: Request, on_delta: OnDelta) -> Turn:
        """As the model's own; raises a ``held`` failure where nothing was asked."""
        endpoint = self.endpoint
        admission = await self._admission(request)
        told: object = None  # what the breaker learns: nothing, if this is cancelled
        try:
            answer = await self.model.turn(request, on_delta)
            told = "an answer"
        except ModelFailure as failure:
            told, failed = failure, failure
            await breakers.threads.run(
                lambda: learn(endpoint, request.model, failed, admission.tokens)
            )
            raise
        finally:
            if told is None and admission.tokens:
                name = endpoint.breaker(request.model)
                await breakers.threads.run(lambda: breakers.settle([name], admission.tokens, None))
        if admission.tokens or admission.clears:
            await breakers.threads.run(lambda: succeeded(endpoint, request, admission))
        return answer

    async def _admission(self, request: Request) -> Admission:
        endpoint, found = self.endpoint, await hindrances.look()
        troubled = found.endpoint(endpoint.key, request.model)
        if not troubled and not found.breakers(endpoint.breaker(request.model)):
            return Admission({})
        return await breakers.threads.run(lambda: admit(endpoint, request))

    async def window(self, model: str) -> int | None:
        """As the model's own."""
        return await self.model.window(model)
