"""How long clients' crawls of a large catalog take, and what the catalog's own changes cost.

    python -m bench.scale [--tables 10000] [--folder DIR] [--user all|part] [--only TEXT]

Makes the catalog (or takes the one that is in DIR), starts the server on it anew, and times each crawl of
``bench.crawls``: the first after the start, the first after a change of the catalog, and one more. The wanted figure
is under a second for each.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.pq import DiagnosticField

from bench import report
from bench.crawls import CRAWLS
from bench.goals import CRAWL, Seen
from bench.workloads import OURS, Figure, Setup
from tests.support.server import Server

WANTED_S: Final = 1.0
_WANTED_TABLES: Final = 10_000
_ROW: Final = frozenset({"psql \\d", "pgjdbc getColumns", "dbt catalog"})
_WHEN: Final = ("after a change", "again")
_COLUMNS: Final = (
    "c0 int NOT NULL, c1 bigint, c2 varchar(64), c3 numeric(12,2), c4 date, c5 timestamp, c6 boolean,"
    " c7 double precision, c8 char(3) DEFAULT 'abc', c9 smallint ENCODE raw, PRIMARY KEY (c0)"
)
_PASSWORD: Final = "Ticket5ales"
_QUIET: Final = {"DUCKSHIFT_LOG_LEVEL": "error"}
_PART: Final = "part"
_BATCH: Final = 500
_PATIENCE_S: Final = 300
"""A busy machine may need it to start on so large a catalog."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code tells whether every crawl was quick enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=_WANTED_TABLES)
    parser.add_argument("--folder", type=Path, help="a data folder that is kept; made where it is empty")
    parser.add_argument("--only", default="", help="crawls whose name holds this")
    chosen = parser.parse_args(arguments)
    with _folder(chosen.folder) as folder:
        if not any(folder.iterdir()):
            with _started(folder) as server:
                make(server, chosen.tables)
        begun = time.perf_counter()
        with _started(folder) as server:
            took, others = time.perf_counter() - begun, os.getloadavg()[0]
            print(f"start of the server {took:.2f} s, {_used(server):.2f} s of the processor; load {others:.1f}")
            if not chosen.only:
                change(server)
            slow, seen = crawl(server, chosen.only)
    if chosen.tables == _WANTED_TABLES and not chosen.only:
        report.keep(seen, f"{os.cpu_count()} cores")
    print(f"{slow} crawls over {WANTED_S:g} s")
    return 1 if slow else 0


def crawls(setup: Setup) -> list[Figure]:
    """Measure row 15 as a group of ``bench.compare``: 10,000 tables at scale 1, the three crawls that it is about."""
    tables = round(_WANTED_TABLES * min(setup.scale, 1))
    folder = setup.folder / "crawled"
    with _started(folder) as server:
        make(server, tables)
    with _started(folder) as server:
        _, seen = crawl(server, "", (server.user,), _ROW)
    return [
        Figure(
            group="i", name=f"{tables:,} tables: {each.name}", unit="s", values={OURS: each.value},
            more_is_better=False, seen=(each,) if tables == _WANTED_TABLES else (),
        )
        for each in seen
    ]  # fmt: skip


