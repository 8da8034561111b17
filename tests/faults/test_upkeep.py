"""The upkeep at work while others write and read, and killed in the midst of it: nothing is lost, and no file missing."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support.server import Server

EAGER = {
    "DUCKSHIFT_UPKEEP_INTERVAL_S": "1", "DUCKSHIFT_UPKEEP_TIME_PERCENT": "100",
    "DUCKSHIFT_UPKEEP_KEEP_S": "2", "DUCKSHIFT_UPKEEP_GRACE_S": "1",
}  # fmt: skip
ROUNDS = 2
TOTAL = 100 * 1_000


class Clients:
    """Who writes and reads until the server is gone; ``wrong`` is what should not have been seen."""

    def __init__(self, dsn: str, first: int) -> None:
        self.wrong: list[str] = []
        self.acknowledged = 0
        self.refused = 0
        self._dsn = dsn
        self._first = first
        self._threads = [
            threading.Thread(target=self._run, args=(work,), daemon=True)
            for work in (self._append, self._transfer, self._read)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)

    def _run(self, work: Callable[[psycopg.Connection], None]) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True) as connection:
                while True:
                    work(connection)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if isinstance(error, psycopg.errors.QueryCanceled | psycopg.errors.IoError | psycopg.errors.SystemError):
                self.wrong.append(str(error))
        except psycopg.Error as error:
            self.wrong.append(f"{error.sqlstate} {error}")

    def _append(self, connection: psycopg.Connection) -> None:
        batch = self._first + self.acknowledged
        connection.execute(
            "INSERT INTO events SELECT %s, (i * 7) %% 150 FROM generate_series(1, 150) AS g(i)", (batch,)
        )
        self.acknowledged += 1
        time.sleep(0.02)

    def _transfer(self, connection: psycopg.Connection) -> None:
        try:
            with connection.transaction():
                connection.execute("UPDATE bank SET balance = balance - 1 WHERE id = 1")
                connection.execute("UPDATE bank SET balance = balance + 1 WHERE id = 2")
        except psycopg.errors.SerializationFailure:
            self.refused += 1
        time.sleep(0.02)

    def _read(self, connection: psycopg.Connection) -> None:
        for sql in (
            "SELECT sum(balance), count(*) FROM bank",
            "SELECT sum(balance), count(*) FROM bank FOR TIMESTAMP AS OF SYSDATE - INTERVAL '100 milliseconds'",
        ):
            found = connection.execute(sql).fetchone()  # type: ignore[call-overload]
            if found != (TOTAL, 1_000):
                self.wrong.append(f"{sql}: {found}")
        odd = connection.execute("SELECT batch FROM events GROUP BY batch HAVING count(*) <> 150").fetchall()
        if odd:
            self.wrong.append(f"parts of batches: {odd}")
        time.sleep(0.02)


def _rewritten(server: Server) -> int:
    """Return how often files were written anew so far."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        found = connection.execute("SELECT count(*) FROM stl_vacuum").fetchone()
    return found[0] if found else 0


def _lake_is_whole(connection: psycopg.Connection) -> None:
    assert connection.execute("SELECT sum(balance), count(*), count(DISTINCT id) FROM bank").fetchall() == [
        (TOTAL, 1_000, 1_000)
    ]
    connection.execute("SELECT sum(batch), sum(place) FROM events")


@pytest.mark.fault("kill -9 while files are written anew and old versions end")
def test_a_kill_in_the_midst_of_upkeep_loses_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", environment=EAGER)
    server.start()
    try:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE bank (id int, balance int) SORTKEY (id)")
            connection.execute("INSERT INTO bank SELECT i, 100 FROM generate_series(1, 1000) AS g(i)")
            connection.execute("CREATE TABLE events (batch int, place int) SORTKEY (place)")
        # Reads of a moment ago need one.
        time.sleep(0.2)
        written = 0
        for number in range(ROUNDS):
            rewritten = _rewritten(server)
            clients = Clients(server.dsn, written)
            # It gives way to them: on a busy machine for longer than a test can wait.
            until = time.monotonic() + 10
            while _rewritten(server) == rewritten and time.monotonic() < until:
                time.sleep(0.1)
            time.sleep(0.4 + 0.37 * number)
            server.kill()
            clients.join()
            assert clients.wrong == []
            written += clients.acknowledged
            server.start()
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                _lake_is_whole(connection)
                found = connection.execute("SELECT count(DISTINCT batch), count(*) FROM events").fetchone()
                # A commit that was not acknowledged may have been made.
                assert found in {(written, written * 150), (written + 1, (written + 1) * 150)}
                written = found[0] if found else 0
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            until = time.monotonic() + 60
            while not _rewritten(server):
                assert time.monotonic() < until, server.log[-40:]
                time.sleep(0.1)
            while _versions_are_old(connection):
                assert time.monotonic() < until, server.log[-40:]
                time.sleep(0.5)
            _lake_is_whole(connection)
        assert server.stop() == 0
    finally:
        server.kill()


def _versions_are_old(connection: psycopg.Connection) -> bool:
    """Tell whether versions are there yet that should have ended."""
    try:
        connection.execute("SELECT count(*) FROM bank FOR VERSION AS OF 10")
    except psycopg.errors.InvalidParameterValue:
        return False
    return True
