"""A million rows fetched in parts, as Tableau and Power BI do by cursors and Java programs by fetch size: in bounded memory."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import programs
from tests.support.canceling import repeated
from tests.support.environments import jar_of, python_of
from tests.support.server import Server

ROWS = 1_000_000
SUM = ROWS * (ROWS - 1) // 2
FETCHED = 10_000
WIDTH = 500
GROWTH_MB = 350
"""What the server may grow by: less than the 500 MB that the rows are together."""
QUERY = "SELECT id, text FROM wide"
POSTGRESQL = Path("/usr/share/java/postgresql.jar")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own with a table of a million rows of 500 letters."""
    # A copy of the table takes memory, too, while it is made: what fetching takes is to be seen.
    with Server(
        tmp_path_factory.mktemp("wide") / "data", environment={"DUCKSHIFT_ENGINE_TABLE_CACHE_MB": "0"}
    ) as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE TABLE wide (id int, text varchar({WIDTH}))")
            connection.execute(
                f"INSERT INTO wide SELECT id, repeat('x', {WIDTH - 32}) || md5(id::varchar)"
                f" FROM (SELECT generate_series(0, {ROWS - 1})::int AS id)"
            )
        yield running


def resident_mb(server: Server) -> float:
    """Return the memory that the server's process holds."""
    assert server.process is not None
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def bounded(server: Server) -> Iterator[None]:
    """Fail when the server grows beyond bounds within."""
    seen = [resident_mb(server)]
    with repeated(lambda: seen.append(resident_mb(server)), 0.05):
        yield
    assert max(seen) - seen[0] < GROWTH_MB, f"from {seen[0]:.0f} to {max(seen):.0f} MB"


@pytest.mark.client("tableau")
def test_cursors(wide: Server) -> None:
    with psycopg.connect(wide.dsn, autocommit=True) as connection, bounded(wide):
        connection.execute("BEGIN")
        connection.execute(f'DECLARE "SQL_CUR0x1" CURSOR FOR {QUERY}')
        count = total = 0
        while rows := connection.execute(f'FETCH {FETCHED} IN "SQL_CUR0x1"').fetchall():
            assert len(rows) == FETCHED and all(len(text) == WIDTH for _, text in rows)
            count += len(rows)
            total += sum(number for number, _ in rows)
        connection.execute('CLOSE "SQL_CUR0x1"')
        connection.execute("COMMIT")
    assert (count, total) == (ROWS, SUM)


@pytest.mark.client("powerbi")
def test_declare_fetch_of_psqlodbc(wide: Server) -> None:
    program = (
        "import os, pyodbc\n"
        "connection = pyodbc.connect(os.environ['CASE_WORDS'], autocommit=True)\n"
        f"cursor = connection.execute('{QUERY}')\n"
        "count = total = 0\n"
        "for number, text in cursor:\n"
        "    count, total = count + 1, total + number\n"
        "print(count, total)\n"
    )
    words = {
        "DRIVER": "{PostgreSQL Unicode}", "SERVER": wide.host, "PORT": wide.port, "DATABASE": wide.database,
        "UID": wide.user, "PWD": wide.password, "Protocol": "7.4-1", "UseDeclareFetch": 1, "Fetch": FETCHED,
    }  # fmt: skip
    environment = {"CASE_WORDS": ";".join(f"{name}={value}" for name, value in words.items())}
    assert _run(wide, [python_of("drivers"), "-c", program], environment) == f"{ROWS} {SUM}"


@pytest.mark.client("metabase")
def test_fetch_size_of_jdbc(wide: Server, tmp_path: Path) -> None:
    source = programs.FOLDER / "Fetch.java"
    subprocess.run(["javac", "-nowarn", "-d", tmp_path, source], check=True, timeout=100)
    jars = f"{tmp_path}:{POSTGRESQL}:{jar_of('redshift_jdbc')}"
    environment = {
        "PGUSER": wide.user, "PGPASSWORD": wide.password, "CASE_QUERY": QUERY, "CASE_FETCH": str(FETCHED),
        "CASE_URL": f"jdbc:redshift://{wide.host}:{wide.port}/{wide.database}",
        "SERVER_CERTIFICATE": f"{wide.data}/tls/server.crt",
    }  # fmt: skip
    # Its rows would not fit into its own memory, either.
    assert _run(wide, ["java", "-Xmx64m", "-cp", jars, "Fetch"], environment) == f"{ROWS} {SUM}"


def _run(server: Server, command: list[Any], variables: dict[str, str]) -> str:
    with bounded(server):
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": ""} | variables, capture_output=True, text=True, timeout=100, check=False
        )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
