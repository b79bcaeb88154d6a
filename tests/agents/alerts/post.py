"""What tests of alerts have at hand: targets, a receiver, one courier's round."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.alerts import deliveries, grouping
from agents.alerts.courier import Courier
from agents.alerts.sending import send
from agents.alerts.signing import new_secret
from agents.core import events
from agents.models import AlertRule, AlertTarget, Delivery
from tests.agents.desk import Desk
from tests.servers import Popen, free_port, listens, started, stop, wait_for


@dataclass
class Receiver:
    """A receiver process and what it has taken so far."""

    folder: Path
    port: int
    status: int = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @contextmanager
    def open(self) -> Iterator[Popen]:
        module = "tests.agents.alerts.receiver"
        command = [sys.executable, "-m", module, str(self.port), str(self.file), str(self.status)]
        with started(command, self.folder / "receiver.log") as process:
            wait_for(lambda: listens(self.port), "the receiver", process=process)
            yield process
            stop(process)

    @property
    def file(self) -> Path:
        return self.folder / f"received-{self.port}"

    def taken(self) -> list[dict[str, Any]]:
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text().splitlines()]


def receiver(folder: Path, status: int = 200) -> Receiver:
    return Receiver(folder, free_port(), status)


def webhook(url: str = "http://127.0.0.1:9/", name: str = "hook", **fields: Any) -> AlertTarget:
    target = AlertTarget(name=name, kind="webhook", address=url, **fields)
    target.secret = new_secret()
    target.save()
    return target


def rule(name: str = "session-failed", **fields: Any) -> AlertRule:
    """A rule of the defaults, or a new one, with these fields."""
    given, _ = AlertRule.objects.update_or_create(name=name, defaults={"enabled": True, **fields})
    return given


def fail(desk: Desk, message: str = "It broke.", error_class: str = "internal") -> None:
    desk.write(events.Error(error_class, message))


def failed(agent: str = "assistant", message: str = "It broke.", **fields: Any) -> Desk:
    desk = Desk(agent=agent)
    fail(desk, message, **fields)
    return desk


def deliver() -> list[Delivery]:
    """One round of a courier, in this thread; the deliveries it made or tried."""
    grouping.gather()
    taken = deliveries.take(100)
    for one in taken:
        deliveries.record(one, send(one.parcel))
    return list(Delivery.objects.filter(pk__in=[one.pk for one in taken]).order_by("pk"))


@contextmanager
def couriers(count: int) -> Iterator[None]:
    """So many couriers at work, each on an event loop and with threads of its own."""
    import threading

    over = threading.Event()

    async def work() -> None:
        courier = Courier()
        courier.start()
        while not over.is_set():
            await asyncio.sleep(0.02)
        await courier.drain()

    threads = [threading.Thread(target=asyncio.run, args=[work()]) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def verify(request: dict[str, Any], *secrets: str) -> list[bool]:
    """Which of the secrets signed the request: a receiver's own arithmetic."""
    given = request["headers"]
    assert abs(time.time() - int(given["webhook-timestamp"])) < 300
    signed = f"{given['webhook-id']}.{given['webhook-timestamp']}.{request['body']}".encode()
    told = [one.removeprefix("v1,") for one in given["webhook-signature"].split(" ")]
    expected = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected.append(base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode())
    return [one in told for one in expected]
