"""A stretch of network between a browser and the product that can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers import free_port


class Wire:
    """Passes bytes to a port on 127.0.0.1; once cut, it drops and refuses connections."""

    def __init__(self, to: int, port: int) -> None:
        self._to, self.port = to, port
        self._ears: list[socket.socket] = []
        self._ends: list[socket.socket] = []
        self.mend()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def mend(self) -> None:
        ear = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self._ears = [ear]
        threading.Thread(target=self._accept, args=(ear,), daemon=True).start()

    def cut(self) -> None:
        for one in [*self._ears, *self._ends]:
            # A blocked accept or read ends only by a shutdown.
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._ears, self._ends = [], []

    def _accept(self, ear: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = ear.accept()
                self._join(ear, near)

    def _join(self, ear: socket.socket, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._to))
        except OSError:
            near.close()
            return
        self._ends += [near, far]
        if ear not in self._ears:  # it was cut meanwhile
            self.cut()
        for pair in ((near, far), (far, near)):
            threading.Thread(target=_pass, args=pair, daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire_to(port: int, here: int = 0) -> Iterator[Wire]:
    wire = Wire(port, here or free_port())
    try:
        yield wire
    finally:
        wire.cut()
