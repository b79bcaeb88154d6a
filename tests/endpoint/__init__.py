"""A separate program that speaks the Messages API, with faults on demand."""

from __future__ import annotations
