"""kill -9 in the middle of every kind of statement: afterwards all of it has happened, or nothing.

``make chaos`` kills each kind several times, at another moment each time, as long as the time lasts (four times
``CHAOS_SECONDS``), and once in any case; in the ordinary tests a few are killed once.
"""

import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.server import Server

Connection = psycopg.Connection[tuple[Any, ...]]
FULL = "CHAOS_SECONDS" in os.environ
ROUNDS = 3 if FULL else 1
SECONDS = 4 * float(os.environ.get("CHAOS_SECONDS", "30"))
SEVERAL = ", ".join(f"({n}, 'word {n}')" for n in range(2_000))


@dataclass(frozen=True, slots=True)
class Case:
    """A statement, what it needs, and what tells before from after."""

    text: str
    state: str
    """A query of one row; what it gives may be what it gave before the statement, or ``after``."""
    after: tuple[Any, ...]
    needs: tuple[str, ...] = ()
    often: bool = False
    """Whether it is killed in the ordinary tests too."""


_THERE = "SELECT count(*) FROM pg_class WHERE relname = '{}'"
CASES = {
    "INSERT": Case("INSERT INTO big SELECT n + 5000, word FROM big", "SELECT count(*), max(n) FROM big", (4_000, 6_999)),
    "INSERT VALUES": Case(f"INSERT INTO big VALUES {SEVERAL}", "SELECT count(*) FROM big", (4_000,)),
    "UPDATE": Case("UPDATE big SET word = word || '!'", "SELECT count(*) FROM big WHERE word LIKE '%!'", (2_000,), often=True),
    "DELETE": Case("DELETE FROM big WHERE n % 2 = 0", "SELECT count(*) FROM big", (1_000,)),
    "MERGE": Case(
        "MERGE INTO big USING news ON big.n = news.n WHEN MATCHED THEN UPDATE SET word = news.word"
        " WHEN NOT MATCHED THEN INSERT VALUES (news.n, news.word)",
        "SELECT count(*), count(CASE WHEN word = 'new' THEN 1 END) FROM big",
        (3_000, 2_000),
        ("CREATE TABLE news AS SELECT n + 1000 AS n, 'new'::varchar(20) AS word FROM big",),
    ),
    "COPY": Case("COPY big FROM '{folder}/rows.csv' CSV", "SELECT count(*) FROM big", (22_000,), often=True),
    "TRUNCATE": Case("TRUNCATE big", "SELECT count(*) FROM big", (0,)),
    "CREATE TABLE": Case("CREATE TABLE made (a int PRIMARY KEY, b varchar(10) DEFAULT 'x')", _THERE.format("made"), (1,)),
    "CREATE TABLE AS": Case("CREATE TABLE made AS SELECT * FROM big", _THERE.format("made"), (1,), often=True),
    "DROP TABLE": Case("DROP TABLE spare", _THERE.format("spare"), (0,), ("CREATE TABLE spare AS SELECT * FROM big",)),
    "ALTER TABLE ADD COLUMN": Case(
        "ALTER TABLE big ADD COLUMN more int DEFAULT 7",
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'big'::regclass AND attname = 'more'",
        (1,),
    ),
    "ALTER TABLE APPEND": Case(
        "ALTER TABLE big APPEND FROM spare",
        "SELECT (SELECT count(*) FROM big), (SELECT count(*) FROM spare)",
        (4_000, 0),
        ("CREATE TABLE spare AS SELECT * FROM big",),
    ),
    "ALTER TABLE RENAME": Case("ALTER TABLE spare RENAME TO named", _THERE.format("named"), (1,), ("CREATE TABLE spare (a int)",)),
    "CREATE SCHEMA": Case("CREATE SCHEMA made", "SELECT count(*) FROM pg_namespace WHERE nspname = 'made'", (1,)),
    "CREATE DATABASE": Case("CREATE DATABASE made", "SELECT count(*) FROM pg_database WHERE datname = 'made'", (1,)),
    "CREATE MATERIALIZED VIEW": Case(
        "CREATE MATERIALIZED VIEW made AS SELECT n % 10 AS k, count(*) AS c FROM big GROUP BY 1", _THERE.format("made"), (1,)
    ),
    "REFRESH MATERIALIZED VIEW": Case(
        "REFRESH MATERIALIZED VIEW seen",
        "SELECT c FROM seen",
        (2_001,),
        ("CREATE MATERIALIZED VIEW seen AS SELECT count(*) AS c FROM big", "INSERT INTO big VALUES (9999, 'last')"),
    ),
    "VACUUM": Case("VACUUM FULL big TO 100 PERCENT", "SELECT count(*), sum(n) FROM big", (2_000, 1_999_000), often=True),
    "ANALYZE": Case("ANALYZE big", "SELECT count(*) FROM big", (2_000,)),
    "GRANT": Case(
        "GRANT SELECT ON big TO PUBLIC",
        "SELECT count(*) FROM svv_relation_privileges WHERE relation_name = 'big' AND identity_name = 'public'",
        (1,),
    ),
    "CREATE USER": Case("CREATE USER made PASSWORD 'Passw0rd1'", "SELECT count(*) FROM pg_user WHERE usename = 'made'", (1,)),
    "CALL": Case(
        "CALL fill(50)",
        "SELECT count(*) FROM filled",
        (50,),
        (
            "CREATE TABLE filled (a int)",
            "CREATE PROCEDURE fill(n int) AS $$ BEGIN FOR i IN 1..n LOOP INSERT INTO filled VALUES (i); END LOOP; END; $$"
            " LANGUAGE plpgsql",
        ),
    ),
    "UNLOAD": Case(
        "UNLOAD ('SELECT * FROM big') TO '{folder}/out/' ALLOWOVERWRITE", "SELECT count(*) FROM big", (2_000,)
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("files")
    (place / "rows.csv").write_text("".join(f"{n},loaded\n" for n in range(20_000)))
    (place / "out").mkdir()
    return place


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Server]:
    environment = {"DUCKSHIFT_COPY_LOCAL_FOLDERS": str(folder)}
    with Server(tmp_path_factory.mktemp("killed") / "data", environment=environment) as running:
        yield running


@pytest.fixture(scope="module")
def deadline() -> float:
    """When no statement is killed a second time any more."""
    return time.monotonic() + SECONDS


@pytest.mark.fault("kill -9 during each kind of statement")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if FULL or case.often])
def test_all_or_nothing(server: Server, folder: Path, deadline: float, name: str) -> None:
    case, chance = CASES[name], random.Random(name)
    for number in range(ROUNDS):
        if number and time.monotonic() > deadline:
            break
        before = _prepared(server, case)
        answered = _killed(server, case.text.format(folder=folder), chance.random())
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            found = connection.execute(case.state).fetchone()
            assert found in ({case.after} if answered else {case.after, before})
            _sound(connection)
            _clean(connection)


