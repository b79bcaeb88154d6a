"""What tests of the engine have at hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from agents.journal import journal
from agents.tasks import end_the_rest
from tests.agents.desk import Desk
from tests.agents.mapping import Mapping
from tests.endpoint.fixtures import endpoint

__all__ = ["endpoint"]


@pytest.fixture(scope="session", autouse=True)
def _closed_in_the_end() -> Iterator[None]:
    """Threads that live as long as the process keep a connection each."""
    yield
    journal.close()
    asyncio.run(sync_to_async(connections.close_all)())


@pytest_asyncio.fixture(autouse=True)
async def _nothing_runs_on() -> AsyncIterator[None]:
    """A task that swallows its one cancellation would hang the end of the test's loop."""
    yield
    await end_the_rest()


@pytest.fixture
def mapping(ada: User, client: Client) -> Mapping:
    """The risk map, as Ada the administrator has it before her."""
    client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    return Mapping(client)


@pytest.fixture
def desk() -> Desk:
    return Desk()
