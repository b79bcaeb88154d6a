"""Which model a process asks."""

from __future__ import annotations

from agents.core.model import Model
from agents.llm import is_rehearsal
from agents.llm.anthropic import AnthropicModel
from agents.llm.rehearsal.model import rehearsal_model


def build_model(api_key: str | None, base_url: str | None) -> Model:
    """The process's model. Build it once: it holds the connection pool."""
    if is_rehearsal(api_key, base_url):
        return rehearsal_model()
    return AnthropicModel(api_key, base_url)
