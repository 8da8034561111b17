"""A throw-away PostgreSQL on a loopback port, to compare answers with; needs the Debian package, nothing else."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_VERSIONS: Final = Path("/usr/lib/postgresql")
_USER: Final = "postgres"
_START_S: Final = 60
_PARAMETERS: Final = f"user\0{_USER}\0database\0postgres\0\0".encode()
_START: Final = struct.pack(">ii", len(_PARAMETERS) + 8, 196_608) + _PARAMETERS


@dataclass(frozen=True, slots=True)
class Postgres:
    """Where it listens; user ``postgres``, database ``postgres``, no password asked."""

    host: str
    port: int
    log: Path = Path()
    """What it logs."""
    restart: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """Ends it without ado, as a crash would, and starts it again on the same data."""
    stop: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    start: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """The two halves of ``restart``."""

    @property
    def dsn(self) -> str:
        """Return a connection URI that libpq and asyncpg take."""
        return f"postgresql://{_USER}@{self.host}:{self.port}/postgres"


def programs() -> Path | None:
    """Return the folder with initdb and postgres of the newest version installed, None without one."""
    found = sorted(_VERSIONS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextlib.contextmanager
def running(*settings: str) -> Iterator[Postgres]:
    """Start a server in a new folder, stop it and remove the folder at the end; *settings* are ``name=value``."""
    folder = programs()
    if folder is None:
        raise RuntimeError("PostgreSQL is not installed")
    # Its own temporary folder: pytest's belongs to root where tests run as root, and PostgreSQL refuses root.
    home = Path(tempfile.mkdtemp(prefix="duckshift-postgres-"))
    try:
        _own(home)
        data = home / "data"
        _run(
            [str(folder / "initdb"), "-D", str(data), "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            home,
        )
        port = _free_port()
        options = (
            "fsync=off",
            "listen_addresses=127.0.0.1",
            f"port={port}",
            f"unix_socket_directories={home}",
            *settings,
        )
        command = [str(folder / "postgres"), "-D", str(data), *(part for name in options for part in ("-c", name))]
        with (home / "log").open("wb") as log:

            def start() -> "subprocess.Popen[bytes]":
                return subprocess.Popen(_as_user(command), cwd=home, stdout=log, stderr=log)

            def crash() -> None:
                # An immediate shutdown writes nothing any more: the start recovers from the log.
                server.send_signal(signal.SIGQUIT)
                server.wait(_START_S)

            def begin() -> None:
                nonlocal server
                server = start()
                _wait(server, port, home / "log")

            def restart() -> None:
                crash()
                begin()

            server = start()
            try:
                _wait(server, port, home / "log")
                yield Postgres("127.0.0.1", port, home / "log", restart, crash, begin)
            finally:
                # A fast shutdown: a client that is still connected does not hold it up.
                server.send_signal(signal.SIGINT)
                server.wait(_START_S)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _as_user(command: list[str]) -> list[str]:
    return (
        ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", *command] if os.getuid() == 0 else command
    )


def _own(folder: Path) -> None:
    if os.getuid() == 0:
        entry = pwd.getpwnam(_USER)
        os.chown(folder, entry.pw_uid, entry.pw_gid)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(_as_user(command), cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
            # A whole start-up packet, which is answered with an error until the server has recovered.
            probe.sendall(_START)
            if probe.recv(1) == b"R":
                return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
