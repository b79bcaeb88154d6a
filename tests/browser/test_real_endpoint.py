"""The real input: the Messages API over HTTP, and MCP servers over a real git repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import House, open_house
from tests.browser.pages import (
    PATIENCE,
    ended,
    live,
    shows_everything,
    sign_in,
    start_session,
)
from tests.endpoint.client import Endpoint

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CONFIGURATION = """
[mcp_servers.git]
command = {git}

[mcp_servers.files]
command = {files}

[agents.historian]
title = "Historian"
system = "You write change logs."
tools = ["git__git_log", "files__write_file"]
max_auto_risk = "low"

[tools.git__git_log]
risk = "safe"
effect = "read"

[tools.files__write_file]
risk = "high"
effect = "irreversible"
"""
SAID = "# Changes\n\n- The nibs are tested by hand.\n"


def test_a_session_reads_the_history_and_writes_a_file_once_approved(
    context: BrowserContext,
    tmp_path: Path,
    filesystem_mcp_server: list[str],
    complaints: list[str],
) -> None:
    repository = _repository(tmp_path / "shop")
    changes = repository / "CHANGES.md"
    with (
        Endpoint(_script(repository, changes)) as endpoint,
        open_house(tmp_path / "house", endpoint.env) as house,
    ):
        _configure(house, repository, filesystem_mcp_server)
        page = context.new_page()
        sign_in(page, house)
        session = start_session(page, house, "Write CHANGES.md from the history.", "historian")
        live(page)
        _approve_the_write(page, changes)
        ended(page)
        assert changes.read_text() == SAID
        shows_everything(page, house, session)
        assert house.session(session)["status"] == "completed"
        assert "Rehearsal model" not in page.inner_text("body")
        # The model was given what git said.
        assert "Test every nib by hand" in str(endpoint.requests()[-1]["messages"])
        assert endpoint.refusals() == []
    assert complaints == []


def _approve_the_write(page: Page, changes: Path) -> None:
    page.locator("#pending .decide [data-key=a]").click(timeout=PATIENCE)
    sheet = page.locator("#sheet")
    expect(sheet).to_contain_text(changes.name)
    assert not changes.exists()
    sheet.get_by_role("button", name="Approve HIGH").click()


def _repository(path: Path) -> Path:
    path.mkdir()
    author = ["-c", "user.name=Mara Quill", "-c", "user.email=mara@fernhill.example"]
    message = ["-m", "Test every nib by hand"]
    for words in (["init", "-q"], [*author, "commit", "-q", "--allow-empty", *message]):
        subprocess.run(["git", *words], cwd=path, check=True)
    return path


def _script(repository: Path, changes: Path) -> list[object]:
    look = {"name": "git__git_log", "input": {"repo_path": str(repository), "max_count": 5}}
    write = {"name": "files__write_file", "input": {"path": str(changes), "content": SAID}}
    return [
        {"thinking": "The history comes first.", "text": "I read the history.", "tools": [look]},
        {"text": "I write the file.", "tools": [write]},
        "CHANGES.md is written.",
    ]


def _configure(house: House, repository: Path, files: list[str]) -> None:
    git = [sys.executable, "-m", "mcp_server_git", "--repository", str(repository)]
    text = CONFIGURATION.format(git=git, files=[*files, str(repository)])
    (house.folder / "house.toml").write_text(text)
    house.command("configure", house.folder / "house.toml")
