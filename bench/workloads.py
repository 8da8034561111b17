"""What is measured: streaming, small statements, TPC-H, loading. Each returns figures, none prints.

A figure is the median of its runs; contestants take turns within a run, so that a slow minute of the machine
strikes all of them.
"""

import math
import os
import re
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import duckdb

from bench import drivers, tpch
from bench.client import BINARY, TEXT, ServerError
from bench.goals import INDEXED, Goal, Seen, goal
from bench.servers import Target, pgbench

RAW: Final = "DuckDB"
OURS: Final = "duckshift"
PEER: Final = "PostgreSQL"
_INDEXED: Final = f"{PEER} + index"
_SLOW_S: Final = 8
POINTS: Final = 100_000
_BATCH_ROWS: Final = 10_000
_LIMIT_S: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the report: a value for each contestant."""

    group: str
    name: str
    unit: str
    values: dict[str, float]
    more_is_better: bool
    notes: dict[str, str] = field(default_factory=dict)
    seen: tuple[Seen, ...] = ()
    """What it says of the wanted ratios."""

    def against(self, row: Goal | int, peer: str, name: str = "") -> "Figure":
        """Return the figure with the ratio of duckshift's value to *peer*'s, as the goal of *row* counts it."""
        wanted = goal(row) if isinstance(row, int) else row
        ours, theirs = self.values[OURS], self.values[peer]
        # A goal "times faster" of figures that are seconds, or "latency" of figures a second, turns them round.
        value = ours / theirs if wanted.more_is_better == self.more_is_better else theirs / ours
        return replace(self, seen=(*self.seen, Seen(wanted, name or self.name, value)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What all workloads work on."""

    servers: tuple[Target, ...]
    raw: duckdb.DuckDBPyConnection
    folder: Path
    runs: int
    seconds: float
    """How long a load of small statements lasts."""
    scale: float
    """TPC-H's scale factor."""


Sample = Callable[[], float]
_ALL: Final = "SELECT * FROM lineitem"


def load(setup: Setup) -> list[Figure]:
    """COPY lineitem CSV (d); the other tables are loaded too, for those who come after."""
    samples: dict[str, Sample] = {server.name: _copier(server, setup.folder / "files") for server in setup.servers}
    samples[f"{RAW} + DuckLake"] = _raw_copier(setup)
    figure = Figure(
        group="d", name="COPY lineitem, CSV", unit="s", values=medians(samples, setup.runs), more_is_better=False
    ).against(11, f"{RAW} + DuckLake")
    for server in setup.servers:
        client = server.connect()
        for table in (name for name in tpch.TABLES if name != "lineitem"):
            client.simple(tpch.definition(table, sorted_by_key=server.name == OURS))
            client.simple(_copy(server, table, setup.folder / "files"))
        client.simple(f"CREATE TABLE points AS SELECT l_orderkey AS id, l_partkey AS n FROM lineitem LIMIT {POINTS}")
        client.simple(f"CREATE TABLE {drivers.TABLE} AS SELECT * FROM lineitem LIMIT {drivers.ROWS}")
        if server.name == PEER:
            client.simple("CREATE TABLE indexed AS SELECT * FROM points")
            for statement in ("CREATE INDEX ON indexed (id)", *tpch.POSTGRESQL_INDEXES, "VACUUM ANALYZE"):
                client.simple(statement)
        client.close()
    setup.raw.execute(f"CREATE TABLE points AS SELECT l_orderkey AS id, l_partkey AS n FROM lineitem LIMIT {POINTS}")
    return [figure]


def stream(setup: Setup) -> list[Figure]:
    """Send the whole of lineitem to a client that only drains, and to one that takes its time (a)."""
    found = []
    sizes = _sizes(setup.servers)
    for name, result_format in (("text", TEXT), ("binary", BINARY)):
        samples: dict[str, Sample] = {}
        costs: dict[str, list[tuple[float, int]]] = {server.name: [] for server in setup.servers}
        for server in setup.servers:
            size = sizes[server.name, result_format]
            samples[server.name] = _drainer(server, result_format, size, costs[server.name])
        samples[RAW] = lambda: _raw_drain(setup.raw)
        values = medians(samples, setup.runs)
        notes = {
            server: f"{statistics.median(cpu for cpu, _ in cost):.1f} s CPU, +{max(size for _, size in cost) >> 20} MB"
            for server, cost in costs.items()
        }
        title = f"lineitem, {name}"
        rows = Figure(group="a", name=title, unit="rows/s", values=values, more_is_better=True, notes=notes)
        found.append(rows.against(1, PEER))
        if result_format == TEXT:
            cpu = {server: statistics.median(each for each, _ in cost) for server, cost in costs.items()}
            title += ", the server's processor time"
            found.append(Figure(group="a", name=title, unit="s", values=cpu, more_is_better=False).against(3, PEER))
    return [*found, _slow_reader(setup, sizes)]


