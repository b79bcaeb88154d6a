"""``configure``: a TOML file becomes rows, all of them or none.

Declarative and idempotent: what the file names is made to be so, what it does not name stays as it
is. Every problem is one line that says file, line and key.
"""

from __future__ import annotations

from agents.configuration.file import Malformed
from agents.configuration.rows import configure, configure_file

__all__ = ["Malformed", "configure", "configure_file"]
