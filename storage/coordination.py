"""Where the servers of one lake agree: locks, numbers and messages in the PostgreSQL that holds the lake's catalogue.

Everything rests on PostgreSQL's own: advisory locks, which end with the connection that holds them and with it the
process, sequences, and NOTIFY. Nothing here decides who is alive. Needs the package asyncpg.
"""

import asyncio
import contextlib
import hashlib
import importlib.util
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.errors import SqlError
from core.sqlstate import SqlState
from storage.database import WarehouseError

_log = logging.getLogger(__name__)
_CHANNEL: Final = "duckshift"
_SCHEMA: Final = "duckshift"
_CONNECT_S: Final = 5.0
_KEPT: Final = 16
"""Idle connections for locks that are kept."""
_SETTINGS: Final = {
    "application_name": "duckshift",
    # A machine that is gone says nothing: what it held is free after some seconds.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    # A server that was killed while it waited for a lock must not get it.
    "client_connection_check_interval": "1000",
    "lock_timeout": "0",
    "statement_timeout": "0",
    "idle_session_timeout": "0",
}
_NEWEST: Final = "SELECT snapshot_id, schema_version FROM public.ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1"
_CHANGES: Final = (
    "SELECT changes_made, author FROM public.ducklake_snapshot_changes"
    " WHERE snapshot_id > $1 AND snapshot_id <= $2 ORDER BY snapshot_id"
)
_AUTHORED: Final = (
    "SELECT EXISTS (SELECT 1 FROM public.ducklake_snapshot_changes WHERE snapshot_id > $1 AND author = $2)"
)
_TABLES: Final = (
    "SELECT DISTINCT s.schema_name, t.table_name FROM public.ducklake_table AS t"
    " JOIN public.ducklake_schema AS s USING (schema_id) WHERE t.table_id = ANY($1::bigint[])"
)
_MEMBERS: Final = "members"
_START: Final = "start"
_SLOTS: Final = 1_024
SLOT_BITS: Final = 20