def _sizes(targets: tuple[Target, ...]) -> dict[tuple[str, int], int]:
    """Return how long the answers are: the first run of each, which also warms the servers up."""
    found = {}
    for server in targets:
        client = server.connect()
        for result_format in (TEXT, BINARY):
            found[server.name, result_format] = client.extended(_ALL, result_format).size_bytes
        client.close()
    return found


def _slow_reader(setup: Setup, sizes: dict[tuple[str, int], int]) -> Figure:
    grown: dict[str, float] = {}
    for server in setup.servers:
        client = server.connect()
        memory = server.reset_peak()
        client.slow(_ALL, sizes[server.name, TEXT], _SLOW_S)
        grown[server.name] = max(0, server.peak() - memory) / (1 << 20)
        client.close()
    name = f"memory growth, lineitem read in {_SLOW_S} s"
    figure = Figure(group="a", name=name, unit="MB", values=grown, more_is_better=False)
    return replace(figure, seen=(Seen(goal(4), name, grown[OURS]),))


def real_clients(setup: Setup) -> list[Figure]:
    """Read half a million rows of lineitem through real clients (e)."""
    found = []
    for name, reader in drivers.drivers().items():
        values = medians({server.name: reader(server) for server in setup.servers}, setup.runs)
        figure = Figure(group="e", name=f"{name}, {drivers.ROWS:,} rows", unit="s", values=values, more_is_better=False)
        found.append(figure.against(2, PEER))
    return found


def small(setup: Setup) -> list[Figure]:
    """Run statements that take no time but their own overhead (b)."""
    found = []
    point = f"\\set id random(1, {POINTS})\nSELECT sum(n), count(*) FROM %s WHERE id = :id;"
    for clients in (1, 16):
        for mode in ("simple", "prepared"):
            label = f"{mode}, {clients} client{'s' if clients > 1 else ''}"
            ones = _statements(setup, f"SELECT 1, {label}", {"": "SELECT 1;"}, (clients, mode))
            points = {"": point % "points", _INDEXED: point % "indexed"}
            aggregates = _statements(setup, f"point aggregate, {label}", points, (clients, mode))
            if clients == 1:
                found += [ones.against(5, PEER), aggregates]
            else:
                found += [ones, aggregates.against(6, PEER).against(INDEXED, _INDEXED, f"{aggregates.name}, index")]
    return found


def _statements(setup: Setup, name: str, scripts: dict[str, str], load: tuple[int, str]) -> Figure:
    """Return statements a second; *scripts* are for all servers (no name), and for PostgreSQL under other names."""
    clients, mode = load
    samples: dict[str, Sample] = {}
    for server in setup.servers:
        for alias, script in scripts.items():
            if not alias or server.name == PEER:
                samples[alias or server.name] = pgbench_rate(server, script, clients, mode, setup.seconds)
    samples[RAW] = _raw_small(setup, "SELECT 1" in name, clients)
    return Figure(group="b", name=name, unit="/s", values=medians(samples, setup.runs), more_is_better=True)


def reports(setup: Setup) -> list[Figure]:
    """The 22 queries of TPC-H (c): each query's first run, and the median of its repeats."""
    first: dict[str, list[float]] = {}
    repeat: dict[str, list[float]] = {}
    notes: dict[str, str] = {}
    # One session each for all queries. Where one ends between two of them, what that takes is another's: PostgreSQL's
    # process takes leave of a gigabyte of shared memory, 50 ms of the system's time, while the next query runs.
    runners = _report_runners(setup)
    for query in tpch.queries(setup.raw):
        for name, run in runners.items():
            times = [_timed_query(run, query, name, notes) for _ in range(1 + setup.runs)]
            first.setdefault(name, []).append(times[0])
            repeat.setdefault(name, []).append(statistics.median(times[1:]))
    found = []
    for what, seen in (("first runs", first), ("repeats", repeat)):
        sums = {name: sum(times) for name, times in seen.items()}
        means = {name: _geometric(times) for name, times in seen.items()}
        total = Figure(
            group="c", name=f"22 queries, sum of {what}", unit="s", values=sums, more_is_better=False, notes=notes
        )
        mean = Figure(
            group="c", name=f"22 queries, geometric mean of {what}", unit="s", values=means, more_is_better=False
        )
        found += [total, mean.against(7, RAW).against(8, PEER)]
    return found


def medians(samples: dict[str, Sample], runs: int) -> dict[str, float]:
    """Return the medians of *runs* runs, in which the samples take turns."""
    seen: dict[str, list[float]] = {name: [] for name in samples}
    for _ in range(runs):
        for name, sample in samples.items():
            seen[name].append(sample())
    return {name: statistics.median(values) for name, values in seen.items()}


