"""Events -> the rows that pages read, inside the append's own transaction.

Each projection changes a locked ``Session`` row in memory and collects what must be written
beside it; the journal writes both. A status never needs the folded state: people write from
processes that have not folded the log.
"""

from __future__ import annotations

from agents.projections.sessions import forbids, project
from agents.projections.writes import Writes

__all__ = ["Writes", "forbids", "project"]
