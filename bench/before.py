"""What a statement that comes again takes of the processor before the engine has it: `make bench-before`.

    python -m bench.before [--times 3000]

From the moment at which the server has read a statement's bytes to the one at which the engine is given it: messages
taken apart, names and privileges looked up, locks and a place in a queue taken. The server is the whole one, in a
process of its own, with a clock at both ends: its event loop's processor time, so that what others do does not count.
The result cache is off.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.support.server import Server

_FIGURES: Final = "BENCH_FIGURES"
_ROWS: Final = 100_000
_WARM: Final = 400
_SAME: Final = "SELECT sum(n), count(*) FROM points WHERE id = 77"
_REPORT: Final = (
    "SELECT n % 10 AS place, count(*) AS rows, sum(n) AS total, min(id) AS first, max(id) AS last FROM points"
    " WHERE id BETWEEN 1000 AND 90000 AND n > 10 GROUP BY 1 HAVING count(*) > 2 ORDER BY total DESC, place LIMIT 5"
)


class _Watched(Server):
    command = "from bench.before import serve; serve()"


def serve() -> None:
    """Run a server that notes how long it takes from a statement's bytes to the engine."""
    from engine.cursors import DuckDbEngine
    from engine.together import Together
    from server.channel import Channel
    from server.main import main

    noted: list[float] = []
    begun = [0.0]

    def begins(method: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*given: Any, **named: Any) -> Any:
            begun[0] = time.thread_time()
            return method(*given, **named)

        return noting

    def ends(method: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*given: Any, **named: Any) -> Any:
            if begun[0]:
                noted.append(time.thread_time() - begun[0])
                begun[0] = 0.0
            return method(*given, **named)

        return noting

    def tell(*_: object) -> None:
        target = Path(os.environ[_FIGURES])
        target.with_suffix(".new").write_text(json.dumps(noted))
        target.with_suffix(".new").rename(target)
        noted.clear()

    for owner, name, noting in (
        (Channel, "buffer_updated", begins), (Together, "_tried", ends), (DuckDbEngine, "guarded", ends),
    ):  # fmt: skip
        setattr(owner, name, noting(getattr(owner, name)))
    signal.signal(signal.SIGUSR2, tell)
    sys.exit(main())


def _measured(server: Server, figures: Path, run: Callable[[], object], times: int) -> list[float]:
    for _ in range(_WARM):
        run()
    found: list[float] = []
    for count in (0, times):
        for _ in range(count):
            run()
        figures.unlink(missing_ok=True)
        if server.process is None:
            raise RuntimeError("the server has no process")
        server.process.send_signal(signal.SIGUSR2)
        while not figures.exists():
            time.sleep(0.01)
        found = json.loads(figures.read_text())
    return sorted(found)


def main() -> None:
    """Measure some statements and print what they take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3_000, help="how often each statement comes")
    times = parser.parse_args().times
    folder = Path(tempfile.mkdtemp())
    figures = folder / "figures.json"
    with (
        _Watched(folder / "data", environment={_FIGURES: str(figures), "DUCKSHIFT_ENGINE_NICENESS": "15"}) as server,
        psycopg.connect(server.dsn, autocommit=True, sslmode="disable") as client,
    ):
        client.execute("SET enable_result_cache_for_session TO off")
        client.execute("CREATE TABLE points (id bigint, n int)")
        client.execute(f"INSERT INTO points SELECT i * 4, i FROM generate_series(1, {_ROWS}) AS g(i)")
        number = random.Random(7).randrange
        chosen: dict[str, Callable[[], object]] = {
            "point read, the same text again": lambda: client.execute(_SAME).fetchall(),
            "point read, prepared, other values": lambda: client.execute(
                _SAME.replace("77", "%s"), (number(_ROWS),), prepare=True
            ).fetchall(),
            "point read, another number in the text": lambda: client.execute(
                _SAME.replace("77", str(number(_ROWS)))
            ).fetchall(),
            f"report of {len(_REPORT)} characters, the same text again": lambda: client.execute(_REPORT).fetchall(),
        }
        for name, run in chosen.items():
            found = _measured(server, figures, run, times)
            shown = (found[0], found[len(found) // 10], statistics.median(found), found[len(found) * 9 // 10])
            least, tenth, half, most = (f"{1e6 * seconds:4.0f}" for seconds in shown)
            print(f"{name:55} least {least} µs, tenth {tenth}, median {half}, nine tenths {most}", flush=True)


if __name__ == "__main__":
    main()
