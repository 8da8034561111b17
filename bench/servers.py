"""The contestants: where each listens, and what its processes have used so far (from /proc)."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.client import Client
from tests.support import postgres
from tests.support.server import Server

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_POSTGRES: Final = (
    "shared_buffers=1GB",
    "work_mem=128MB",
    "maintenance_work_mem=512MB",
    "max_wal_size=8GB",
    "max_connections=50",
    "max_parallel_workers_per_gather=2",
    # The tests' servers do without: what is committed here is on disk, as there.
    "fsync=on",
)


@dataclass(frozen=True, slots=True)
class Target:
    """One server."""

    name: str
    port: int
    user: str
    password: str
    database: str
    pid: int

    def connect(self) -> Client:
        """Return a new connection."""
        return Client("127.0.0.1", self.port, self.user, self.password, self.database)

    def cpu_s(self) -> float:
        """Return the processor seconds that the server and its children have used."""
        return sum(sum(_fields(pid)[11:15]) / _TICKS if pid == self.pid else sum(_fields(pid)[11:13]) / _TICKS
                   for pid in _tree(self.pid))  # fmt: skip

    def reset_peak(self) -> int:
        """Forget the highest memory so far; return the present one in bytes."""
        for pid in _tree(self.pid):
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")
        return max(_status(pid, "VmRSS") for pid in _tree(self.pid))

    def peak(self) -> int:
        """Return the highest memory of any of its processes since ``reset_peak``, in bytes."""
        return max(_status(pid, "VmHWM") for pid in _tree(self.pid))


@contextlib.contextmanager
def duckshift(folder: Path, files: Path, connections: int = 500) -> Iterator[Target]:
    """Start this server on an empty data folder, for so many *connections*; COPY may read *files*."""
    environment = {
        "DUCKSHIFT_COPY_LOCAL_FOLDERS": str(files), "DUCKSHIFT_LOG_LEVEL": "error", "DUCKSHIFT_ENGINE_NICENESS": "15",
        "DUCKSHIFT_SERVER_MAX_CONNECTIONS": str(connections),
    }  # fmt: skip
    with Server(folder / "duckshift", environment=environment) as server:
        if server.process is None:
            raise RuntimeError("the server has no process")
        yield Target("duckshift", server.port, server.user, server.password, server.database, server.process.pid)


@contextlib.contextmanager
def postgresql() -> Iterator[Target]:
    """Start a PostgreSQL with the memory that a server of this size is given."""
    with postgres.running(*_POSTGRES) as server:
        yield Target("PostgreSQL", server.port, "postgres", "", "postgres", _listening(server.port))


def pgbench() -> Path:
    """Return the load generator, which is installed with PostgreSQL."""
    folder = postgres.programs()
    if folder is None:
        raise RuntimeError("PostgreSQL is not installed")
    return folder / "pgbench"


def pin(target: Target | None, cores: set[int]) -> None:
    """Keep a server, or this program and what it starts, on *cores*."""
    for pid in _tree(target.pid) if target else [os.getpid()]:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(task.name), cores)


def _listening(port: int) -> int:
    """Return the oldest process whose command line names the port."""
    shown = subprocess.run(["pgrep", "-o", "-f", f"port={port}"], capture_output=True, text=True, check=True)
    return int(shown.stdout.split()[0])


def _tree(pid: int) -> list[int]:
    found = [pid]
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            if _fields(int(entry.name))[1] == pid:
                found.append(int(entry.name))
    return found


def _fields(pid: int) -> list[int]:
    """Return the numbers of /proc/PID/stat after the name; index 1 is the parent, 11 to 14 the times."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [0, *(int(word) for word in words[1:])]


def _status(pid: int, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0
