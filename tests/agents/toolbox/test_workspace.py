"""Nothing leaves a session's workspace."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from agents.core.tools import InvalidArguments, NotFound, PermissionDenied, ToolContext, ToolError
from agents.toolbox import workspace
from agents.toolbox.tool import python_tools
from agents.toolbox.workspace import seed_workspace

OUTSIDE = [
    "/etc/passwd",
    "../../etc/passwd",
    "a/../../etc/passwd",
    "..",
    "....//....//etc/passwd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%2fetc",
    "%2E%2E/etc",
    "C:\\Windows\\win.ini",
    "C:/Windows",
    "..\\..\\etc",
    "~/.ssh/id_rsa",
    "a\x00b",
    "a\nb",
    "x" * 2_000,
]


@pytest.fixture
def root(context: ToolContext) -> Path:
    context.workspace.mkdir()
    return context.workspace


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_leaves_the_workspace_is_refused(root: Path, path: str) -> None:
    for attempt in (
        lambda: workspace.read(root, path),
        lambda: workspace.write(root, path, b"x"),
    ):
        with pytest.raises((PermissionDenied, InvalidArguments)) as caught:
            attempt()
        assert not caught.value.effects


def test_a_link_is_refused_as_file_and_as_folder(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    (root / "folder").symlink_to(secret)
    (root / "file").symlink_to(secret / "key")
    for path in ("folder/key", "file"):
        with pytest.raises(PermissionDenied):
            workspace.read(root, path)
        with pytest.raises(PermissionDenied):
            workspace.write(root, path, b"overwritten")
    assert workspace.entries(root, "folder") is None
    assert (secret / "key").read_text() == "secret"


def test_a_link_that_is_swapped_in_during_the_call_leads_nowhere(
    root: Path, tmp_path: Path
) -> None:
    secret, folder = tmp_path / "secret", root / "folder"
    secret.mkdir()
    (secret / "file").write_text("secret")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            folder.mkdir(exist_ok=True)
            (folder / "file").write_text("mine")
            (folder / "file").unlink()
            folder.rmdir()
            folder.symlink_to(secret)
            folder.unlink()

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    for _ in range(3_000):
        with suppress(ToolError):
            seen.add(workspace.read(root, "folder/file"))
    stop.set()
    swapper.join()
    assert b"secret" not in seen


def test_a_file_with_another_name_outside_is_not_read_and_not_written_through(
    root: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "key"
    secret.write_text("secret")
    os.link(secret, root / "file")
    with pytest.raises(PermissionDenied):
        workspace.read(root, "file")
    workspace.write(root, "file", b"mine")
    assert (secret.read_text(), workspace.read(root, "file")) == ("secret", b"mine")


def test_pipes_and_devices_are_not_read(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(InvalidArguments):
        workspace.read(root, "pipe")
    with pytest.raises(InvalidArguments):
        workspace.write(root, "pipe", b"x")


def test_sizes_are_bounded(root: Path) -> None:
    with pytest.raises(InvalidArguments):
        workspace.write(root, "big", b"x" * (workspace.MAX_FILE + 1))
    (root / "big").write_bytes(b"x" * (workspace.MAX_FILE + 1))
    with pytest.raises(InvalidArguments):
        workspace.read(root, "big")


def test_a_failed_write_leaves_the_old_file_and_no_draft(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.write(root, "file", b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ToolError, match="No space"):
        workspace.write(root, "file", b"new")
    assert (root / "file").read_bytes() == b"old"
    assert [path.name for path in root.iterdir()] == ["file"]


async def test_the_tools_write_read_list_and_know_what_happened(context: ToolContext) -> None:
    tools = python_tools()
    seed_workspace(context.workspace)
    arguments = {"path": "reports/week.md", "content": "# Week\nfine\n"}
    assert await tools["write_file"].probe(arguments, context) is None
    written = await tools["write_file"].call(arguments, context)
    assert "sandbox" in str(written.content)
    assert await tools["write_file"].probe(arguments, context) == written
    assert (await tools["read_file"].call({"path": "reports/week.md"}, context)).content == (
        "# Week\nfine\n"
    )
    part = await tools["read_file"].call(
        {"path": "reports/week.md", "first_line": 2, "lines": 1}, context
    )
    assert part.content == "[lines 2 to 2 of 2]\nfine\n"
    listing = await tools["read_file"].call({"path": "."}, context)
    assert "reports/" in str(listing.content)
    assert "orders.csv" in str(listing.content)
    with pytest.raises(NotFound):
        await tools["read_file"].call({"path": "nothing.txt"}, context)
