"""This server, PostgreSQL and raw DuckDB side by side, in one run on one machine.

    python -m bench.compare [--quick] [--only a,b] [--scale 1] [--runs 5] [--keep] [--pin]

a  rows a second of a 6-million-row result to one client that drains it, text and binary
b  SELECT 1 and a point aggregate a second, 1 and 16 clients, simple and prepared
c  TPC-H's 22 queries
d  COPY of lineitem from CSV
e  half a million rows of lineitem through psql, psycopg 3 and pgjdbc
f  a report again and a new one, small and many-row INSERTs, short statements beside a heavy one
g  two servers on one lake: a client's server is killed, and what sharing costs
h  snapshots of a warehouse of 1 GB, and the ways back from them
i  crawls of a catalog of 10,000 tables
j  5,000 idle connections with TLS

At the end: the wanted ratios (``bench.goals``), and which of them were reached; docs/benchmarks.md has its
table and its plot from there (``bench.report``), but not from quick runs. Trust the ratios, not the
absolutes. "DuckDB" runs in this process, without a server or a client.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import everyday, fleet, goals, idle, recovery, report, scale, servers, tpch, workloads
from bench.workloads import Figure, Setup

_QUICK_SCALE: Final = 0.1
GROUPS: Final[dict[str, Callable[[Setup], list[Figure]]]] = {
    "a": workloads.stream,
    "b": workloads.small,
    "c": workloads.reports,
    "e": workloads.real_clients,
    "f": everyday.everyday,
    "g": fleet.fleet,
    "h": recovery.recovery,
    "i": scale.crawls,
    "j": idle.idle,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the tables are always loaded, so (d) costs nothing extra."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, one run of each")
    parser.add_argument("--only", default="a,b,c,d,e,f,g,h,i,j", help="groups to measure, e.g. a,b")
    parser.add_argument("--scale", type=float, help="TPC-H scale factor (1)")
    parser.add_argument("--runs", type=int, help="runs of which the median counts (5)")
    parser.add_argument("--keep", action="store_true", help="write docs/benchmarks.* after a quick run, too")
    parser.add_argument("--pin", action="store_true", help="servers on all cores but the last, clients on the last")
    chosen = parser.parse_args(arguments)
    wanted = chosen.only.split(",")
    if not set(wanted) <= {*GROUPS, "d"}:
        parser.error(f"no such group: {chosen.only}")
    factor = chosen.scale or (_QUICK_SCALE if chosen.quick else 1.0)
    runs = chosen.runs or (1 if chosen.quick else 5)
    terms = f"{os.cpu_count()} cores, TPC-H scale {factor:g}, {runs} runs"
    print(f"{platform.machine()}, {terms}\n", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duckshift-bench-")))
        raw = tpch.generate(folder, factor)
        targets = (
            stack.enter_context(servers.duckshift(folder, folder / "files")),
            stack.enter_context(servers.postgresql()),
        )
        if chosen.pin:
            _pin(targets)
        seconds = 1 if chosen.quick else 3
        setup = Setup(servers=targets, raw=raw, folder=folder, runs=runs, seconds=seconds, scale=factor)
        loaded = workloads.load(replace(setup, runs=runs if "d" in wanted else 1))
        figures = loaded if "d" in wanted else []
        _report(figures)
        for group, measure in GROUPS.items():
            if group in wanted:
                found = measure(setup)
                _report(found)
                figures += found
        raw.close()
        seen = [each for figure in figures for each in figure.seen]
        for line in goals.table(seen):
            print(line)
        if not chosen.quick or chosen.keep:
            others = [figure for figure in figures if not figure.seen]
            report.keep(
                seen, terms, [(each.group, each.name, each.values[workloads.OURS], each.unit) for each in others]
            )
    return 0


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
