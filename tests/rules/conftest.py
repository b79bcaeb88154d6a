"""What tests of the rules have at hand."""

from __future__ import annotations

from tests.agents.conftest import _closed_in_the_end

__all__ = ["_closed_in_the_end"]
