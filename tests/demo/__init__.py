"""A shop with a past, for screenshots and for tests of every page."""

from __future__ import annotations

PASSWORD = "a good long password"  # of everybody in it
