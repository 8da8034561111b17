"""What dashboards and applications do all day (f).

The same report again, a new one, small writes and large ones, short reads beside a long one.
"""

import itertools
import random
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bench.client import Client, ServerError
from bench.goals import REPEATED, Seen, goal
from bench.servers import Target
from bench.workloads import OURS, PEER, POINTS, Figure, Sample, Setup, medians, pgbench_rate

_REPORT: Final = (
    "SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice * (1 - l_discount)), avg(l_tax), count(*)"
    " FROM lineitem"
    " WHERE l_shipdate <= DATE '1998-09-{day:02}' AND l_orderkey > {key} GROUP BY 1, 2 ORDER BY 1, 2"
)
_NEW: Final = (
    "SELECT n_name, date_trunc('month', o_orderdate) AS month, count(DISTINCT c_custkey) AS c{key},"
    " sum(l_extendedprice)"
    " FROM lineitem JOIN orders ON o_orderkey = l_orderkey JOIN customer ON c_custkey = o_custkey"
    " JOIN nation ON n_nationkey = c_nationkey WHERE o_orderkey < {key} GROUP BY 1, 2 ORDER BY 4 DESC LIMIT 10"
)
_HEAVY: Final = (
    "SELECT count(*) FROM (SELECT l_partkey, l_suppkey, sum(l_quantity) AS q FROM lineitem GROUP BY 1, 2) AS s"
    " JOIN lineitem AS l ON l.l_partkey = s.l_partkey WHERE s.q > l.l_quantity"
)
_WRITERS: Final = (1, 8)
_HASTY: Final = "PostgreSQL that does not wait for the disk"
"""Its commits can be lost, as this server's cannot: shown beside, because a slow disk flatters whoever waits for it."""
_ROWS: Final = 10_000
_SHORT: Final = 3_000
"""Short statements whose slowest hundredth is looked at."""


def everyday(setup: Setup) -> list[Figure]:
    """Measure all of them."""
    ours = next(server for server in setup.servers if server.name == OURS)
    return [*_reports(ours, setup.runs), *_inserts(setup), _many_rows(setup), _beside(ours, setup.runs)]


def _reports(ours: Target, runs: int) -> list[Figure]:
    client, numbers = ours.connect(), itertools.count(1)
    firsts, repeats, extra = [], [], []
    for _ in range(max(3, runs)):
        text = _REPORT.format(day=next(numbers) % 28 + 1, key=next(numbers))
        firsts.append(_seconds(client, text))
        repeats.append(min(_seconds(client, text) for _ in range(5)))
        client.simple("SET enable_result_cache_for_session TO off")
        text = _NEW.format(key=10_000 + next(numbers))
        first = _seconds(client, text)
        extra.append(1_000 * (first - min(_seconds(client, text) for _ in range(3))))
        client.simple("SET enable_result_cache_for_session TO on")
    client.close()
    first, repeat = statistics.median(firsts), statistics.median(repeats)
    again = Figure(
        group="f", name="a report from the result cache", unit="ms", values={OURS: 1_000 * repeat},
        more_is_better=False, notes={OURS: f"first {1_000 * first:.0f} ms"},
        seen=(Seen(goal(9), "the report again", first / repeat), Seen(REPEATED, "its latency", 1_000 * repeat)),
    )  # fmt: skip
    new = statistics.median(extra)
    return [again, _alone("a new text over its repeat, result cache off", "ms", new, 10)]


def _inserts(setup: Setup) -> list[Figure]:
    found = []
    script = "\\set id random(1, 1000000)\nINSERT INTO inserted VALUES (:id, 'a short note', 12.5);"
    for server in setup.servers:
        with_client(server, "CREATE TABLE inserted (id int, note varchar(40), paid decimal(8,2))")
    for clients in _WRITERS:
        samples: dict[str, Sample] = {
            server.name: pgbench_rate(server, script, clients, "simple", setup.seconds) for server in setup.servers
        }
        peer = next(server for server in setup.servers if server.name == PEER)
        samples[_HASTY] = pgbench_rate(peer, script, clients, "simple", setup.seconds, "-c synchronous_commit=off")
        name = f"single-row INSERT, {clients} client{'s' if clients > 1 else ''}"
        figure = Figure(group="f", name=name, unit="/s", values=medians(samples, setup.runs), more_is_better=True)
        found.append(figure.against(12, PEER).against(12, _HASTY, f"{name}, over {_HASTY}"))
    return found


def _many_rows(setup: Setup) -> Figure:
    chosen = random.Random(1)
    rows = ", ".join(
        f"({n}, 'note {chosen.randrange(1_000)}', {chosen.randrange(10_000) / 100}, '2024-{n % 12 + 1:02}-01')"
        for n in range(_ROWS)
    )
    samples: dict[str, Sample] = {}
    for server in setup.servers:
        with_client(server, "CREATE TABLE seeded (id int, note varchar(40), paid decimal(8,2), day date)")
        samples[server.name] = _timed(server, f"INSERT INTO seeded VALUES {rows}")
    values = medians(samples, setup.runs)
    name = f"INSERT of {_ROWS:,} rows in VALUES"
    return Figure(group="f", name=name, unit="s", values=values, more_is_better=False).against(13, PEER)


def _beside(ours: Target, runs: int) -> Figure:
    """Return the slowest hundredth of short statements beside a heavy one, over that of an idle server."""
    client = ours.connect()
    # Else those beside the heavy one are the first ones again, from the cache.
    client.simple("SET enable_result_cache_for_session TO off")
    for number in range(50):
        _short(client, number)
    ratios = []
    for _ in range(runs):
        idle = _slowest(client)
        with_heavy = _during(ours, lambda: _slowest(client))
        ratios.append(with_heavy / idle)
    client.close()
    name = "slowest hundredth of short statements beside a heavy one, over idle"
    return _alone(name, "x", statistics.median(ratios), 14)


def _during(ours: Target, work: Callable[[], float]) -> float:
    stop = threading.Event()
    heavy = ours.connect()
    heavy.simple("SET enable_result_cache_for_session TO off")

    def run() -> None:
        while not stop.is_set():
            heavy.simple(_HEAVY)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.5)
    try:
        return work()
    finally:
        stop.set()
        thread.join()
        heavy.close()


def _slowest(client: Client) -> float:
    times = sorted(_short(client, number) for number in range(_SHORT))
    return times[-(_SHORT // 100)]


def _short(client: Client, number: int) -> float:
    return _seconds(client, f"SELECT sum(n), count(*) FROM points WHERE id = {1 + number * 7919 % POINTS}")


def _alone(name: str, unit: str, value: float, row: int) -> Figure:
    figure = Figure(group="f", name=name, unit=unit, values={OURS: value}, more_is_better=False)
    return replace(figure, seen=(Seen(goal(row), name, value),))


def _seconds(client: Client, sql: str) -> float:
    start = time.perf_counter()
    client.simple(sql)
    return time.perf_counter() - start


def _timed(server: Target, sql: str) -> Sample:
    def sample() -> float:
        client = server.connect()
        try:
            return _seconds(client, sql)
        finally:
            client.close()

    return sample


def with_client(server: Target, sql: str) -> None:
    """Run a statement on a connection of its own; raises ServerError with the server's words."""
    client = server.connect()
    try:
        client.simple(sql)
    except ServerError as error:
        raise ServerError(f"{server.name}: {error}") from error
    finally:
        client.close()
