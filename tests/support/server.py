"""A duckshift server in a process of its own: start it, stop it, kill it, start it again on the same data."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.warm import Child, Nursery

ROOT = Path(__file__).parents[2]
ADMIN_USER = "awsuser"
ADMIN_PASSWORD = "Ticket5ales"
DATABASE = "dev"
_READY = re.compile(r"duckshift ready on (?P<host>\S+):(?P<port>\d+)")


class Server:
    """One data folder and the process that serves it. ``log`` holds everything it wrote to stderr."""

    host = "127.0.0.1"
    user = ADMIN_USER
    password = ADMIN_PASSWORD
    database = DATABASE

    command = "import sys; from server.main import main; sys.exit(main())"
    nursery: "Nursery | None" = None
    """What servers are forked from where many are started one after the other; None starts each from nothing."""

    def __init__(
        self, data: Path | str, *, arguments: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.port = 0
        self.log: list[str] = []
        self.process: subprocess.Popen[str] | Child | None = None
        self._arguments = arguments
        self._environment = dict(environment or {})
        self._reader: threading.Thread | None = None

    @property
    def dsn(self) -> str:
        """What libpq needs to connect as the first superuser."""
        return f"host={self.host} port={self.port} user={self.user} password={self.password} dbname={self.database}"

    def start(self, timeout_s: float = 60) -> "Server":
        """Start and wait for the ready line."""
        arguments = ["serve", "--data", str(self.data), "--host", self.host, "--port", str(self.port), *self._arguments]
        environment = os.environ | {
            "DUCKSHIFT_ADMIN_USER": self.user,
            "DUCKSHIFT_ADMIN_PASSWORD": self.password,
            "PYTHONPATH": str(ROOT),
            # Several servers share the machine that runs the tests.
            "DUCKSHIFT_ENGINE_MEMORY_LIMIT": "3GB",
            "DUCKSHIFT_ENGINE_NICENESS": "0",
        }
        self.process = self._process(arguments, environment | self._environment)
        ready: Queue[int] = Queue()
        self._reader = threading.Thread(target=self._read, args=(self.process, ready), daemon=True)
        self._reader.start()
        try:
            self.port = ready.get(timeout=timeout_s)
        except Empty:
            self.kill()
            raise TimeoutError(f"no ready line within {timeout_s} s:\n" + "".join(self.log)) from None
        if not self.port:
            code = self.process.wait()
            raise RuntimeError(f"the server ended with code {code}:\n" + "".join(self.log))
        return self

    def _process(self, arguments: list[str], environment: dict[str, str]) -> "subprocess.Popen[str] | Child":
        # What the loader and the interpreter read as they start cannot be given to a fork.
        if self.nursery is not None and not any(name.startswith(("LD_", "PYTHON")) for name in self._environment):
            return self.nursery.start(arguments, environment)
        command = [sys.executable, "-P", "-c", self.command, *arguments]
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def _read(self, process: "subprocess.Popen[str] | Child", ready: "Queue[int]") -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                self.log.append(line)
                if found := _READY.search(line):
                    ready.put(int(found["port"]))
        ready.put(0)

    def stop(self, timeout_s: float = 60) -> int:
        """Ask it to end (SIGTERM) and return its exit code."""
        return self._end(signal.SIGTERM, timeout_s)

    def kill(self) -> int:
        """End it in the middle of whatever it does (SIGKILL)."""
        return self._end(signal.SIGKILL, 10)

    def _end(self, number: signal.Signals, timeout_s: float) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            if self._reader is not None:
                self._reader.join(5)
        return code

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()
