"""How time and memory grow with rows, columns and connections.

    python -m bench.growth [--rows 100000000] [--columns 1600] [--connections 1024]

Tables of four columns from 10,000 rows on, ten times as many each time: what it takes to write them, to add them all
up, to group them, and to find a day by the sort key; the size of their files, and the most memory that the server had.
Tables of 10 to 1,600 columns: making one, a row into it, a thousand rows out of it. Connections that all ask
``SELECT 1``: answers a second and memory.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from bench.client import Client
from bench.servers import Target, duckshift

_QUERIES: Final = (
    ("sum", "SELECT sum(paid), count(*) FROM {t}"),
    ("group", "SELECT buyer, sum(paid) FROM {t} GROUP BY buyer ORDER BY 2 DESC LIMIT 5"),
    ("day", "SELECT count(*), max(paid) FROM {t} WHERE sold = DATE '2024-05-05'"),
)
_RUNS: Final = 3
_ASKED: Final = 4_000
_THREADS: Final = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--columns", type=int, default=1_600)
    parser.add_argument("--connections", type=int, default=1_024)
    chosen = parser.parse_args(arguments)
    with _folder() as folder, duckshift(Path(folder), Path(folder)) as server:
        client = server.connect()
        client.simple("SET enable_result_cache_for_session TO off")
        for lines in (rows(server, client, chosen.rows, Path(folder)), ("",), columns(client, chosen.columns), ("",)):
            for line in lines:
                print(line, flush=True)
        client.close()
    # A server of its own: one that has had more memory takes what connections need from that.
    with _folder() as folder, duckshift(Path(folder), Path(folder), chosen.connections + 1) as server:
        for line in connections(server, chosen.connections):
            print(line, flush=True)
    return 0


def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="duckshift-growth-")


def rows(server: Target, client: Client, most: int, folder: Path) -> Iterator[str]:
    """Yield a line of figures for each number of rows up to *most*."""
    yield "| rows | written in | sum | group by 10,000 | one day by sort key | files | peak memory |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    client.simple("CREATE TABLE digits (d int)")
    client.simple("INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
    for power in range(4, len(str(most))):
        table, before = f"grown{power}", _bytes(folder)
        client.simple(f"CREATE TABLE {table} (id bigint, buyer int, sold date, paid decimal(12,2)) SORTKEY (sold)")
        server.reset_peak()
        took = _seconds(client, _filled(table, power))
        figures = [min(_seconds(client, sql.format(t=table)) for _ in range(_RUNS)) for _, sql in _QUERIES]
        cells = (f"{10**power:,}", f"{took:.2f} s", *(f"{1_000 * each:.1f} ms" for each in figures),
                 f"{(_bytes(folder) - before) / 1e6:.1f} MB", f"{server.peak() / 1e6:,.0f} MB")  # fmt: skip
        yield f"| {' | '.join(cells)} |"
        client.simple(f"DROP TABLE {table}")


def _filled(table: str, power: int) -> str:
    digits = range(power)
    number = " + ".join(f"d{each}.d::bigint * {10**each}" for each in digits)
    tables = ", ".join(f"digits AS d{each}" for each in digits)
    return (
        f"INSERT INTO {table} SELECT n, (n * 7919) % 10000, DATE '2024-01-01' + (n % 366)::int, (n % 100000) / 100.0"
        f" FROM (SELECT {number} AS n FROM {tables}) AS numbers"
    )


def columns(client: Client, most: int) -> Iterator[str]:
    """Yield a line of figures for each number of columns up to *most*."""
    yield "| columns | CREATE TABLE | INSERT of a row | INSERT … SELECT of 1,000 | SELECT * of 1,000 | sum of one |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for count in [each for each in (10, 100, 1_000, 1_600) if each <= most]:
        table, names = f"wide{count}", [f"c{each}" for each in range(count)]
        statements = (
            f"CREATE TABLE {table} ({', '.join(f'{name} int' for name in names)})",
            f"INSERT INTO {table} VALUES ({', '.join(map(str, range(count)))})",
            f"INSERT INTO {table} SELECT {table}.* FROM {table}, digits AS a, digits AS b, digits AS c",
            f"SELECT * FROM {table}",
            f"SELECT sum(c{count - 1}) FROM {table}",
        )
        yield f"| {count:,} | {' | '.join(f'{1_000 * _seconds(client, each):.0f} ms' for each in statements)} |"


def connections(server: Target, most: int) -> Iterator[str]:
    """Yield a line of figures for each number of connections up to *most*, all of which ask."""
    yield "| connections | SELECT 1 a second, all together | memory more than before |"
    yield "| --- | --- | --- |"
    count, begun = 1, server.reset_peak()
    while count <= most:
        clients = [server.connect() for _ in range(count)]
        with ThreadPoolExecutor(min(count, _THREADS)) as threads:
            each = max(1, _ASKED // count)
            start = time.perf_counter()
            list(threads.map(lambda client, times=each: [client.simple("SELECT 1") for _ in range(times)], clients))
            took = time.perf_counter() - start
        yield f"| {count:,} | {each * count / took:,.0f} | {(server.peak() - begun) / 1e6:.1f} MB |"
        for client in clients:
            client.close()
        count *= 4


def _seconds(client: Client, sql: str) -> float:
    begun = time.perf_counter()
    client.simple(sql)
    return time.perf_counter() - begun


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


if __name__ == "__main__":
    sys.exit(main())
