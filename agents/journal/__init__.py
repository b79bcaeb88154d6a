"""Appending to the log: group commit on a thread of its own, guarded, gap-free, chained.

Everything that waits, from all sessions, goes into one transaction: session rows are locked,
guards checked, numbers allotted, events and projections written, committed with fsync. While one
commit runs the next batch gathers, so there is no timer and no latency for a lone append.
"""

from __future__ import annotations

from agents.core.events import MAX_TEXT, TooLarge
from agents.journal.admission import chain_header
from agents.journal.entries import Append, ClaimRefused, Entry, FateUnknown, Refused, entry
from agents.journal.reading import read
from agents.journal.writer import Journal, journal

__all__ = [
    "MAX_TEXT",
    "Append",
    "ClaimRefused",
    "Entry",
    "FateUnknown",
    "Journal",
    "Refused",
    "TooLarge",
    "chain_header",
    "entry",
    "journal",
    "read",
]
