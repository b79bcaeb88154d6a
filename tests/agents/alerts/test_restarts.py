"""Receiver and worker die and come back: every alert arrives."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from agents.models import Alert, Delivery, Session
from tests.agents.alerts.post import failed, receiver, rule, verify, webhook
from tests.servers import Popen, started, stop, wait_for
from tests.surroundings import product_env

PATIENCE = 120  # seconds, on a busy machine

pytestmark = pytest.mark.django_db(transaction=True)


def database() -> str:
    """The DATABASE_URL of the test's own database."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    who = f"{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT']}"
    return f"postgresql://{who}/{known['NAME']}"


@contextmanager
def worker(log: Path) -> Iterator[Popen]:
    env = product_env(OVERSIGHT_DATA=settings.OVERSIGHT_DATA, DATABASE_URL=database())
    with started([sys.executable, "manage.py", "work"], log, env) as process:
        wait_for(
            lambda: log.exists() and b"Oversight runs sessions" in log.read_bytes(),
            "the worker",
            PATIENCE,
            process,
        )
        yield process


def delivered() -> bool:
    alerts = Alert.objects.count() == Session.objects.count()
    return alerts and not Delivery.objects.exclude(state="delivered").exists()


def test_kill_the_receiver_and_the_worker_and_every_alert_arrives(tmp_path: Path) -> None:
    hook = receiver(tmp_path)
    target = webhook(hook.url)
    rule(cooldown=0)
    with worker(tmp_path / "first.log") as first:
        with hook.open() as process:
            failed("before")
            wait_for(delivered, "the first alert", PATIENCE)
            stop(process, signal.SIGKILL)
        for _ in range(4):
            failed("meanwhile")
        tried = Delivery.objects.filter(attempts__gte=1, state="pending")
        wait_for(lambda: tried.count() == 4, "an attempt at each", PATIENCE)
        stop(first, signal.SIGKILL)
    for _ in range(3):
        failed("nobody-there")
    with hook.open(), worker(tmp_path / "second.log") as second:
        wait_for(delivered, "every alert", PATIENCE, second)
        assert stop(second) == 0
    taken = hook.taken()
    ids = [request["headers"]["webhook-id"] for request in taken]
    assert {*ids} == {alert.message_id for alert in Alert.objects.all()}
    assert len({*ids}) == 8
    assert all(verify(request, target.secret) == [True] for request in taken)
    bodies = {request["headers"]["webhook-id"]: request["body"] for request in taken}
    assert all(bodies[r["headers"]["webhook-id"]] == r["body"] for r in taken)
    told = [json.loads(body)["data"]["items"][0]["agent"] for body in bodies.values()]
    assert sorted(told) == ["before", *["meanwhile"] * 4, *["nobody-there"] * 3]
