"""The environment variables that a test run starts from."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

MARK = "OVERSIGHT_TESTS"
OURS = ("OVERSIGHT_", "EMAIL_", "ANTHROPIC_", "PYTEST_", "DJANGO_")


def strip(variables: MutableMapping[str, str]) -> None:
    """Take away what would change how the product behaves."""
    for name in list(variables):
        if name.startswith(OURS) or name == "PORT":
            del variables[name]


def product_env(**settings: object) -> dict[str, str]:
    """The environment for a process of the product: this one's, stripped, plus what is named.

    Give OVERSIGHT_DATA; without DATABASE_URL and REDIS_URL the process uses SQLite in it.
    """
    env = dict(os.environ)
    strip(env)
    for name in ("DATABASE_URL", "REDIS_URL"):
        env.pop(name, None)
    return env | {name: str(value) for name, value in settings.items()}
