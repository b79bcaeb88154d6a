"""Runs an MCP server so that it dies with the worker: ``launch.py PARENT_PID COMMAND...``.

Run by path with ``python -I -S``: standard library only, and nothing of this package. The server
gets a process group of its own; whatever it leaves behind is adopted by this process and killed
when the server ends, when the worker dies (even by kill -9) or when we are told to end.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
GRACE = 1.0  # seconds between asking the server to end and killing it


class Ended(BaseException):
    """The worker is gone or wants the server gone."""


def main(arguments: list[str]) -> int:
    parent, command = int(arguments[0]), arguments[1:]
    _watch(parent)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    server = _start(command)
    try:
        _leave_the_pipes()
        status = _wait(server)
        _disregard_signals()
    except Ended:
        status = 128 + signal.SIGTERM
    finally:
        _end(server)
    return status


def _watch(parent: int) -> None:
    """Raise ``Ended`` in this process, once, when the parent dies or sends SIGTERM."""

    def end(_number: int, _frame: object) -> None:
        _disregard_signals()
        raise Ended

    def check(number: int, frame: object) -> None:
        if os.getppid() != parent:
            end(number, frame)

    for number in ENDING:
        signal.signal(number, end)
    _prctl(PR_SET_PDEATHSIG, signal.SIGUSR1)
    # Where the kernel sends no such signal, and for a parent that died before we asked for it.
    signal.signal(signal.SIGALRM, check)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 1.0)


def _start(command: list[str]) -> int:
    launcher = os.getpid()
    server = os.fork()
    if server == 0:
        _become(command, launcher)
    with suppress(OSError):
        os.setpgid(server, server)  # as the child does: whoever is first
    return server


def _become(command: list[str], launcher: int) -> NoReturn:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in (*ENDING, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        with suppress(OSError):
            os.setpgid(0, 0)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == launcher:
            os.execvp(command[0], command)  # noqa: S606  # nosec B606 - what an admin configured, without a shell
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _leave_the_pipes() -> None:
    """Only the server may hold its pipes, or nobody would see them close."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def _wait(server: int) -> int:
    while True:
        process, status = os.wait()  # adopted orphans are reaped here too
        if process == server:
            return os.waitstatus_to_exitcode(status) % 256


def _disregard_signals() -> None:
    """Let nothing cut the ending short, not even a signal that has come and is not handled yet."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (*ENDING, signal.SIGALRM):
        signal.signal(number, lambda *_: None)


def _end(server: int) -> None:
    """Ask the server's group to end, then kill it and everything it left behind."""
    _kill(-server, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while _reap() and time.monotonic() < deadline:
        time.sleep(0.01)
    _kill(-server, signal.SIGKILL)
    for _ in range(100):  # killing a parent hands us its children
        for child in _children():
            _kill(child, signal.SIGKILL)
        if not _reap():
            return
        time.sleep(0.01)


def _reap() -> bool:
    """Collect the dead; whether any child is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _children() -> list[int]:
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


def _kill(target: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(target, number)


def _prctl(option: int, value: int) -> None:
    with suppress(OSError, AttributeError):  # not Linux
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
