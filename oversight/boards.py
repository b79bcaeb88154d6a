"""What is live on the wall and in the inbox: items that are replaced, each rendered once.

A socket is a version number over the board: it is sent the latest of whatever changed since, so
a slow one skips renderings and never falls behind. Everything open has a sign in memory; rendered
is only what some page shows or is about to.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

import structlog
from django.db.models import Q

from agents.doorbell import News, bell
from agents.models import Approval, Outcome, Session
from agents.roles import Rights
from oversight import signs, tiles
from oversight.partials import render
from oversight.reading import in_pool
from oversight.signs import Key, Page, Sign, Signs, Thing

log = structlog.get_logger("oversight.feed")

POLL = 1.0  # seconds: what a lost doorbell may cost
PACE = 0.25  # seconds between two looks
KEPT = 300  # of what is over, and half of what is rendered


Shown: TypeAlias = dict[str, object]  # an item as it is sent


@dataclass(frozen=True, slots=True)
class Item:
    """One tile in its latest state."""

    key: Key
    html: str
    thing: Thing
    version: int = 0  # of the board, when it changed
    placed: int = 0  # and when it came to its list

    def shown(self, *, news: bool) -> Shown:
        """``news``: a page that lacks it is to show it."""
        place = {"id": f"{self.key[0]}-{self.key[1]}", "into": signs.of(self.thing)[1].into}
        return {**place, "html": self.html, "news": news}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a board's items come from; all but ``concerns`` run off the event loop."""

    concerns: Callable[[News], bool]
    open: Callable[[Rights | None], Signs]  # of everything open, or what of it these rights show
    known: Callable[[Collection[Key]], Signs]  # of these, open or not
    items: Callable[[Collection[Key]], Mapping[Key, Item]]