def _prepared(server: Server, case: Case) -> tuple[Any, ...] | None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE big (n int, word varchar(20)) SORTKEY (n)")
        connection.execute(f"INSERT INTO big VALUES {SEVERAL}")
        for text in case.needs:
            connection.execute(text)
        return connection.execute(case.state).fetchone()


def _killed(server: Server, text: str, share: float) -> bool:
    """Run *text* and kill the server within the first part of a second; return whether it was answered before."""
    answered = threading.Event()

    def run() -> None:
        try:
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                begun.set()
                connection.execute(text)
                answered.set()
        except psycopg.Error:
            return

    begun = threading.Event()
    client = threading.Thread(target=run)
    client.start()
    begun.wait(30)
    time.sleep(0.3 * share**2)
    done = answered.is_set()
    server.kill()
    client.join(30)
    server.start()
    return done


def _sound(connection: Connection) -> None:
    """Read every table that there is."""
    for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
        connection.execute(f"SELECT * FROM {name}").fetchall()


def _clean(connection: Connection) -> None:
    for kind, name in (
        ("MATERIALIZED VIEW", "seen"), ("MATERIALIZED VIEW", "made"), ("TABLE", "made"), ("TABLE", "big"), ("TABLE", "spare"),
        ("TABLE", "named"), ("TABLE", "news"), ("TABLE", "filled"), ("PROCEDURE", "fill(int)"), ("SCHEMA", "made"),
        ("DATABASE", "made"), ("USER", "made"),
    ):  # fmt: skip
        try:
            connection.execute(f"DROP {kind} {name}" + (" CASCADE" if kind == "TABLE" else ""))
        except psycopg.Error as error:
            assert (error.sqlstate or "") in {"42P01", "42883", "3F000", "3D000", "42704", "42809"}, error
