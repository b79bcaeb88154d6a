"""The endpoint as a test holds it: a process on a free port, its script and its log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


class Endpoint:
    """`with Endpoint(script) as endpoint:` starts it; `endpoint.url` is the base URL."""

    def __init__(
        self, script: Any = None, *, window: int = 200_000, cache_minimum: int = 0
    ) -> None:
        self._first_script = script
        self._options = ["--window", str(window), "--cache-minimum", str(cache_minimum)]
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self._home = tempfile.TemporaryDirectory(prefix="endpoint-")

    def __enter__(self) -> Self:
        self.start()
        if self._first_script is not None:
            self.script(self._first_script)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._home.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def env(self) -> dict[str, str]:
        """What a product needs in its environment to talk to this endpoint."""
        return {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": "test-key"}

    @property
    def log_path(self) -> Path:
        return Path(self._home.name) / "log.jsonl"

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.endpoint", "--port", str(self._port)]
        command += ["--log", str(self.log_path), "--watch-stdin", *self._options]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("listening on "):
            self.stop()
            raise RuntimeError(f"the endpoint did not start: {line!r}")
        self._port = int(line.rsplit(":", 1)[1])

    def stop(self, *, kill: bool = False) -> int | None:
        """End the process and give its exit code; the log stays readable."""
        process, self._process = self._process, None
        if process is None:
            return None
        if kill:
            process.kill()
        else:
            process.terminate()
        code = process.wait(10)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        return code

    def restart(self, *, kill: bool = False, down: float = 0.0) -> None:
        """Stop, stay away for `down` seconds, come back on the same port and place."""
        self.stop(kill=kill)
        time.sleep(down)
        self.start()

    def script(self, script: Any) -> None:
        """Replace the script; every conversation begins at its first reply again."""
        raw = json.dumps(script).encode()
        request = urllib.request.Request(f"{self.url}/_script", raw, method="PUT")
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError as exc:
            with exc:
                raise ValueError(exc.read().decode()) from exc

    def log(self) -> list[dict[str, Any]]:
        """Every request so far; one still being answered has `outcome` None."""
        if self._process is None:
            return self._stored()
        with urllib.request.urlopen(f"{self.url}/_log", timeout=10) as response:
            entries: list[dict[str, Any]] = json.load(response)
        return entries

    def requests(self, containing: str = "") -> list[dict[str, Any]]:
        """The bodies of the Messages requests, parsed, oldest first."""
        return bodies(entry for entry in self.log() if containing in entry["body"])

    def refusals(self) -> list[str]:
        """Messages of the 400s that no script asked for: bugs of the client."""
        return refusals(self.log())

    def wait(self, ready: Callable[[list[dict[str, Any]]], bool], seconds: float = 10) -> None:
        """Wait until the log looks as wanted."""
        end = time.monotonic() + seconds
        while not ready(self.log()):
            if time.monotonic() > end:
                raise TimeoutError("the endpoint's log never looked as wanted")
            time.sleep(0.02)

    def _stored(self) -> list[dict[str, Any]]:
        if not self.log_path.exists():
            return []
        lines = self.log_path.read_text("utf-8").splitlines()
        entries = [json.loads(line) for line in lines]
        requests = [entry for entry in entries if "script" not in entry]
        return sorted(requests, key=lambda entry: int(entry["n"]))


def bodies(log: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The Messages requests of a log, parsed."""
    return [json.loads(entry["body"]) for entry in log if entry["path"] == "/v1/messages"]


def refusals(log: Iterable[dict[str, Any]]) -> list[str]:
    """Messages of the 400s that no script asked for."""
    return [
        entry["answer"]["error"]["message"]
        for entry in log
        if entry["status"] == 400 and not entry.keys() & {"conversation", "scripted"}
    ]