def _geometric(times: list[float]) -> float:
    return math.exp(statistics.fmean(math.log(each) for each in times))


def _drainer(server: Target, result_format: int, size_bytes: int, costs: list[tuple[float, int]]) -> Sample:
    def sample() -> float:
        client = server.connect()
        memory, cpu, start = server.reset_peak(), server.cpu_s(), time.perf_counter()
        drained = client.extended(_ALL, result_format, size_bytes)
        taken = time.perf_counter() - start
        costs.append((server.cpu_s() - cpu, max(0, server.peak() - memory)))
        client.close()
        return drained.rows / taken

    return sample


def _raw_drain(raw: duckdb.DuckDBPyConnection) -> float:
    start = time.perf_counter()
    rows: int = sum(batch.num_rows for batch in raw.execute("SELECT * FROM lineitem").to_arrow_reader(_BATCH_ROWS))
    return rows / (time.perf_counter() - start)


def _copy(server: Target, table: str, files: Path) -> str:
    if server.name == PEER:
        return f"COPY {table} FROM '{files / table}.csv' WITH (FORMAT csv, DELIMITER '|', QUOTE E'\\x01')"
    return f"COPY {table} FROM '{files / table}.csv' DELIMITER '|'"


def _copier(server: Target, files: Path) -> Sample:
    def sample() -> float:
        client = server.connect()
        client.simple("DROP TABLE IF EXISTS lineitem")
        client.simple(tpch.definition("lineitem", sorted_by_key=False))
        start = time.perf_counter()
        client.simple(_copy(server, "lineitem", files))
        taken = time.perf_counter() - start
        client.close()
        return taken

    return sample


def _raw_copier(setup: Setup) -> Sample:
    lake = setup.folder / "raw.ducklake"
    setup.raw.execute(f"ATTACH 'ducklake:{lake}' AS lake (DATA_PATH '{setup.folder / 'raw-files'}/')")
    setup.raw.execute("CALL lake.set_option('parquet_compression', 'zstd')")

    def sample() -> float:
        setup.raw.execute("DROP TABLE IF EXISTS lake.lineitem")
        setup.raw.execute(f"CREATE TABLE lake.lineitem ({tpch.TABLES['lineitem']})")
        start = time.perf_counter()
        setup.raw.execute(
            f"COPY lake.lineitem FROM '{setup.folder / 'files'}/lineitem.csv' (DELIMITER '|', HEADER false, QUOTE '')"
        )
        return time.perf_counter() - start

    return sample


def pgbench_rate(
    server: Target, script: str, clients: int, mode: str, seconds: float, options: str = ""
) -> Sample:
    """Return what has pgbench run *script*, with *options* of the connection, and gives the transactions a second."""

    def sample() -> float:
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            command = [str(pgbench()), "-n", "-M", mode, "-c", str(clients), "-j", "1", "-T", str(math.ceil(seconds))]
            command += ["-f", file.name, "-h", "127.0.0.1", "-p", str(server.port), "-U", server.user, server.database]
            environment = os.environ | {"PGPASSWORD": server.password, "PGSSLMODE": "disable", "PGOPTIONS": options}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
        if done.returncode or not found:
            raise ServerError(f"pgbench against {server.name}: {done.stderr.strip()}")
        return float(found[1])

    return sample


def _raw_small(setup: Setup, constant: bool, clients: int) -> Sample:
    def work(cursor: duckdb.DuckDBPyConnection, until: float, counts: list[int]) -> None:
        count = 0
        while time.perf_counter() < until:
            if constant:
                cursor.execute("SELECT 1").fetchall()
            else:
                query = "SELECT sum(n), count(*) FROM points WHERE id = ?"
                cursor.execute(query, [1 + count * 7919 % POINTS]).fetchall()
            count += 1
        counts.append(count)

    def sample() -> float:
        counts: list[int] = []
        start = time.perf_counter()
        arguments = (start + setup.seconds, counts)
        threads = [threading.Thread(target=work, args=(setup.raw.cursor(), *arguments)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - start)

    return sample


def _report_runners(setup: Setup) -> dict[str, Callable[[str], object]]:
    runners: dict[str, Callable[[str], object]] = {}
    for server in setup.servers:
        client = server.connect()
        if server.name == PEER:
            client.simple(f"SET statement_timeout TO {_LIMIT_S * 1000}")
        else:
            client.simple("SET enable_result_cache_for_session TO off")
        runners[server.name] = client.simple
    runners[RAW] = lambda query: setup.raw.execute(query).fetchall()
    return runners


def _timed_query(run: Callable[[str], object], query: str, name: str, notes: dict[str, str]) -> float:
    start = time.perf_counter()
    try:
        run(query)
    except ServerError as error:
        notes[name] = f"failed: {error}"
        return _LIMIT_S
    return time.perf_counter() - start