class Board:
    """One of a kind per process; it works while somebody watches."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.version = 0
        self.floor = 0  # who has seen less has missed something
        self.ready = False  # whether changes are noticed by now
        self.looked = 0.0  # when the database last answered, by the monotonic clock
        self._watchers: dict[asyncio.Event, set[Key] | None] = {}
        self._items: dict[Key, Item] = {}
        self._signs: dict[Key, Sign] = {}
        self._added: dict[Key, Sign] = {}  # what was read beside, to be watched from now on
        self._noticed: set[Key] = set()  # what has changed and is being rendered
        self._rung = asyncio.Event()
        self._fetching = asyncio.Lock()
        self._stop: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None

    def join(self, wake: asyncio.Event, shown: set[Key] | None = None) -> None:
        """``shown`` is what a page shows, and what comes to a list is added; None: everything."""
        self._watchers[wake] = shown
        if self._task is None:
            self._rung, self._fetching = asyncio.Event(), asyncio.Lock()
            self._rung.set()
            self.looked = time.monotonic()
            self._stop = bell.listen(self._heard)
            self._task = asyncio.create_task(self._look_on())

    def leave(self, wake: asyncio.Event) -> None:
        self._watchers.pop(wake, None)
        if self._watchers or self._task is None or self._stop is None:
            return
        self._stop()
        self._task.cancel()
        self._task = None
        self._items, self._signs, self._added, self._noticed = {}, {}, {}, set()
        self.ready, self.floor = False, self.version

    def changed(self, after: int, rights: Rights, shown: set[Key] | None = None) -> list[Item]:
        """What these rights show of what changed after a version."""
        news = [item for item in self._items.values() if item.version > after]
        mine = [item for item in news if shown is None or item.key in shown]
        return [item for item in mine if rights.can("view", item.thing)]

    async def lag(self, page: Page, rights: Rights, shown: set[Key] | None) -> list[Shown]:
        """What a page lacks or shows in another state; it is ``shown`` from now on."""
        found = await in_pool(self._seen_by, page, rights)
        lacking = {key for key, sign in found.items() if page.lacks(key, sign)}
        wanted = [key for key, sign in found.items() if key in lacking or page.outdated(key, sign)]
        if shown is not None:
            shown.update(lacking)
        self.watch(found)
        items = [item for item in await self._fetch(wanted) if rights.can("view", item.thing)]
        return [item.shown(news=item.key in lacking) for item in items]

    def watch(self, found: Signs) -> None:
        """Compare with these: what somebody was sent may be over before it was ever looked at."""
        self._added.update(found)

    def _seen_by(self, page: Page, rights: Rights) -> Signs:
        found = self.source.open(rights)
        return {**self.source.known([key for key in page.stamps if key not in found]), **found}

    async def _fetch(self, keys: Collection[Key]) -> list[Item]:
        """Items as they are now, each rendered once for all who ask."""
        async with self._fetching:
            version, kept = self.version, self._items.keys() - self._noticed
            lacking = [key for key in keys if key not in kept]
            found = await in_pool(self.source.items, lacking) if lacking else {}
            if version == self.version:  # or a later change may be in place already
                self._items = {**found, **self._items}
        known = {**self._items, **found}
        return [known[key] for key in keys if key in known]

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
        added = dict(self._added)
        found = await in_pool(self.source.open, None)
        # What is open and new here is news to those who came before, whoever was sent it already.
        closed = {key: sign for key, sign in added.items() if key not in found}
        self._signs = {**closed, **self._signs}
        over = [key for key in self._signs if key not in found]
        ended = await in_pool(self.source.known, over) if over else {}
        self.looked = time.monotonic()
        # Of what is over only the latest is watched further.
        latest = {key: ended[key] for key in over[-KEPT:] if key in ended}
        if self.ready:
            await self._notice({**ended, **found})
        self._forget(over[:-KEPT])
        self._signs = {**latest, **found}
        self._added = {key: sign for key, sign in self._added.items() if key not in added}
        if not self.ready:
            self.ready = True
            self._tell()

    async def _notice(self, found: Signs) -> None:
        changed = [key for key, sign in found.items() if self._signs.get(key) != sign]
        if not changed:
            return
        self._noticed = set(changed)
        placed = {key for key in changed if self._comes(key, found[key])}
        wanted = [key for key in changed if key in placed or self._is_shown(key)]
        items = await in_pool(self.source.items, wanted) if wanted else {}
        self._put(changed, placed, items)
        self._noticed = set()
        self._tell()

    def _comes(self, key: Key, sign: Sign) -> bool:
        """Whether it belongs to a list that it was not in."""
        before = self._signs.get(key)
        return sign.into != "" and (before is None or before.into != sign.into)

    def _is_shown(self, key: Key) -> bool:
        return any(shown is None or key in shown for shown in self._watchers.values())

    def _put(
        self, changed: Collection[Key], placed: Collection[Key], items: Mapping[Key, Item]
    ) -> None:
        version = self.version + 1
        for key in changed:
            old = self._items.pop(key, None)  # the latest stand last
            if key in items:
                came = version if key in placed else old.placed if old else 0
                self._items[key] = replace(items[key], version=version, placed=came)
        for shown in self._watchers.values():
            if shown is not None:
                shown.update(placed)
        while len(self._items) > 2 * KEPT:
            oldest = next(iter(self._items.values()))
            if oldest.version == version:  # which nobody has been sent yet
                break
            self.floor = max(self.floor, oldest.version)
            del self._items[oldest.key]

    def _forget(self, keys: Collection[Key]) -> None:
        for shown in self._watchers.values():
            if shown is not None:
                shown.difference_update(keys)

    def _tell(self) -> None:
        self.version += 1
        for watcher in self._watchers:
            watcher.set()


def _ids(keys: Collection[Key], kind: str) -> list[UUID]:
    return [uuid for its, uuid in keys if its == kind]


# --- the wall ------------------------------------------------------------------------------------

_OPEN = [status for status in Session.Status if status not in Session.ENDED]


def _open_sessions(rights: Rights | None) -> Signs:
    scope = rights.scope("group") if rights else Q()
    return signs.signs(Session.objects.filter(scope, status__in=_OPEN))


def _known_sessions(keys: Collection[Key]) -> Signs:
    return signs.signs(Session.objects.filter(uuid__in=_ids(keys, "session")))


def _cards(keys: Collection[Key]) -> Mapping[Key, Item]:
    rows = list(Session.objects.filter(uuid__in=_ids(keys, "session")).order_by("pk"))
    cards = zip(rows, tiles.render_cards(rows), strict=True)
    return _items(Item(("session", row.uuid), html, row) for row, html in cards)


wall = Board(Source(lambda news: bool(news.seqs), _open_sessions, _known_sessions, _cards))

# --- the inbox -----------------------------------------------------------------------------------


def _open_asked(rights: Rights | None) -> Signs:
    scope = rights.scope("session__group") if rights else Q()
    waiting = Approval.objects.filter(scope, state=Approval.State.PENDING)
    unknown = Outcome.objects.filter(scope, state=Outcome.State.OPEN)
    return signs.signs(waiting) | signs.signs(unknown)


def _known_asked(keys: Collection[Key]) -> Signs:
    approvals = Approval.objects.filter(uuid__in=_ids(keys, "approval"))
    outcomes = Outcome.objects.filter(uuid__in=_ids(keys, "outcome"))
    return signs.signs(approvals) | signs.signs(outcomes)


def _asked(keys: Collection[Key]) -> Mapping[Key, Item]:
    approvals = Approval.objects.filter(uuid__in=_ids(keys, "approval")).select_related("session")
    outcomes = Outcome.objects.filter(uuid__in=_ids(keys, "outcome")).select_related("session")
    found = [_approval(row) for row in approvals.order_by("pk")]
    return _items([*found, *(_outcome(row) for row in outcomes.order_by("pk"))])


def _items(found: Iterable[Item]) -> Mapping[Key, Item]:
    return {item.key: item for item in found}


def _approval(approval: Approval) -> Item:
    return Item(("approval", approval.uuid), tiles.render_inbox_item(approval), approval)


def _outcome(outcome: Outcome) -> Item:
    html = render("approvals/_outcome_item.html", outcome=outcome, title=tiles.title(outcome))
    return Item(("outcome", outcome.uuid), html, outcome)


inbox = Board(Source(lambda news: news.inbox, _open_asked, _known_asked, _asked))
