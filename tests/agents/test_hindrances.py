"""What may keep any session from going on: one look for all who ask at the same time."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.utils import timezone

from agents import hindrances
from agents.hindrances import Hindrances
from agents.models import Breaker, Cap, Provider


@pytest.mark.django_db
def test_an_open_breaker_an_endpoint_in_trouble_and_a_cap_are_named() -> None:
    Breaker.objects.create(name="tool:well", state=Breaker.State.CLOSED)
    Provider.objects.create(key="k", model="well")
    Cap.objects.update_or_create(name=Cap.DAY, defaults={"usd": None, "tokens": None})
    assert hindrances.read() == Hindrances()
    Breaker.objects.create(name="tool:shut", state=Breaker.State.OPENED)
    Breaker.objects.create(name="server:tried", state=Breaker.State.HALF_OPENED)
    Provider.objects.create(key="k", model="refused", blocked_at=timezone.now())
    Provider.objects.create(key="held", not_before=timezone.now())
    Cap.objects.update(usd=5)
    found = hindrances.read()
    assert found.cap
    assert found.breakers("tool:well", "tool:shut")
    assert found.breakers("server:tried")
    assert not found.breakers("tool:well")
    assert found.endpoint("k", "refused")
    assert not found.endpoint("k", "well")
    assert found.endpoint("held", "whatever")  # what holds an endpoint holds its every model


async def test_who_asks_during_a_look_shares_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Hindrances] = []
    looking, go_on = threading.Event(), threading.Event()

    def read() -> Hindrances:
        looks.append(Hindrances(frozenset({("breaker", str(len(looks)))})))
        looking.set()
        assert go_on.wait(10)
        return looks[-1]

    monkeypatch.setattr(hindrances, "read", read)
    first = asyncio.create_task(hindrances.look())
    assert await asyncio.to_thread(looking.wait, 10)
    # What the first look saw may be older than these questions.
    late = [asyncio.create_task(hindrances.look()) for _ in range(5)]
    await asyncio.sleep(0)
    go_on.set()
    assert await first is looks[0]
    assert all(found is looks[1] for found in await asyncio.gather(*late))
    assert len(looks) == 2


async def test_a_look_that_fails_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    looking, go_on = threading.Event(), threading.Event()

    def fails() -> Hindrances:
        looking.set()
        assert go_on.wait(10)
        raise OSError("gone")

    monkeypatch.setattr(hindrances, "read", fails)
    both = [asyncio.create_task(hindrances.look()) for _ in range(2)]
    assert await asyncio.to_thread(looking.wait, 10)
    monkeypatch.setattr(hindrances, "read", Hindrances)
    late = asyncio.create_task(hindrances.look())
    for _ in range(2):  # until it waits for the look that will fail
        await asyncio.sleep(0)
    go_on.set()
    errors = await asyncio.gather(*both, return_exceptions=True)
    assert [type(error) for error in errors] == [OSError, OSError]
    assert await late == Hindrances()
