"""kill -9 during a storm of single-row INSERTs, and blocks of them: what was acknowledged is there afterwards, once."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.server import Server

ROUNDS = 3
WRITERS = 8
PARTS = 3


def _connect(server: Server) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(server.dsn, autocommit=True)


Insert = Callable[[psycopg.Connection[tuple[Any, ...]], int], None]


def _insert(connection: psycopg.Connection[tuple[Any, ...]], number: int) -> None:
    """Insert a row, a transaction by itself."""
    table = ("storm", "other")[number % 2]
    connection.execute(f"INSERT INTO {table} VALUES ({number}, 'it''s {number}', {number}.25)".encode())


def _insert_block(connection: psycopg.Connection[tuple[Any, ...]], number: int) -> None:
    """Insert three rows in a block, in some after which it also reads."""
    with connection.transaction():
        for part in range(PARTS):
            connection.execute(f"INSERT INTO blocks VALUES ({number}, {part})".encode())
        if number % 5 == 0:
            connection.execute("SELECT count(*) FROM storm")


def _write(server: Server, start: int, sent: list[int], acknowledged: list[int], insert: Insert = _insert) -> None:
    """Insert numbers until the server is gone."""
    number = start
    try:
        with _connect(server) as connection:
            while True:
                number += 1
                sent.append(number)
                insert(connection, number)
                acknowledged.append(number)
    except psycopg.Error:
        return


def _found(connection: psycopg.Connection[tuple[Any, ...]]) -> list[int]:
    return [row[0] for row in connection.execute("SELECT id FROM storm UNION ALL SELECT id FROM other")]


@pytest.mark.fault("kill -9 during a storm of small writes")
@pytest.mark.parametrize("encrypted", ["false", "true"])
def test_what_was_acknowledged_is_there_once(tmp_path: Path, encrypted: str) -> None:
    server = Server(tmp_path / "data", environment={"DUCKSHIFT_STORAGE_ENCRYPTED": encrypted})
    server.start()
    with _connect(server) as connection:
        for name in ("storm", "other"):
            connection.execute(f"CREATE TABLE {name} (id int NOT NULL, note varchar(20), amount decimal(10,2))".encode())
        connection.execute("CREATE TABLE blocks (id int, part int)")
    sent: list[int] = []
    acknowledged: list[int] = []
    blocks: tuple[list[int], list[int]] = ([], [])
    chance = random.Random(7)
    for number in range(ROUNDS):
        starts = [(number * WRITERS + place) * 1_000_000 for place in range(WRITERS)]
        writers = [threading.Thread(target=_write, args=(server, start, sent, acknowledged)) for start in starts]
        writers += [threading.Thread(target=_write, args=(server, start, *blocks, _insert_block)) for start in starts[:2]]
        for writer in writers:
            writer.start()
        end = time.monotonic() + 60
        while len(acknowledged) <= number * WRITERS or len(blocks[1]) <= number:
            assert time.monotonic() < end, "nobody could write"
            time.sleep(0.01)
        # Some die while all is in the log only, some while it goes into the lake.
        time.sleep(0.3 + 0.3 * chance.random())
        server.kill()
        for writer in writers:
            writer.join()
        server.start()
        with _connect(server) as connection:
            found = _found(connection)
            whole = connection.execute("SELECT id, count(*), count(DISTINCT part) FROM blocks GROUP BY id").fetchall()
            greatest = max(acknowledged)
            table = ("storm", "other")[greatest % 2]
            seen = connection.execute(f"SELECT note, amount::varchar FROM {table} WHERE id = {greatest}".encode()).fetchall()
        assert len(found) == len(set(found)), "a row is there twice"
        assert set(acknowledged) <= set(found), "an acknowledged row is lost"
        assert set(found) <= set(sent)
        assert {tuple(counts) for _, *counts in whole} <= {(PARTS, PARTS)}, "a block is not there whole, or twice"
        assert set(blocks[1]) <= {row[0] for row in whole} <= set(blocks[0])
        assert seen == [(f"it's {greatest}", f"{greatest}.25")]
    assert len(acknowledged) > ROUNDS * WRITERS and len(blocks[1]) > ROUNDS, "the writers hardly wrote"
    assert server.stop() == 0
