"""For a conftest: `from tests.endpoint.fixtures import endpoint`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.endpoint.client import Endpoint, bodies, refusals


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A Messages API endpoint of the test's own, answering "Done." until it gets a script."""
    with Endpoint() as running:
        yield running


@dataclass
class Talk:
    """What one test says to an endpoint that it shares with the others of its module."""

    endpoint: Endpoint
    since: int
    provoked: int = 0  # refusals that the test brings about on purpose

    @property
    def url(self) -> str:
        return self.endpoint.url

    def script(self, script: Any) -> None:
        self.endpoint.script(script)

    def log(self) -> list[dict[str, Any]]:
        return self.endpoint.log()[self.since :]

    def requests(self, containing: str = "") -> list[dict[str, Any]]:
        return [body for body in bodies(self.log()) if containing in str(body)]

    def refusals(self) -> list[str]:
        """Messages of the 400s that no script asked for: bugs of the client."""
        return refusals(self.log())


@pytest.fixture(scope="module")
def shared_endpoint() -> Iterator[Endpoint]:
    """One process for all tests of a module."""
    with Endpoint() as running:
        yield running


@pytest.fixture
def talk(shared_endpoint: Endpoint) -> Iterator[Talk]:
    """The shared endpoint, which in the end must have refused nothing that no script asked for."""
    begun = Talk(shared_endpoint, len(shared_endpoint.log()))
    yield begun
    assert begun.refusals()[begun.provoked :] == []
