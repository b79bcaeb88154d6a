"""Leases: one driver per session, by the database's clock; a term that rises with every holder."""

from __future__ import annotations

import fcntl
import os
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from agents import alerts, slots
from agents.models import Session, Worker

Status = Session.Status


@dataclass(frozen=True, slots=True)
class Lease:
    session: int
    uuid: str
    term: int
    due: bool = False  # from a timed park that is over


@dataclass
class Holder:
    """A process that holds leases. It keeps a locked file, so that another process on the machine
    knows at once that it has died; elsewhere its leases run out."""

    name: str = field(
        default_factory=lambda: f"{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    )
    seconds: float = field(default_factory=lambda: float(settings.OVERSIGHT_LEASE_SECONDS))
    _file: IO[str] | None = None

    def open(self) -> None:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        # Locked before it has its place: whoever finds it unlocked there buries us.
        unborn = folder.with_name(f"{self.name}.starting")
        self._file = unborn.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unborn.rename(folder / self.name)
        self.beat([])

    def close(self) -> None:
        _let_go(self.name)
        if self._file:
            (_folder() / self.name).unlink(missing_ok=True)
            self._file.close()

    def take(self, limit: int) -> list[Lease]:
        """Lease sessions whose holder is gone, and those whose turn it is (see ``slots``)."""
        if not (slots.orphaned() | slots.runnable()).exists():
            return []
        with transaction.atomic():
            rows = slots.pick(limit)
            pks = [row.pk for row in rows]
            Session.objects.filter(pk__in=pks).update(
                status=Status.RUNNING,
                term=F("term") + 1,
                lease_owner=self.name,
                lease_until=self._until(),
                resume_at=None,
                asking="",
                question="",
                waits_for="",
            )
        return [Lease(r.pk, str(r.uuid), r.term + 1, r.resume_at is not None) for r in rows]

    def beat(self, sessions: list[int]) -> set[int]:
        """Renew the leases of ``sessions``; those that are still ours."""
        Worker.objects.update_or_create(
            name=self.name, defaults={"seen_at": Now(), "sessions": len(sessions)}
        )
        if not sessions:
            return set()
        ours = Session.objects.filter(pk__in=sessions, lease_owner=self.name)
        return _lease_until(ours, self._until())

    def _until(self) -> object:
        return Now() + timedelta(seconds=self.seconds)


def bury() -> None:
    """Let the leases of dead processes of this machine run out at once."""
    for path in _folder().glob("*"):
        with suppress(FileNotFoundError):  # it ended in order, or another worker was first
            _bury_if_dead(path)
    forgotten = timedelta(minutes=10)
    Worker.objects.filter(seen_at__lt=Now() - forgotten).delete()


def _bury_if_dead(path: Path) -> None:
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # it lives
        _mourn(path.name)
        path.unlink(missing_ok=True)


def _mourn(holder: str) -> None:
    with transaction.atomic():
        if lost := _let_go(holder):
            alerts.raise_alert(alerts.worker_lost(holder, lost))


def _let_go(holder: str) -> int:
    """Let what this holder still leases run out now; how many sessions."""
    held = Session.objects.filter(lease_owner=holder, status=Status.RUNNING)
    lost = _lease_until(held, Now() - timedelta(seconds=1))
    Worker.objects.filter(name=holder).delete()
    return len(lost)


def _lease_until(leased: QuerySet[Session], until: object) -> set[int]:
    """Set when these leases end; which they were. Locked in the journal's order: in another the
    two would wait for each other."""
    with transaction.atomic():
        pks = set(leased.order_by("pk").select_for_update().values_list("pk", flat=True))
        Session.objects.filter(pk__in=pks).update(lease_until=until)
    return pks


def _folder() -> Path:
    return Path(settings.OVERSIGHT_DATA) / "workers"
