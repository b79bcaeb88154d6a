"""A session's own folder, which nothing leaves.

Every component of a path is opened relative to its parent's descriptor and never through a
symbolic link, so there is no moment between a check and its use in which a link could be swapped.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agents.core.tools import InvalidArguments, NotFound, PermissionDenied, ToolError

MAX_FILE = 1_000_000  # bytes
MAX_PATH = 1_000  # characters
MAX_ENTRIES = 500  # shown of one folder

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a FIFO would wait for ever.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def parts(path: str) -> tuple[str, ...]:
    """The components of a relative path; none for the workspace itself. Raises ``ToolError``."""
    if len(path) > MAX_PATH or re.search(r"[\x00-\x1f\x7f]", path):
        raise InvalidArguments("path: too long, or contains control characters", effects=False)
    escape = path.startswith(("/", "~")) or "\\" in path or re.match(r"[A-Za-z]:", path)
    if escape or re.search(r"%(2e|2f|5c|00)", path, re.IGNORECASE):
        raise _outside(path)
    names = tuple(name for name in path.split("/") if name not in {"", "."})
    if any(set(name) == {"."} for name in names):
        raise _outside(path)
    return names


def read(root: Path, path: str) -> bytes:
    """The content of a regular file, at most ``MAX_FILE`` bytes. Raises ``ToolError``."""
    *folders, name = parts(path) or (".",)
    with _folder(root, folders, path) as folder, _refusals(path):
        descriptor = os.open(name, _READ, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InvalidArguments(f"path: {path} is not a file", effects=False)
            if status.st_nlink > 1:  # its other name may be outside
                raise _outside(path)
            if status.st_size > MAX_FILE:
                raise InvalidArguments(
                    f"path: {path} has {status.st_size:,} bytes, more than {MAX_FILE:,}",
                    effects=False,
                )
            return file.read(MAX_FILE)


def entries(root: Path, path: str) -> list[str] | None:
    """The names in a folder, folders with a slash; None if ``path`` is no folder."""
    try:
        with _folder(root, parts(path), path) as folder, os.scandir(folder) as found:
            return sorted(
                entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "") for entry in found
            )
    except (NotFound, PermissionDenied):
        return None


def write(root: Path, path: str, content: bytes) -> None:
    """Replace or create a file, whole or not at all. Raises ``ToolError``."""
    if len(content) > MAX_FILE:
        raise InvalidArguments(f"content: more than {MAX_FILE:,} bytes", effects=False)
    names = parts(path)
    if not names:
        raise InvalidArguments("path: name a file", effects=False)
    *folders, name = names
    with _folder(root, folders, path, create=True) as folder, _refusals(path):
        _refuse_all_but_files(folder, name, path)
        _replace(folder, name, content)


def _refuse_all_but_files(folder: int, name: str, path: str) -> None:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise _outside(path)
    if not stat.S_ISREG(mode):
        raise InvalidArguments(f"path: {path} is not a file", effects=False)


def _replace(folder: int, name: str, content: bytes) -> None:
    draft = f".{secrets.token_hex(8)}.draft"
    descriptor = os.open(draft, _CREATE, 0o644, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(draft, dir_fd=folder)
        raise
    os.fsync(folder)


@contextmanager
def _folder(
    root: Path, names: list[str] | tuple[str, ...], path: str, *, create: bool = False
) -> Iterator[int]:
    """An open descriptor of a folder in the workspace, reached without following a link."""
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root, _DIRECTORY)
    try:
        with _refusals(path):
            for name in names:
                if create:
                    _make(descriptor, name)
                below = os.open(name, _DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _make(folder: int, name: str) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=folder)


@contextmanager
def _refusals(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"There is no {path} in the workspace.", effects=False) from None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            raise _outside(path) from None
        reason = os.strerror(error.errno or 0)
        raise ToolError(f"The workspace refused {path}: {reason}.") from None


def _outside(path: str) -> PermissionDenied:
    return PermissionDenied(
        f"{path[:200]!r} is refused: name a file inside the workspace by a relative path, "
        "without '..' and not through a link.",
        effects=False,
    )


SEED = {
    "README.txt": """\
This is your workspace at Fernhill Supplies. You can read and write files here and nowhere else.

orders.csv          last week's orders, exported from the shop
press-release.txt   a draft that waits for its numbers
notes/supplier.txt  what Kestrel Paper said on the telephone
""",
    "orders.csv": """\
order,customer,product,quantity,total,status
1001,Ada Brook,Ledger A4,3,38.70,paid
1002,Imran Wells,Copper nib set,1,24.50,open
1003,Ada Brook,Fern ink 50 ml,2,19.80,open
1004,Lotte Hahn,Ledger A4,12,154.80,shipped
1005,Tomas Reyes,Blotting paper,5,16.25,open
1006,Imran Wells,Desk lamp,1,89.00,refund requested
""",
    "press-release.txt": """\
DRAFT - not for publication

Fernhill Supplies shipped [NUMBER] orders last week and opens its second workshop in May.
"We still test every nib by hand," says [NAME], who runs the shop.

Press contact: see the bundled library.
""",
    "notes/supplier.txt": """\
Kestrel Paper: next delivery of Ledger A4 slips by one week. They offer 4 % off if we confirm by
Friday. Ask for it in writing.
""",
}


def seed_workspace(path: Path) -> None:
    """Give a new session's workspace a few files to work on; what is there already stays."""
    for name, text in SEED.items():
        target = path / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
