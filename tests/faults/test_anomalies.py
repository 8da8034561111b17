"""Concurrent clients with faults, in the style of Jepsen's list-append and bank tests: no anomaly, and no money lost.

``CHAOS_SECONDS`` says how long clients run (``make chaos``); in the ordinary tests it is a few.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import postgres
from tests.support.fleet import Pair, member, start, stop
from tests.support.histories import Append, Read, Transaction, anomalies
from tests.support.server import Server

SECONDS = float(os.environ.get("CHAOS_SECONDS", "4"))
CLIENTS = 4
PATIENCE_S = 50
"""How much longer clients run where hardly anything was committed."""
TABLES = ("lists_a", "lists_b", "lists_c")
KEYS = (1, 2)
ACCOUNTS = 8
BALANCE = 100
Connection = psycopg.Connection[tuple[Any, ...]]


# Two servers start slowly; what they do to each other is in tests/clients/test_many_servers.py.
BOTH = pytest.mark.skipif("CHAOS_SECONDS" not in os.environ, reason="two servers take longer: CHAOS_SECONDS")


@pytest.fixture(params=["one server", pytest.param("two servers", marks=[BOTH, pytest.mark.postgres])])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server | Pair]:
    if request.param == "one server":
        with Server(tmp_path / "data") as running:
            _fill(running.dsn)
            yield running
        return
    with postgres.running() as catalog:
        pair = member(tmp_path, catalog, "one"), member(tmp_path, catalog, "two")
        try:
            start(*pair)
            _fill(pair[0].dsn)
            yield Pair(*pair)
        finally:
            stop(*pair)


def _fill(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"CREATE TABLE {table} (k int, v varchar(65535))")
            connection.execute(f"INSERT INTO {table} VALUES " + ", ".join(f"({key}, '')" for key in KEYS))
        connection.execute("CREATE TABLE accounts (id int, balance int)")
        rows = ", ".join(f"({number}, {BALANCE})" for number in range(ACCOUNTS))
        connection.execute(f"INSERT INTO accounts VALUES {rows}")


class Clients:
    """Several clients at once, whose connections are lost and statements cancelled meanwhile."""

    def __init__(self, server: Server | Pair) -> None:
        self.server = server
        self.stop = threading.Event()
        self.wrong: list[str] = []
        self._open: dict[int, Connection] = {}

    def connect(self, place: int, *first: str) -> Connection:
        """Return a connection that has run *first*, waiting for a server that starts again."""
        end = time.monotonic() + 60
        while True:
            try:
                # Who runs over it must not wait for ever for a server that is gone.
                self._open[place] = psycopg.connect(self.server.dsn, autocommit=True, connect_timeout=10)
                for statement in first:
                    self._open[place].execute(statement)
                return self._open[place]
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def run(self, work: Any, enough: Callable[[], bool]) -> None:
        """Have every client do *work* (its place, a source of chance) over and over, with faults, until it is *enough*."""

        def client(place: int) -> None:
            chance = random.Random(place)
            try:
                while not self.stop.is_set():
                    work(place, chance)
            except Exception as error:  # noqa: BLE001 - told by the test, which runs on another thread
                self.wrong.append(f"client {place}: {error!r}")
            finally:
                if place in self._open:
                    self._open[place].close()

        threads = [threading.Thread(target=client, args=(place,)) for place in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            self._faults()
            self._wait(enough)
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(90)
        assert not self.wrong, self.wrong

    def _faults(self) -> None:
        chance, end = random.Random(7), time.monotonic() + SECONDS
        killed = time.monotonic() + SECONDS / 2
        while time.monotonic() < end:
            time.sleep(0.1)
            if self._open and chance.random() < 0.3:
                self._cancel(chance.choice([*self._open.values()]))
            if time.monotonic() > killed:
                killed += max(SECONDS / 4, 5)
                self.server.kill()
                self.server.start()

    def _wait(self, enough: Callable[[], bool]) -> None:
        """Give a busy machine time."""
        end = time.monotonic() + PATIENCE_S
        while not enough() and time.monotonic() < end:
            time.sleep(0.1)

    def _cancel(self, connection: Connection) -> None:
        try:
            connection.cancel_safe(timeout=5)
        except psycopg.Error:
            return


class Lists:
    """Transactions that read lists and append to them."""

    def __init__(self, clients: Clients, *, serializable: bool) -> None:
        self.history: list[Transaction] = []
        self._clients = clients
        # Statements by themselves are transactions too.
        level = "SERIALIZABLE" if serializable else "SNAPSHOT"
        self._level = f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}"
        self._numbers = iter(range(1, 1_000_000))
        self._lock = threading.Lock()
        self._connections: dict[int, Connection] = {}

    def one(self, place: int, chance: random.Random) -> None:
        """Run a transaction and note what was seen of it."""
        connection = self._connections.get(place)
        if connection is None or connection.closed:
            connection = self._connections[place] = self._clients.connect(place, self._level)
        item = self._new()
        alone = chance.random() < 0.3
        ending = False
        try:
            if not alone:
                connection.execute("BEGIN")
            for _ in range(1 if alone else chance.randint(2, 4)):
                # A statement by itself is committed with it.
                ending = alone
                self._step(connection, item, chance)
            ending = True
            if not alone:
                connection.execute("COMMIT")
            item.committed = True
        except psycopg.OperationalError as error:
            # 40001, a cancelled statement: rolled back. Without a state: the connection is gone.
            item.committed = None if error.sqlstate is None and ending else False
            self._give_up(connection)
        except psycopg.Error:
            item.committed = False
            self._give_up(connection)
        item.ended = time.monotonic()

    def _give_up(self, connection: Connection) -> None:
        if not connection.closed:
            try:
                connection.rollback()
            except psycopg.Error:
                connection.close()

    def _new(self) -> Transaction:
        with self._lock:
            item = Transaction(next(self._numbers), time.monotonic())
            self.history.append(item)
        return item

    def _step(self, connection: Connection, item: Transaction, chance: random.Random) -> None:
        table, key = chance.choice(TABLES), chance.choice(KEYS)
        kind = chance.random()
        if kind < 0.2:
            self._report(connection, item, key)
        elif kind < 0.6:
            with self._lock:
                value = next(self._numbers)
            step = Append(f"{table}.{key}", value)
            # Noted before: where the answer is lost it may be there.
            item.steps.append(step)
            connection.execute(f"UPDATE {table} SET v = v || ',{value}' WHERE k = {key}")
        else:
            self._read(connection, item, table, key)

    def _read(self, connection: Connection, item: Transaction, table: str, key: int) -> None:
        (text,) = connection.execute(f"SELECT v FROM {table} WHERE k = {key}").fetchone() or ("",)
        item.steps.append(Read(f"{table}.{key}", _numbers(text)))

    def _report(self, connection: Connection, item: Transaction, key: int) -> None:
        """Read a list of every table by one statement."""
        columns = ", ".join(f"(SELECT v FROM {table} WHERE k = {key})" for table in TABLES)
        row = connection.execute(f"SELECT {columns}").fetchone() or ()
        item.steps += [Read(f"{table}.{key}", _numbers(text)) for table, text in zip(TABLES, row, strict=True)]

    def last_look(self) -> None:
        """Read every list when all is over."""
        connection = self._clients.connect(-1)
        for table in TABLES:
            for key in KEYS:
                item = self._new()
                self._read(connection, item, table, key)
                item.committed, item.ended = True, time.monotonic()
        connection.close()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(",") if word)


@pytest.mark.fault("concurrent transactions, cancelled and killed: serializable")
def test_serializable_histories(server: Server | Pair) -> None:
    _no_anomaly(server, serializable=True)


@pytest.mark.fault("concurrent transactions, cancelled and killed: snapshot isolation")
def test_snapshot_histories(server: Server | Pair) -> None:
    _no_anomaly(server, serializable=False)


def _no_anomaly(server: Server | Pair, *, serializable: bool) -> None:
    clients = Clients(server)
    lists = Lists(clients, serializable=serializable)

    def written() -> int:
        return sum(bool(item.appends) for item in list(lists.history) if item.committed)

    clients.run(lists.one, lambda: written() > CLIENTS)
    lists.last_look()
    assert written() > CLIENTS, "hardly anything was written"
    assert anomalies(lists.history, serializable=serializable) == []


@pytest.mark.fault("transfers between accounts, cancelled and killed")
def test_money_is_neither_lost_nor_made(server: Server | Pair) -> None:
    clients = Clients(server)
    done: list[int] = []
    connections: dict[int, Connection] = {}

    def transfer(place: int, chance: random.Random) -> None:
        connection = connections.get(place)
        if connection is None or connection.closed:
            connection = connections[place] = clients.connect(place)
        giver, taker = chance.sample(range(ACCOUNTS), 2)
        try:
            if place == 0:
                (total,) = connection.execute("SELECT sum(balance) FROM accounts").fetchone() or (0,)
                assert total == ACCOUNTS * BALANCE
            with connection.transaction():
                connection.execute(f"UPDATE accounts SET balance = balance - 1 WHERE id = {giver}")
                (total,) = connection.execute("SELECT sum(balance) FROM accounts").fetchone() or (0,)
                assert total == ACCOUNTS * BALANCE - 1
                connection.execute(f"UPDATE accounts SET balance = balance + 1 WHERE id = {taker}")
            done.append(1)
        except psycopg.Error:
            if not connection.closed:
                connection.rollback()

    clients.run(transfer, lambda: len(done) > CLIENTS)
    with clients.connect(-1) as connection:
        balances = connection.execute("SELECT count(*), sum(balance) FROM accounts").fetchone()
    assert balances == (ACCOUNTS, ACCOUNTS * BALANCE)
    assert len(done) > CLIENTS, "hardly anything was transferred"
