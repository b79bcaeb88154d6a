"""The rehearsal model, through the same SDK code path as any endpoint."""

from __future__ import annotations

import httpx2

from agents.llm.anthropic import AnthropicModel
from agents.llm.rehearsal.transport import RehearsalTransport

# Nothing is ever sent there: the transport answers inside the process.
ADDRESS = "http://rehearsal.invalid"


def rehearsal_model(speed: float | None = None) -> AnthropicModel:
    """A ``Model`` that plays ``SCENARIOS``. ``speed`` 1 is a natural pace; the default is the
    environment's ``OVERSIGHT_REHEARSAL_SPEED``.
    """
    client = httpx2.AsyncClient(transport=RehearsalTransport(speed))
    return AnthropicModel(base_url=ADDRESS, http_client=client)
