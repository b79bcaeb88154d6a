"""Every request and what was answered: in memory for /_log, and one JSON line each in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from tests.endpoint.blocks import Json


class Log:
    def __init__(self, path: Path | None) -> None:
        self.entries: list[Json] = []
        self.scripts: list[Any] = []
        self._file: TextIO | None = None
        if path is not None:
            self._load(path)
            self._file = path.open("a", encoding="utf-8")

    def _load(self, path: Path) -> None:
        if not path.exists():
            return
        # A killed process may have left half a line.
        text = path.read_text("utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, "utf-8")
        for line in whole.splitlines():
            entry = json.loads(line)
            if "script" in entry:
                self.scripts.append(entry["script"])
            self.entries.append(entry)

    def since_script(self) -> list[Json]:
        """The entries after the script was last set."""
        last = max((at for at, e in enumerate(self.entries) if "script" in e), default=-1)
        return self.entries[last + 1 :]

    def requests(self) -> list[Json]:
        return [entry for entry in self.entries if "script" not in entry]

    def script(self, script: Any) -> None:
        entry = {"script": script}
        self.scripts.append(script)
        self.entries.append(entry)
        self.write(entry)

    def write(self, entry: Json) -> None:
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
