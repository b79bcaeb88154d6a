"""The model that sessions ask: a Messages API endpoint, or the rehearsal model without one.

What pages need of it stands here: they do without the SDK, which takes long to import.
"""

from __future__ import annotations

from agents.llm.rehearsal import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario", "is_rehearsal"]


def is_rehearsal(api_key: str | None, base_url: str | None) -> bool:
    """Whether the rehearsal model plays: neither a key nor an endpoint is set."""
    return not api_key and not base_url
