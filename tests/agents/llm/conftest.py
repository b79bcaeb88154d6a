"""One endpoint process for all of these tests; each test gives it its own script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.endpoint.client import Endpoint


@pytest.fixture(scope="package")
def served() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running