def key_of(*parts: Hashable) -> int:
    """Return the number by which PostgreSQL knows the lock on *parts*."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big", signed=True)


def check(catalog: str) -> None:
    """Raise ``WarehouseError`` where a lake with this *catalog* cannot be shared."""
    if not catalog.startswith(("postgres://", "postgresql://")):
        raise WarehouseError("storage.shared needs a catalogue in PostgreSQL (storage.catalog)")
    if importlib.util.find_spec("asyncpg") is None:
        raise WarehouseError("storage.shared needs the package asyncpg: install duckshift[shared]")


def lost(error: BaseException) -> SqlError:
    """Return what a client is told when PostgreSQL cannot be asked."""
    _log.warning("the catalogue's server does not answer", extra={"reason": type(error).__name__})
    return SqlError(
        SqlState.CONNECTION_FAILURE, "the connection to the catalogue was lost", hint="Run the transaction again."
    )


async def _connect(address: str) -> Any:
    import asyncpg

    return await asyncpg.connect(address, server_settings=_SETTINGS, timeout=_CONNECT_S)


def _broken() -> tuple[type[BaseException], ...]:
    import asyncpg

    return (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class StartLock:
    """Keeps servers from starting at the same time: held by a thread until ``release``."""

    def __init__(self, address: str) -> None:
        """Wait for the lock; raises ``WarehouseError``."""
        self._done = threading.Event()
        self._held = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(address,), name="duckshift-start", daemon=True)
        self._thread.start()
        self._held.wait()
        if self._error is not None:
            message = f"cannot reach the catalogue: {str(self._error).splitlines()[0]}"
            raise WarehouseError(message) from self._error

    def release(self) -> None:
        """Let the next server start."""
        self._done.set()
        self._thread.join()

    def _run(self, address: str) -> None:
        try:
            asyncio.run(self._hold(address))
        except Exception as error:  # noqa: BLE001 - raised where the lock is waited for
            self._error = error
        finally:
            self._held.set()

    async def _hold(self, address: str) -> None:
        connection = await _connect(address)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", key_of(_START))
            self._held.set()
            await asyncio.to_thread(self._done.wait)
        finally:
            await connection.close()


class Lease:
    """A connection to PostgreSQL that holds advisory locks."""

    def __init__(self, connection: Any) -> None:
        """Take over *connection*."""
        self._connection = connection
        self._turn = asyncio.Lock()
        self._ended = asyncio.Event()
        connection.add_termination_listener(lambda _connection: self._ended.set())
        self.held = 0
        """Keys that are held on it, by whoever counts them."""

    @property
    def sound(self) -> bool:
        """Whether what it holds is still held."""
        return not self._connection.is_closed()

    async def lock(self, key: int, *, shared: bool = False, wait: bool = True) -> bool:
        """Take an advisory lock; where it must not *wait*, tell whether it was free. Raises 40P01, 08006."""
        import asyncpg

        function = f"pg_{'' if wait else 'try_'}advisory_lock{'_shared' if shared else ''}"
        try:
            async with self._turn:
                found = await self._connection.fetchval(f"SELECT {function}($1)", key)
        except asyncpg.DeadlockDetectedError:
            raise SqlError(SqlState.DEADLOCK_DETECTED, "deadlock detected") from None
        except _broken() as error:
            raise lost(error) from error
        return wait or bool(found)

    async def unlock(self, keys: Sequence[tuple[int, bool]]) -> None:
        """Give up the locks *keys* (number, whether shared)."""
        with contextlib.suppress(*_broken()):
            async with self._turn:
                for key, shared in keys:
                    await self._connection.fetchval(f"SELECT pg_advisory_unlock{'_shared' if shared else ''}($1)", key)

    async def lasts(self) -> None:
        """Wait for the connection's end."""
        await self._ended.wait()

    def drop(self) -> None:
        """Close the connection at once; what it holds is free."""
        self._connection.terminate()


@dataclass(frozen=True, slots=True)
class Step:
    """What one snapshot of the lake did, and in whose name."""

    made: str
    author: str


