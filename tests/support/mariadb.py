"""A throw-away MariaDB on a loopback port; needs the Debian package, nothing else."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_START_S = 60
USER, PASSWORD = "reader", "Read3r pass"


@dataclass(frozen=True, slots=True)
class MariaDb:
    """Where it listens, and its socket for the superuser."""

    host: str
    port: int
    socket: Path

    def run(self, sql: str) -> str:
        """Run statements as the superuser; return what they gave."""
        command = ["mariadb", "-S", str(self.socket), "-uroot", "-e", sql]
        return subprocess.run(command, check=True, timeout=30, stdout=subprocess.PIPE, text=True).stdout


def installed() -> bool:
    """Tell whether the server's programs are there."""
    return shutil.which("mariadbd", path="/usr/sbin:/usr/bin") is not None


@contextlib.contextmanager
def running(database: str) -> Iterator[MariaDb]:
    """Start a server in a new folder with *database*, which ``USER`` may read; stop it and remove the folder."""
    home = Path(tempfile.mkdtemp(prefix="duckshift-mariadb-"))
    shutil.chown(home, "mysql")
    install = ["mariadb-install-db", "--user=mysql", f"--datadir={home}", "--auth-root-authentication-method=normal"]
    subprocess.run([*install, "--skip-test-db"], check=True, stdout=subprocess.DEVNULL, timeout=60)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = home / "s.sock"
    command = ["/usr/sbin/mariadbd", "--user=mysql", f"--datadir={home}", f"--port={port}", "--bind-address=127.0.0.1"]
    process = subprocess.Popen([*command, f"--socket={place}", "--skip-log-bin"], stderr=subprocess.DEVNULL)
    found = MariaDb("127.0.0.1", port, place)
    try:
        _wait(found)
        found.run(
            f"CREATE DATABASE {database}; CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';"
            f"GRANT SELECT ON {database}.* TO {USER}@'%'"
        )
        yield found
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(home, ignore_errors=True)


def _wait(found: MariaDb) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run(
                ["mariadb", "-S", str(found.socket), "-uroot", "-e", "SELECT 1"],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10,
            )  # fmt: skip
            return
        time.sleep(0.2)
    raise TimeoutError("MariaDB did not start")
