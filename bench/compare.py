"""This server, PostgreSQL and raw DuckDB side by side, in one run on one machine.

    python -m bench.compare [--quick] [--only a,b] [--scale 1] [--runs 5] [--pin]

a  rows a second of a 6-million-row result to one client that drains it, text and binary
b  SELECT 1 and a point aggregate a second, 1 and 16 clients, simple and prepared
c  TPC-H's 22 queries
d  COPY of lineitem from CSV
e  half a million rows of lineitem through psql, psycopg 3 and pgjdbc
f  a report again and a new one, small and many-row INSERTs, short statements beside a heavy one
g  two servers on one lake: a client's server is killed, and what sharing costs

At the end: the wanted ratios (``bench.goals``), and which of them were reached. Trust the ratios, not the
absolutes. "DuckDB" runs in this process, without a server or a client.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import duckdb

from bench import everyday, fleet, goals, servers, tpch, workloads
from bench.workloads import Figure, Setup

_QUICK_SCALE: Final = 0.1
_LONG_RUNS: Final = 3
GROUPS: Final[dict[str, Callable[[Setup], list[Figure]]]] = {
    "a": workloads.stream,
    "b": workloads.small,
    "c": workloads.reports,
    "e": workloads.real_clients,
    "f": everyday.everyday,
    "g": fleet.fleet,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the tables are always loaded, so (d) costs nothing extra."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, one run of each")
    parser.add_argument("--only", default="a,b,c,d,e,f,g", help="groups to measure, e.g. a,b")
    parser.add_argument("--scale", type=float, help="TPC-H scale factor (1)")
    parser.add_argument("--runs", type=int, help="runs of which the median counts (5)")
    parser.add_argument("--pin", action="store_true", help="servers on all cores but the last, clients on the last")
    chosen = parser.parse_args(arguments)
    wanted = chosen.only.split(",")
    if not set(wanted) <= {*GROUPS, "d"}:
        parser.error(f"no such group: {chosen.only}")
    scale = chosen.scale or (_QUICK_SCALE if chosen.quick else 1.0)
    runs = chosen.runs or (1 if chosen.quick else 5)
    print(f"{platform.machine()}, {os.cpu_count()} cores, TPC-H scale {scale:g}, {runs} runs\n", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duckshift-bench-")))
        raw = tpch.generate(folder, scale)
        targets = (
            stack.enter_context(servers.duckshift(folder, folder / "files")),
            stack.enter_context(servers.postgresql()),
        )
        if chosen.pin:
            _pin(targets)
        long_runs = min(runs, _LONG_RUNS)
        loaded = workloads.load(_setup(targets, raw, folder, long_runs if "d" in wanted else 1, chosen.quick))
        figures = loaded if "d" in wanted else []
        _report(figures)
        for group, measure in GROUPS.items():
            if group in wanted:
                found = measure(_setup(targets, raw, folder, runs, chosen.quick))
                _report(found)
                figures += found
        raw.close()
        for line in goals.table(seen for figure in figures for seen in figure.seen):
            print(line)
    return 0


def _setup(
    targets: tuple[servers.Target, ...], raw: duckdb.DuckDBPyConnection, folder: Path, runs: int, quick: bool
) -> Setup:
    return Setup(servers=targets, raw=raw, folder=folder, runs=runs, seconds=1 if quick else 3)


def _pin(targets: tuple[servers.Target, ...]) -> None:
    cores = sorted(os.sched_getaffinity(0))
    for target in targets:
        servers.pin(target, set(cores[:-1]))
    servers.pin(None, {cores[-1]})


def _report(figures: list[Figure]) -> None:
    for figure in figures:
        print(f"({figure.group}) {figure.name}")
        for line in _lines(figure):
            print(f"    {line}")
        print(flush=True)


def _lines(figure: Figure) -> Iterator[str]:
    ours = figure.values["duckshift"]
    for name, value in figure.values.items():
        line = f"{name:18}{_number(value):>14} {figure.unit:8}"
        if name != "duckshift" and ours and value:
            times = ours / value if figure.more_is_better else value / ours
            line += f" duckshift is {times:.2f} x as fast"
        if name in figure.notes:
            line += f"   [{figure.notes[name]}]"
        yield line.rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
