"""A way to a PostgreSQL that can be cut at the worst moment: when a commit has arrived and its answer has not."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

_COMMIT: Final = re.compile(rb"Q\x00\x00\x00.COMMIT", re.DOTALL)
_WRITES: Final = b"ducklake_snapshot VALUES"


class Way:
    """What lies between a server and its catalogue."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self.port = int(self._listener.getsockname()[1])
        self.armed = threading.Event()
        """Set: the next commit of the lake is made, and nobody is told."""
        self.cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._sockets += [near, far]
                silent = threading.Event()
                for source, target, watched in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._pass, args=(source, target, silent, watched), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, silent: threading.Event, watched: bool) -> None:
        writes = False
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                writes |= _WRITES in data
                if watched and writes and self.armed.is_set() and _COMMIT.search(data):
                    self.armed.clear()
                    silent.set()
                    target.sendall(data)
                    time.sleep(0.3)
                    self.cut.set()
                    break
                if not silent.is_set() or watched:
                    target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextlib.contextmanager
def way(port: int) -> Iterator[Way]:
    """Open a way to *port*."""
    made = Way(port)
    try:
        yield made
    finally:
        made.close()
