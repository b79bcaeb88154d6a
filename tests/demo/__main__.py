"""Seed a data folder and print what its pages are called: `python -m tests.demo FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.bench.house import migrate, setup


def main(folder: Path) -> None:
    setup(folder)
    migrate()
    from tests.demo import addresses, shop

    shop.seed()
    sys.stdout.write(json.dumps(addresses.pages()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