def make(server: Server, tables: int) -> None:
    """Make a catalog of *tables* tables of ten columns, keys on each, with views, comments and grants on some."""
    with _connection(server) as connection:
        connection.execute("CREATE SCHEMA crawled")
        connection.execute(f"CREATE USER {_PART} PASSWORD '{_PASSWORD}'")
        connection.execute(f"GRANT USAGE ON SCHEMA crawled TO {_PART}")
        few = tables // 20
        for what, count, statement in (
            ("tables", tables, lambda n: f"CREATE TABLE crawled.t{n} ({_COLUMNS})"),
            ("foreign keys", tables // 5,
             lambda n: f"ALTER TABLE crawled.t{n + 1} ADD FOREIGN KEY (c1) REFERENCES crawled.t{n}(c0)"),
            ("views", few, lambda n: f"CREATE VIEW crawled.v{n} AS SELECT c0, c1, c2 FROM crawled.t{n}"),
            ("late-binding views", few // 5,
             lambda n: f"CREATE VIEW crawled.l{n} AS SELECT c0, c1 FROM crawled.t{n} WITH NO SCHEMA BINDING"),
            ("comments", few, lambda n: f"COMMENT ON TABLE crawled.t{n} IS 'table {n}'"),
            ("comments on columns", few, lambda n: f"COMMENT ON COLUMN crawled.t{n}.c2 IS 'the name'"),
            ("grants", tables // 3, lambda n: f"GRANT SELECT ON crawled.t{n} TO {_PART}"),
        ):  # fmt: skip
            begun = time.perf_counter()
            _batches(connection, count, statement)
            took = time.perf_counter() - begun
            print(f"{what:20} {took:8.2f} s  {took / max(count, 1) * 1000:8.3f} ms each", flush=True)


def change(server: Server) -> None:
    """Print what statements cost that change the catalog, each begun when the server has nothing left to do."""
    print(f"\n{'change of the catalog':38} {'time':>9} {'processor until idle':>22}")
    with _connection(server) as connection:
        for what, sql in _CHANGES:
            _idle(server)
            used, begun = _used(server), time.perf_counter()
            result = connection.pgconn.exec_(sql.encode())
            took = time.perf_counter() - begun
            if result.error_message:
                raise RuntimeError(result.error_message.decode())
            _idle(server)
            print(f"{what:38} {took * 1000:6.0f} ms {(_used(server) - used) * 1000:19.0f} ms", flush=True)


_CHANGES: Final = (
    ("CREATE TABLE", "CREATE TABLE crawled.more (a int)"),
    ("its first INSERT", "INSERT INTO crawled.more VALUES (1)"),
    ("CREATE TABLE AS", "CREATE TABLE crawled.copied AS SELECT * FROM crawled.more"),
    ("ALTER TABLE ADD COLUMN", "ALTER TABLE crawled.copied ADD COLUMN b int"),
    ("ALTER TABLE RENAME TO", "ALTER TABLE crawled.copied RENAME TO model"),
    ("a model of dbt, in a transaction",
     "BEGIN; CREATE TABLE crawled.model__tmp AS SELECT * FROM crawled.more; ALTER TABLE crawled.model RENAME TO"
     " model__backup; ALTER TABLE crawled.model__tmp RENAME TO model; COMMIT"),
    ("DROP TABLE of what it was before", "DROP TABLE crawled.model__backup"),
    ("CREATE VIEW", "CREATE VIEW crawled.over AS SELECT a FROM crawled.more"),
    ("DROP TABLE, and its views", "DROP TABLE crawled.more CASCADE"),
    ("CREATE TEMP TABLE", "CREATE TEMP TABLE passing (a int)"),
    ("GRANT", "GRANT SELECT ON crawled.model TO part"),
    ("DROP TABLE", "DROP TABLE crawled.model"),
)  # fmt: skip


def crawl(
    server: Server, only: str, users: Sequence[str] = (), names: Collection[str] = ()
) -> tuple[int, list[Seen]]:
    """Print each crawl's times (those of *names*); return how many are too slow, and row 15.

    That is done for *users*: if there are none for two, one of whom sees a third.
    """
    slow, seen = 0, []
    for user in users or (server.user, _PART):
        print(f"\n{'as ' + user:38} {'rows':>8} {'changed':>9} {'again':>9} {'processor':>9}")
        with _connection(server, user) as connection, _connection(server) as other:
            for name, statement in CRAWLS:
                if only.lower() in name.lower() and (not names or name in names):
                    times = _shown(name, _Crawl(server, connection, other, statement))
                    slow += max(times) > WANTED_S
                    if name in _ROW and user == server.user:
                        seen += [Seen(CRAWL, f"{name}, {when}", each) for when, each in zip(_WHEN, times, strict=False)]
    return slow, seen


def _shown(name: str, crawl: "_Crawl") -> tuple[float, ...]:
    """Print one crawl's figures; return its seconds after a change of the catalog, and again."""
    changed = crawl.run(change=True)
    if changed is None:
        print(f"{name:38} refused", flush=True)
        return (0.0,)
    again = [crawl.run() or changed for _ in range(3)]
    times = changed.wall_s, statistics.median(each.wall_s for each in again)
    processor = statistics.median(each.processor_s for each in again)
    shown = " ".join(f"{each * 1000:6.0f} ms" for each in (*times, processor))
    print(f"{name:38} {changed.rows:8,} {shown}{'  slow' if max(times) > WANTED_S else ''}", flush=True)
    return times


@dataclass(frozen=True, slots=True)
class _Figures:
    rows: int
    wall_s: float
    processor_s: float
    """What the server used: a busy machine does not change that much."""


@dataclass(frozen=True, slots=True)
class _Crawl:
    server: Server
    connection: "psycopg.Connection[tuple[object, ...]]"
    other: "psycopg.Connection[tuple[object, ...]]"
    statement: str

    def run(self, *, change: bool = False) -> _Figures | None:
        """Run it, after a change of the catalog if so; None where the user may not."""
        if change:
            self.other.execute("DROP TABLE IF EXISTS crawled.changing")
            self.other.execute("CREATE TABLE crawled.changing (a int, b varchar(20))")
        used, begun = _used(self.server), time.perf_counter()
        result = self.connection.pgconn.exec_(self.statement.encode())
        took = time.perf_counter() - begun
        if result.error_field(DiagnosticField.SQLSTATE) == b"42501":
            return None
        if result.error_message:
            raise RuntimeError(result.error_message.decode())
        return _Figures(result.ntuples, took, _used(self.server) - used)


def _used(server: Server) -> float:
    """Return the seconds of processor time that the server has used."""
    assert server.process is not None
    words = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _idle(server: Server) -> None:
    """Wait until the server has nothing to do; drops are gathered for a second."""
    used = -1.0
    while _used(server) > used + 0.05:
        used = _used(server)
        time.sleep(1.5)


def _batches(
    connection: "psycopg.Connection[tuple[object, ...]]", count: int, statement: Callable[[int], str]
) -> None:
    for first in range(0, count, _BATCH):
        numbers = range(first, min(count, first + _BATCH))
        connection.pgconn.exec_(";".join(("BEGIN", *(statement(number) for number in numbers), "COMMIT")).encode())


@contextmanager
def _started(folder: Path) -> Iterator[Server]:
    server = Server(folder, environment=_QUIET)
    try:
        yield server.start(_PATIENCE_S)
    finally:
        server.stop(_PATIENCE_S)


@contextmanager
def _connection(server: Server, user: str = "") -> "Iterator[psycopg.Connection[tuple[object, ...]]]":
    dsn = f"host={server.host} port={server.port} dbname={server.database} user={user or server.user}"
    with psycopg.connect(f"{dsn} password={_PASSWORD}", autocommit=True) as connection:
        connection.execute("SET search_path TO crawled, public")
        yield connection


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="duckshift-scale-") as made:
            yield Path(made)
    else:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept


if __name__ == "__main__":
    sys.exit(main())
