"""What is live on the wall and in the inbox: items that are replaced, each rendered once.

A socket is a version number over the board: it is sent the latest of whatever changed since, so
a slow one skips renderings and never falls behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import structlog
from django.db.models import Q
from django.utils import timezone

from agents.doorbell import News, bell
from agents.models import Approval, Outcome, Session
from agents.roles import Rights
from oversight import queries, tiles, wording
from oversight.partials import render
from oversight.reading import in_pool

log = structlog.get_logger("oversight.feed")

POLL = 1.0  # seconds: what a lost doorbell may cost
PACE = 0.25  # seconds between two looks
KEPT = 300  # items of a kind
LATELY = timedelta(minutes=10)  # how long the wall keeps an eye on what has ended

Key: TypeAlias = tuple[str, int]
# What makes an item worth rendering again once it changes.
Signs: TypeAlias = Mapping[Key, Hashable]


@dataclass(frozen=True, slots=True)
class Item:
    """One tile in its latest state."""

    id: str  # of its element
    html: str
    into: str  # the list that a page puts it in; empty if a page that lacks it needs none
    thing: Session | Approval | Outcome
    version: int = 0

    def shown(self) -> dict[str, str]:
        return {"id": self.id, "html": self.html, "into": self.into}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a board's items come from; ``signs`` and ``items`` run off the event loop."""

    concerns: Callable[[News], bool]
    signs: Callable[[Collection[Key]], Signs]  # of what is open, and of these
    items: Callable[[Collection[Key]], Mapping[Key, Item]]


class Board:
    """One of a kind per process; it works while somebody watches."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.version = 0
        self.looked = 0.0  # when the database last answered, by the monotonic clock
        self._watchers: set[asyncio.Event] = set()
        self._items: dict[Key, Item] = {}
        self._signs: dict[Key, Hashable] = {}
        self._rung = asyncio.Event()
        self._stop: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None

    def join(self, wake: asyncio.Event) -> None:
        self._watchers.add(wake)
        if self._task is None:
            self._rung = asyncio.Event()
            self._rung.set()
            self.looked = time.monotonic()
            self._stop = bell.listen(self._heard)
            self._task = asyncio.create_task(self._look_on())

    def leave(self, wake: asyncio.Event) -> None:
        self._watchers.discard(wake)
        if self._watchers or self._task is None or self._stop is None:
            return
        self._stop()
        self._task.cancel()
        self._task = None
        self._items, self._signs = {}, {}

    def changed(self, after: int, rights: Rights) -> list[Item]:
        """What these rights show of what changed after a version."""
        news = (item for item in self._items.values() if item.version > after)
        return [item for item in news if rights.can("view", item.thing)]

    @property
    def truthful(self) -> bool:
        """Whether this process still hears from the database."""
        return time.monotonic() - self.looked < 4 * POLL

    def _heard(self, news: News) -> None:
        if self.source.concerns(news):
            self._rung.set()

    async def _look_on(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._rung.wait()
            self._rung.clear()
            try:
                await self._look()
            except Exception:
                log.exception("board_failed")
            await asyncio.sleep(PACE)

    async def _look(self) -> None:
        signs = await in_pool(self.source.signs, list(self._items))
        self.looked = time.monotonic()
        changed = [key for key, sign in signs.items() if self._signs.get(key) != sign]
        if changed:
            self._put(await in_pool(self.source.items, changed), signs)

    def _put(self, items: Mapping[Key, Item], signs: Signs) -> None:
        self.version += 1
        for key, item in items.items():
            self._items.pop(key, None)  # the latest stand last
            self._items[key] = Item(item.id, item.html, item.into, item.thing, self.version)
            self._signs[key] = signs[key]
        while len(self._items) > 2 * KEPT:
            oldest = next(iter(self._items))
            del self._items[oldest], self._signs[oldest]
        for watcher in self._watchers:
            watcher.set()


def _pks(keys: Collection[Key], kind: str) -> list[int]:
    return [pk for its, pk in keys if its == kind]


# --- the wall ------------------------------------------------------------------------------------

_CARD = ("last_seq", "status", "pausing", "stopping", "asking", "open_approvals", "term")


def _card_signs(known: Collection[Key]) -> Signs:
    lately = Q(ended_at=None) | Q(ended_at__gte=timezone.now() - LATELY)
    rows = Session.objects.filter(lately | Q(pk__in=_pks(known, "session"))).order_by("-pk")
    return {("session", row[0]): row[1:] for row in rows.values_list("pk", *_CARD)[:KEPT]}


def _cards(keys: Collection[Key]) -> Mapping[Key, Item]:
    rows = list(Session.objects.filter(pk__in=_pks(keys, "session")).order_by("pk"))
    cards = zip(rows, tiles.render_cards(rows), strict=True)
    return {("session", row.pk): _card(row, html) for row, html in cards}


def _card(session: Session, html: str) -> Item:
    asks = session.status in queries.NEEDS_PERSON
    into = "asking" if asks else "active"
    return Item(f"session-{session.uuid}", html, into, session)


wall = Board(Source(lambda news: bool(news.seqs), _card_signs, _cards))

# --- the inbox -----------------------------------------------------------------------------------

_ASKED = ("state", "votes", "required", "digest", "decide_by")


def _asked_signs(known: Collection[Key]) -> Signs:
    waiting = Q(state=Approval.State.PENDING) | Q(pk__in=_pks(known, "approval"))
    unknown = Q(state=Outcome.State.OPEN) | Q(pk__in=_pks(known, "outcome"))
    approvals = Approval.objects.filter(waiting).order_by("-pk").values_list("pk", *_ASKED)
    outcomes = Outcome.objects.filter(unknown).order_by("-pk").values_list("pk", "state")
    signs: dict[Key, Hashable] = {("approval", row[0]): row[1:] for row in approvals[:KEPT]}
    return signs | {("outcome", pk): state for pk, state in outcomes[:KEPT]}


def _asked(keys: Collection[Key]) -> Mapping[Key, Item]:
    approvals = Approval.objects.filter(pk__in=_pks(keys, "approval")).select_related("session")
    outcomes = Outcome.objects.filter(pk__in=_pks(keys, "outcome")).select_related("session")
    items = {("approval", row.pk): _approval(row) for row in approvals.order_by("pk")}
    return items | {("outcome", row.pk): _outcome(row) for row in outcomes.order_by("pk")}


def _approval(approval: Approval) -> Item:
    into = "inbox" if approval.state == Approval.State.PENDING else ""
    html = tiles.render_inbox_item(approval)
    return Item(f"approval-{approval.uuid}", html, into, approval)


def _outcome(outcome: Outcome) -> Item:
    into = "inbox" if outcome.state == Outcome.State.OPEN else ""
    title = wording.tool_title(outcome.tool, tiles.arguments(outcome.arguments))
    html = render("approvals/_outcome_item.html", outcome=outcome, title=title)
    return Item(f"outcome-{outcome.uuid}", html, into, outcome)


inbox = Board(Source(lambda news: news.inbox, _asked_signs, _asked))
