"""The pure centre."""

from __future__ import annotations
