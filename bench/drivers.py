"""Real clients: psql, psycopg 3 and pgjdbc read half a million rows of lineitem, each from its own process."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from bench.servers import Target

ROWS: Final = 500_000
TABLE: Final = "lineitem_part"
_QUERY: Final = f"SELECT * FROM {TABLE}"
_JDBC: Final = Path("/usr/share/java/postgresql.jar")
_JAVA: Final = Path(__file__).with_name("Read.java")
_TIMED: Final = """
import subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(time.perf_counter() - start)
"""
_PSYCOPG: Final = """
import sys, time, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    start = time.perf_counter()
    rows = connection.execute(sys.argv[2]).fetchall()
    print(time.perf_counter() - start, len(rows))
"""

Sample = Callable[[], float]


def drivers() -> dict[str, Callable[[Target], Sample]]:
    """Return the clients that are installed."""
    found: dict[str, Callable[[Target], Sample]] = {"psql -At": _psql, "psycopg 3, fetchall": _psycopg}
    if _JDBC.exists() and shutil.which("java"):
        found["pgjdbc"] = partial(_pgjdbc, fetch_size=0)
        found["pgjdbc, 10,000 rows at a time"] = partial(_pgjdbc, fetch_size=10_000)
    return found


def _psql(target: Target) -> Sample:
    """Return the time of a whole psql, its start and log-in with it."""

    def sample() -> float:
        dsn = f"host=127.0.0.1 port={target.port} user={target.user} dbname={target.database} sslmode=disable"
        script = "import subprocess, sys, time; start = time.perf_counter();"
        script += (
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); print(time.perf_counter() - start)"
        )
        return _told([sys.executable, "-c", script, "psql", "-XAt", dsn, "-c", _QUERY], target)

    return sample


def _psycopg(target: Target) -> Sample:
    def sample() -> float:
        dsn = f"host=127.0.0.1 port={target.port} user={target.user} dbname={target.database} sslmode=disable"
        return _told([sys.executable, "-c", _PSYCOPG, dsn, _QUERY], target)

    return sample


def _pgjdbc(target: Target, fetch_size: int) -> Sample:
    def sample() -> float:
        url = f"jdbc:postgresql://127.0.0.1:{target.port}/{target.database}?sslmode=disable"
        path = os.pathsep.join(str(jar) for jar in _JDBC.parent.glob("*.jar"))
        command = ["java", "-Xmx3g", "-cp", path, str(_JAVA), url, target.user, _QUERY, str(fetch_size)]
        return _told(command, target)

    return sample


def _told(command: list[str], target: Target) -> float:
    """Run a client and return the seconds that it prints first."""
    environment = os.environ | {"PGPASSWORD": target.password}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} against {target.name}: {done.stderr.strip()[-500:]}")
    return float(done.stdout.split()[0])
