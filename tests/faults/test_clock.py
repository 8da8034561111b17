"""The machine's clock is set forward and back under a running server (libfaketime): nobody is sent away, nothing lost."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.support.server import Server

_LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
_COUNT = "SELECT count(*) FROM t a, t b, t c WHERE a.n + b.n + c.n > 0"
_ROWS = 300
_START_S = 180


class Clock:
    """What the server takes for the time."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "offset"
        self.set("+0")
        self.environment = {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "NO_FAKE_STAT": "1",
            # As when a clock is set: what runs on goes on evenly.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset: str) -> None:
        """Put the clock forward or back from the real time, by days."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset}\n")
        new.replace(self._file)


@pytest.mark.fault("a clock that jumps")
@pytest.mark.skipif(_LIBRARY is None, reason="make chaos installs libfaketime")
@pytest.mark.skipif("CHAOS_SECONDS" not in os.environ, reason="starts take half a minute under libfaketime: make chaos")
@pytest.mark.timeout(400)
def test_jumps_forward_and_back(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    server = Server(tmp_path / "data", environment=clock.environment).start(_START_S)
    try:
        _play(server, clock)
    finally:
        server.kill()


def _play(server: Server, clock: Clock) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (n int, at timestamp DEFAULT getdate())")
        connection.execute("INSERT INTO t (n) VALUES " + ", ".join(f"({n + 1})" for n in range(_ROWS)))
        connection.execute("SET statement_timeout TO 60000")
        for number, offset in enumerate(("+2d", "-3d", "+400d", "+0"), start=1):
            _jumps_while_a_statement_runs(connection, clock, offset)
            _wait_for(connection, timedelta(days=float(offset.rstrip("d"))))
            connection.execute(f"INSERT INTO t (n) VALUES ({_ROWS + number})")
            with psycopg.connect(server.dsn) as other:
                assert other.execute("SELECT count(*), max(n) FROM t").fetchone() == (_ROWS + number, _ROWS + number)
        clock.set("-3d")
    server.kill()
    server.start(_START_S)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        assert connection.execute("SELECT count(*), max(n) FROM t").fetchone() == (_ROWS + 4, _ROWS + 4)
        connection.execute("UPDATE t SET n = n + 1")
        assert connection.execute("SELECT max(n) FROM t").fetchone() == (_ROWS + 5,)


def _wait_for(connection: "psycopg.Connection[tuple[object, ...]]", offset: timedelta) -> None:
    """Wait until the server has seen the jump: the library looks once a second, by its own time."""
    end = time.monotonic() + 60
    while True:
        (now,) = connection.execute("SELECT getdate()").fetchone() or (None,)
        assert isinstance(now, datetime)
        if abs(now - datetime.now(UTC).replace(tzinfo=None) - offset) < timedelta(minutes=5):
            return
        assert time.monotonic() < end, f"{now} is not {offset} from now"
        time.sleep(0.2)


def _jumps_while_a_statement_runs(connection: "psycopg.Connection[tuple[object, ...]]", clock: Clock, offset: str) -> None:
    timer = threading.Timer(0.1, clock.set, (offset,))
    timer.start()
    (count,) = connection.execute(_COUNT).fetchone() or (0,)
    timer.join()
    assert isinstance(count, int) and count >= _ROWS**3
