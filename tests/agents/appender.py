"""A second process that appends: python -m tests.agents.appender SESSION-ID TIMES"""

from __future__ import annotations

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from agents.journal import Append, journal  # noqa: E402 - Django must be set up first
from tests.agents.desk import entries, said  # noqa: E402 - Django must be set up first


def main(session: int, times: int) -> None:
    futures = [
        journal.submit(Append(session, entries(said(f"{os.getpid()} {n}")))) for n in range(times)
    ]
    for future in futures:
        future.result()
    journal.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
