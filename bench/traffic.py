"""Reports over web traffic against raw DuckDB: strings that are grouped, compared and searched, averages, visitors.

    python -m bench.traffic [--rows 3000000] [--runs 3] [--wait 40] [--memory 3GB]

TPC-H has few strings and few groups; these reports have many of both. Both sides run in turns, DuckDB in memory with
its own tables. The first run of each report, the best of the others, and at the end the geometric means of the ratios.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb
import psycopg

from tests.support.server import Server

_COLUMNS: Final = {
    "view_id bigint": "hash(i)::HUGEINT % 1000000000000000",
    "seen_at timestamp": "TIMESTAMP '2024-05-01' + to_seconds((hash(i * 5) % 2678400)::BIGINT)",
    "site int": "CASE WHEN hash(i * 7) % 12 = 0 THEN 17 ELSE (hash(i * 7) % 5000)::INT END",
    "visitor bigint": "(hash(i * 11) % 400000)::BIGINT * 7919",
    "region smallint": "(hash(i * 13) % 3000)::SMALLINT",
    "title varchar(300)": "'Page ' || (hash(i * 17) % 40000) || ' of the catalogue'",
    "address varchar(1000)": "'https://shop' || (hash(i * 19) % 2500) || '.example/' ||"
                             " CASE WHEN hash(i * 23) % 40 = 0 THEN 'sale/' ELSE 'item/' END || (hash(i * 29) % 30000)",
    "referrer varchar(1000)": "CASE WHEN hash(i * 31) % 3 = 0 THEN '' ELSE"
                              " 'https://www.search' || (hash(i * 31) % 900) || '.example/q/' || (hash(i * 37) % 2000)"
                              " END",
    "query varchar(300)": "CASE WHEN hash(i * 41) % 4 = 0 THEN 'words ' || (hash(i * 41) % 250000) ELSE '' END",
    "device varchar(60)": "CASE WHEN hash(i * 43) % 5 = 0 THEN 'Phone ' || (hash(i * 43) % 150) ELSE '' END",
    "width smallint": "(hash(i * 47) % 2400)::SMALLINT",
    "paid decimal(9,2)": "((hash(i * 53) % 100000)::BIGINT / 100)::DECIMAL(9,2)",
}  # fmt: skip
_REPORTS: Final = (
    "SELECT count(*) FROM views WHERE device <> ''",
    "SELECT sum(width), count(*), avg(width) FROM views",
    "SELECT count(DISTINCT visitor) FROM views",
    "SELECT count(DISTINCT query) FROM views",
    "SELECT min(seen_at), max(seen_at), min(address), max(title) FROM views",
    "SELECT region, count(DISTINCT visitor) AS n FROM views GROUP BY region ORDER BY n DESC, region LIMIT 10",
    "SELECT region, sum(paid), avg(width), count(*) AS n FROM views GROUP BY region ORDER BY n DESC, region LIMIT 10",
    "SELECT device, count(DISTINCT visitor) AS n FROM views WHERE device <> '' GROUP BY device ORDER BY n DESC"
    " LIMIT 10",
    "SELECT query, count(*) AS n FROM views WHERE query <> '' GROUP BY query ORDER BY n DESC LIMIT 10",
    "SELECT region, query, count(*) AS n FROM views WHERE query <> '' GROUP BY region, query ORDER BY n DESC LIMIT 10",
    "SELECT visitor, query, count(*) AS n FROM views GROUP BY visitor, query ORDER BY n DESC LIMIT 10",
    "SELECT visitor, extract(hour FROM seen_at) AS h, count(*) AS n FROM views GROUP BY 1, 2 ORDER BY n DESC LIMIT 10",
    "SELECT view_id, visitor, count(*) AS n, avg(width) FROM views GROUP BY 1, 2 ORDER BY n DESC LIMIT 10",
    "SELECT count(*) FROM views WHERE address LIKE '%sale%'",
    "SELECT query, min(address), count(*) AS n FROM views WHERE title LIKE '%99%' AND query <> '' GROUP BY query"
    " ORDER BY n DESC LIMIT 10",
    "SELECT query FROM views WHERE query <> '' ORDER BY seen_at, query LIMIT 10",
    "SELECT site, avg(length(address)) AS l, count(*) FROM views WHERE address <> '' GROUP BY site ORDER BY l DESC"
    " LIMIT 20",
    "SELECT split_part(referrer, '/', 3) AS host, count(*) AS n FROM views WHERE referrer <> '' GROUP BY 1"
    " ORDER BY n DESC LIMIT 20",
    "SELECT address, count(*) AS n FROM views GROUP BY address ORDER BY n DESC LIMIT 10",
    "SELECT sum(CASE WHEN device = '' THEN 1 ELSE 0 END), sum(CASE WHEN device = 'Phone 5' THEN paid / 2 END)"
    " FROM views",
    "SELECT title, count(*) AS n FROM views WHERE site = 17 AND seen_at >= '2024-05-10' AND seen_at < '2024-05-20'"
    " AND title <> '' GROUP BY title ORDER BY n DESC LIMIT 10",
    "SELECT date_trunc('hour', seen_at) AS h, count(*) FROM views WHERE site = 17 AND seen_at >= '2024-05-14'"
    " AND seen_at < '2024-05-16' GROUP BY 1 ORDER BY 1",
)  # fmt: skip


def main() -> None:
    """Run all reports and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--runs", type=int, default=3, help="runs of each report after its first")
    parser.add_argument("--wait", type=float, default=40, help="seconds after the load, in which copies are made")
    parser.add_argument("--memory", default="3GB", help="of either engine")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = duckdb.connect(config={"memory_limit": options.memory})
        made = ", ".join(f"{value} AS {column.partition(' ')[0]}" for column, value in _COLUMNS.items())
        raw.execute(f"CREATE TABLE views AS SELECT {made} FROM range({options.rows}) AS r(i)")
        raw.execute(f"COPY views TO '{folder}/views.parquet' (FORMAT parquet)")
        environment = {"DUCKSHIFT_COPY_LOCAL_FOLDERS": name, "DUCKSHIFT_ENGINE_MEMORY_LIMIT": options.memory}
        with Server(folder / "data", environment=environment) as server:
            connection = psycopg.connect(server.dsn, autocommit=True)
            connection.execute("SET enable_result_cache_for_session TO off")
            connection.execute(f"CREATE TABLE views ({', '.join(_COLUMNS)}) SORTKEY (site, seen_at)".encode())
            connection.execute(f"COPY views FROM 'file://{folder}/views.parquet' FORMAT PARQUET".encode())
            time.sleep(options.wait)
            _compare(
                lambda sql: connection.execute(sql.encode()).fetchall(),
                lambda sql: raw.execute(sql).fetchall(),
                options.runs,
            )
            connection.close()


def _compare(ours: Callable[[str], object], raw: Callable[[str], object], runs: int) -> None:
    firsts, repeats = [], []
    for sql in _REPORTS:
        first, repeat = _timed(ours, sql, runs)
        raw_first, raw_repeat = _timed(raw, sql, runs)
        firsts.append(first / raw_first)
        repeats.append(repeat / raw_repeat)
        print(f"{first * 1e3:7.1f} {repeat * 1e3:7.1f} ms, DuckDB {raw_first * 1e3:7.1f} {raw_repeat * 1e3:7.1f} ms,"
              f" {firsts[-1]:5.2f} {repeats[-1]:5.2f} times: {sql[:60]}", flush=True)  # fmt: skip
    print(f"geometric means: first runs {_mean(firsts):.2f}, repeats {_mean(repeats):.2f} times DuckDB's time")


def _timed(run: Callable[[str], object], sql: str, runs: int) -> tuple[float, float]:
    """Return the seconds of the first run, and of the best of the *runs* after it."""
    times = []
    for _ in range(1 + runs):
        start = time.perf_counter()
        run(sql)
        times.append(time.perf_counter() - start)
    return times[0], min(times[1:])


def _mean(ratios: list[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


if __name__ == "__main__":
    main()