class Coordination:
    """One server's place among those of a lake."""

    def __init__(self, address: str) -> None:
        """Speak to the PostgreSQL at *address*; ``join`` comes first."""
        self._address = address
        self._connection: Any = None
        self._turn = asyncio.Lock()
        self._idle: list[Lease] = []
        self._told: Callable[[str], None] = _unheard
        self.member = secrets.token_hex(8)
        """A name that no other server has, or has had."""
        self.slot = 0
        """A small number that no other server has as long as the connection lasts."""

    async def join(self, told: Callable[[str], None]) -> bool:
        """Take a place; tell whether nobody else has one. *told* is called with messages of other servers."""
        self._told = told
        async with self._turn:
            connection = await self._opened()
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}")
            # Of the members' lock this connection has a part already.
            others = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
            member = key_of(_MEMBERS)
            high, low = (member >> 32) & 0xFFFFFFFF, member & 0xFFFFFFFF
            found = await connection.fetchval(
                f"{others} AND classid = $1::bigint::oid AND objid = $2::bigint::oid AND pid <> pg_backend_pid()"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                high, low,
            )  # fmt: skip
        return not found

    async def close(self) -> None:
        """Leave: what is held is free."""
        for lease in self._idle:
            lease.drop()
        if self._connection is not None:
            with contextlib.suppress(*_broken()):
                await self._connection.close(timeout=_CONNECT_S)

    async def numbers(self, name: str, size: int, above: int = 0) -> range:
        """Return *size* numbers that nobody was given before, all of them more than *above*."""

        async def work(connection: Any) -> range:
            # nextval never gives the same twice, whatever is rolled back.
            first = int(await connection.fetchval(f"SELECT nextval('{_SCHEMA}.{name}')"))
            return range((first - 1) * size + 1, first * size + 1)

        async def make(connection: Any) -> None:
            await connection.execute(f"CREATE SEQUENCE IF NOT EXISTS {_SCHEMA}.{name}")
            await connection.fetchval(
                f"SELECT setval('{_SCHEMA}.{name}', $1) FROM {_SCHEMA}.{name} WHERE last_value < $1",
                above // size + 1,
            )

        if above:
            await self._ask(make)
        found: range = await self._ask(work)
        return found

    async def secret(self, proposed: bytes) -> bytes:
        """Return what the lake's servers keep to themselves: the first that was *proposed*."""

        async def work(connection: Any) -> bytes:
            await connection.execute(f"CREATE TABLE IF NOT EXISTS {_SCHEMA}.secret (value bytea)")
            await connection.execute(
                f"INSERT INTO {_SCHEMA}.secret SELECT $1 WHERE NOT EXISTS (SELECT FROM {_SCHEMA}.secret)", proposed
            )
            return bytes(await connection.fetchval(f"SELECT value FROM {_SCHEMA}.secret"))

        found: bytes = await self._ask(work)
        return found

    async def newest(self) -> tuple[int, int]:
        """Return the newest snapshot of the lake and the version of its schema."""
        row = await self._ask(lambda connection: connection.fetchrow(_NEWEST))
        return int(row[0]), int(row[1])

    async def steps(self, since: int, until: int) -> list[Step]:
        """Return what the snapshots after *since* up to *until* did."""
        rows = await self._ask(lambda connection: connection.fetch(_CHANGES, since, until))
        return [Step(str(made or ""), str(author or "")) for made, author in rows]

    async def tables(self, numbers: Sequence[int]) -> list[tuple[str, str]]:
        """Return the bare lake names, present and past, of tables by DuckLake's numbers."""
        rows = await self._ask(lambda connection: connection.fetch(_TABLES, list(numbers)))
        return [(str(schema), str(table)) for schema, table in rows]

    async def happened(self, author: str, since: int) -> bool:
        """Tell whether a snapshot after *since* was made in the name of *author*."""
        return bool(await self._ask(lambda connection: connection.fetchval(_AUTHORED, since, author)))

    async def tell(self, message: str) -> None:
        """Send *message* to all servers of the lake."""
        await self._ask(lambda connection: connection.execute(f"SELECT pg_notify('{_CHANNEL}', $1)", message))

    async def lease(self) -> Lease:
        """Return a connection that holds nothing; raises 08006."""
        while self._idle:
            lease = self._idle.pop()
            if lease.sound:
                return lease
        try:
            return Lease(await _connect(self._address))
        except _broken() as error:
            raise lost(error) from error

    def give_back(self, lease: Lease) -> None:
        """Take a connection back that holds nothing any more."""
        if lease.sound and len(self._idle) < _KEPT:
            self._idle.append(lease)
        else:
            lease.drop()

    async def _ask(self, question: Callable[[Any], Awaitable[Any]]) -> Any:
        # One statement at a time on one connection; a second attempt for a connection that was lost while idle.
        async with self._turn:
            for last in (False, True):
                try:
                    return await question(await self._opened())
                except _broken() as error:
                    if last or not self._connection or not self._connection.is_closed():
                        raise lost(error) from error
        raise AssertionError

    async def _opened(self) -> Any:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        connection = self._connection = await _connect(self._address)
        await connection.execute("SELECT pg_advisory_lock_shared($1)", key_of(_MEMBERS))
        self.slot = await _slot(connection, self.slot)
        await connection.add_listener(_CHANNEL, lambda _connection, _pid, _channel, payload: self._told(payload))
        return connection


async def _slot(connection: Any, wanted: int) -> int:
    slots: tuple[int, ...] = (wanted, *range(_SLOTS))
    for slot in slots:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", key_of("slot", slot)):
            return slot
    raise WarehouseError(f"there are {_SLOTS} servers on this lake already")


def _unheard(message: str) -> None:
    return
