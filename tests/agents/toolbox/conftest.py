from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agents.core.tools import ToolContext
from agents.toolbox.mcp import ServerConfig, Servers

HERE = Path(__file__).parent / "servers"


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext("session-1", "call-1", "key-1", 1, tmp_path / "workspace", tmp_path / "data")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes.txt"


@pytest.fixture
def unruly(notes: Path) -> Callable[..., ServerConfig]:
    def config(**fields: Any) -> ServerConfig:
        command = (sys.executable, str(HERE / "unruly.py"))
        given: dict[str, Any] = {
            "name": "unruly",
            "command": command,
            "env": {"NOTES": str(notes)},
            "timeout": 10,
        }
        return ServerConfig(**given | fields)

    return config


@pytest.fixture
def liar() -> Callable[..., ServerConfig]:
    def config(mode: str, **fields: Any) -> ServerConfig:
        command = (sys.executable, str(HERE / "liar.py"), mode)
        given: dict[str, Any] = {"name": "liar", "command": command, "timeout": 5}
        return ServerConfig(**given | fields)

    return config


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Servers]]:
    started: list[Servers] = []

    def start(*configs: ServerConfig) -> Servers:
        started.append(Servers(configs))
        return started[-1]

    yield start
    for servers in started:
        await servers.close()
