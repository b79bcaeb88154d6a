"""Who looks through a live socket, and whether they still may.

Channels reads user and session once, at the handshake; here both are read again while the socket
lives, so that a sign-out or a lost role ends it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TypeAlias
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.auth.models import User
from django.utils.crypto import constant_time_compare

from agents import roles
from agents.models import Session
from oversight import env
from oversight.reading import in_pool

MOST_SOCKETS = 20  # of one person in this process
RECHECK = env.whole("OVERSIGHT_RECHECK_SECONDS", 10, 1, 3600)  # while nothing is sent
BUSY = 1.0  # seconds between checks while something is

Test: TypeAlias = Callable[[roles.Rights], bool]

_seats: Counter[int] = Counter()


@dataclass(slots=True)
class Viewer:
    """A signed-in person behind a socket, and what they may see."""

    key: str  # of Django's session
    test: Test
    user: User
    rights: roles.Rights
    checked: float = field(default_factory=time.monotonic)

    async def still_may(self, *, sends: bool) -> bool:
        """Whether they may still look; the answer is at most a second old for what is sent."""
        now = time.monotonic()
        if now - self.checked < (BUSY if sends else RECHECK):
            return True
        found = await in_pool(_admitted, self.key, self.test)
        if found is None or found[0] != self.user:
            return False
        self.user, self.rights = found
        self.checked = now
        return True


async def admit(key: str, test: Test) -> Viewer | None:
    """The person with this session key, if they may look."""
    found = await in_pool(_admitted, key, test)
    return Viewer(key, test, *found) if found else None


@contextmanager
def seat(user: int) -> Iterator[bool]:
    """Whether there is room for one more socket of this person; it is kept while inside."""
    free = _seats[user] < MOST_SOCKETS
    _seats[user] += free
    try:
        yield free
    finally:
        _seats[user] -= free
        if not _seats[user]:
            del _seats[user]


def sees_lists(rights: roles.Rights) -> bool:
    return rights.can("view")


def sees(uuid: UUID) -> Test:
    """A test for one session, whose group is read afresh each time."""

    def test(rights: roles.Rights) -> bool:
        session = Session.objects.only("group_id").filter(uuid=uuid).first()
        return session is not None and rights.can("view", session)

    return test


def _admitted(key: str, test: Test) -> tuple[User, roles.Rights] | None:
    user = _user(key)
    if user is None:
        return None
    rights = roles.rights(user)
    return (user, rights) if test(rights) else None


def _user(key: str) -> User | None:
    """Like Django's ``get_user``, which would give the session a new key that no browser learns
    where the secret key has changed."""
    if not key:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(key)
    backend = store.get(BACKEND_SESSION_KEY)
    if backend not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = load_backend(backend).get_user(store[SESSION_KEY])
    if not isinstance(user, User) or not user.is_active:
        return None
    kept = store.get(HASH_SESSION_KEY) or ""
    return user if constant_time_compare(kept, user.get_session_auth_hash()) else None
