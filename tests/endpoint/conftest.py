"""The endpoint, and the real SDK that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from anthropic import AsyncAnthropic

from tests.endpoint.asking import sdk
from tests.endpoint.client import Endpoint
from tests.endpoint.fixtures import endpoint

__all__ = ["endpoint"]


@pytest.fixture
async def client(endpoint: Endpoint) -> AsyncIterator[AsyncAnthropic]:
    async with sdk(endpoint) as made:
        yield made
