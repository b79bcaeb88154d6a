"""Watches what one agent does, in the order in which it happened, and says what is unusual.

Pure: the same observations give the same findings, whether they come at once or in pieces. What an
agent does in its first runs is how it is known; it is noticed and alarms nobody.
"""

from __future__ import annotations

from agents.core.watch.seen import Call, Decision, End, Finding, Happening, Seen, Turn
from agents.core.watch.watching import watch

__all__ = ["Call", "Decision", "End", "Finding", "Happening", "Seen", "Turn", "watch"]
