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
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.errors import SqlError
from core.sqlstate import SqlState
from storage import superseded
from storage.database import WarehouseError

_log = logging.getLogger(__name__)
_CHANNEL: Final = "duckshift"
SCHEMA: Final = "duckshift"
"""The schema of what the servers keep there themselves."""
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
_FOLDERS: Final = (
    "SELECT s.schema_name, t.table_name, CASE WHEN t.path_is_relative THEN s.path || t.path ELSE t.path END"
    " FROM public.ducklake_table AS t JOIN public.ducklake_schema AS s USING (schema_id)"
    " WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND s.schema_name = ANY($1) AND t.table_name = ANY($2)"
)
_FILES: Final = "UNION ALL ".join(
    "SELECT CASE WHEN f.path_is_relative THEN CASE WHEN t.path_is_relative THEN s.path || t.path ELSE t.path END"
    f" || f.path ELSE f.path END FROM public.{files} AS f JOIN public.ducklake_table AS t USING (table_id)"
    " JOIN public.ducklake_schema AS s USING (schema_id) JOIN public.ducklake_snapshot_changes AS c"
    " ON c.snapshot_id = f.begin_snapshot WHERE c.author = $1 "
    for files in ("ducklake_data_file", "ducklake_delete_file")
)
_HELD: Final = (
    "SELECT key FROM (SELECT classid::bigint << 32 | objid::bigint AS key FROM pg_locks"
    " WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS held"
    " WHERE key = ANY($1::bigint[])"
)
MEMBERS: Final = "members"
"""The lock of which every server has a part."""
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
    _log.debug("the catalogue was lost", exc_info=error)
    return SqlError(
        SqlState.CONNECTION_FAILURE, "the connection to the catalogue was lost", hint="Run the transaction again."
    )


async def connect(address: str) -> Any:
    """Return a connection to the PostgreSQL at *address*."""
    import asyncpg

    return await asyncpg.connect(address, server_settings=_SETTINGS, timeout=_CONNECT_S)


def _broken() -> tuple[type[BaseException], ...]:
    import asyncpg

    return (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


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

    def __init__(self, address: str, noted: Callable[[bool], None]) -> None:
        """Speak to the PostgreSQL at *address*; *noted* is told when it goes away and comes back. ``join`` is first."""
        self._address, self._noted = address, noted
        self._away = False
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
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            await connection.execute(superseded.KEEP)
            # Of the members' lock this connection has a part already.
            others = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
            member = key_of(MEMBERS)
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

    async def define(self, statement: str) -> None:
        """Run a *statement* that makes something where it is not there, as one server at a time can."""

        async def work(connection: Any) -> None:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", key_of("define"))
                await connection.execute(statement)

        await self.ask(work)

    async def numbers(self, name: str, size: int, above: int = 0) -> range:
        """Return *size* numbers that nobody was given before, all of them more than *above*."""

        async def work(connection: Any) -> range:
            # nextval never gives the same twice, whatever is rolled back.
            first = int(await connection.fetchval(f"SELECT nextval('{SCHEMA}.{name}')"))
            return range((first - 1) * size + 1, first * size + 1)

        async def make(connection: Any) -> None:
            await connection.execute(f"CREATE SEQUENCE IF NOT EXISTS {SCHEMA}.{name}")
            await connection.fetchval(
                f"SELECT setval('{SCHEMA}.{name}', $1) FROM {SCHEMA}.{name} WHERE last_value < $1",
                above // size + 1,
            )

        if above:
            await self.ask(make)
        found: range = await self.ask(work)
        return found

    async def secret(self, proposed: bytes) -> bytes:
        """Return what the lake's servers keep to themselves: the first that was *proposed*."""

        async def work(connection: Any) -> bytes:
            await connection.execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.secret (value bytea)")
            await connection.execute(
                f"INSERT INTO {SCHEMA}.secret SELECT $1 WHERE NOT EXISTS (SELECT FROM {SCHEMA}.secret)", proposed
            )
            return bytes(await connection.fetchval(f"SELECT value FROM {SCHEMA}.secret"))

        found: bytes = await self.ask(work)
        return found

    async def newest(self) -> tuple[int, int]:
        """Return the newest snapshot of the lake and the version of its schema."""
        row = await self.ask(lambda connection: connection.fetchrow(_NEWEST))
        return int(row[0]), int(row[1])

    async def steps(self, since: int, until: int) -> list[Step]:
        """Return what the snapshots after *since* up to *until* did."""
        rows = await self.ask(lambda connection: connection.fetch(_CHANGES, since, until))
        return [Step(str(made or ""), str(author or "")) for made, author in rows]

    async def tables(self, numbers: Sequence[int]) -> list[tuple[str, str]]:
        """Return the bare lake names, present and past, of tables by DuckLake's numbers."""
        rows = await self.ask(lambda connection: connection.fetch(_TABLES, list(numbers)))
        return [(str(schema), str(table)) for schema, table in rows]

    async def happened(self, author: str, since: int) -> bool:
        """Tell whether a snapshot after *since* was made in the name of *author*."""
        return bool(await self.ask(lambda connection: connection.fetchval(_AUTHORED, since, author)))

    async def folders(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return the folders of tables (bare lake names), below the lake's data, of those that there are."""
        schemas, tables = [schema for schema, _ in places], [table for _, table in places]
        rows = await self.ask(lambda connection: connection.fetch(_FOLDERS, schemas, tables))
        return {(str(schema), str(table)): str(path) for schema, table, path in rows}

    async def files(self, author: str) -> list[str] | None:
        """Return the files that the snapshot of *author* has added, None where there is no such snapshot."""
        if not await self.happened(author, 0):
            return None
        return [str(row[0]) for row in await self.ask(lambda connection: connection.fetch(_FILES, author))]

    async def tell(self, message: str) -> None:
        """Send *message* to all servers of the lake."""
        await self.ask(lambda connection: connection.execute(f"SELECT pg_notify('{_CHANNEL}', $1)", message))

    async def lease(self) -> Lease:
        """Return a connection that holds nothing; raises 08006."""
        while self._idle:
            lease = self._idle.pop()
            if lease.sound:
                return lease
        try:
            return Lease(await connect(self._address))
        except _broken() as error:
            raise lost(error) from error

    def give_back(self, lease: Lease) -> None:
        """Take a connection back that holds nothing any more."""
        if lease.sound and len(self._idle) < _KEPT:
            self._idle.append(lease)
        else:
            lease.drop()

    async def ask(self, question: Callable[[Any], Awaitable[Any]]) -> Any:
        """Return the answer to a *question* that is put on the server's own connection; raises 08006."""
        # One at a time on one connection; a second attempt for a connection that was lost while idle.
        async with self._turn:
            for last in (False, True):
                try:
                    answer = await question(await self._opened())
                except _broken() as error:
                    if last or not self._connection or not self._connection.is_closed():
                        self._note(away=True, reason=type(error).__name__)
                        raise lost(error) from error
                else:
                    self._note(away=False)
                    return answer
        raise AssertionError

    def _note(self, *, away: bool, reason: str = "") -> None:
        if away is self._away:
            return
        self._away = away
        if away:
            _log.warning("the catalogue's PostgreSQL does not answer", extra={"reason": reason})
        else:
            _log.info("the catalogue's PostgreSQL answers again")
        self._noted(away)

    async def _opened(self) -> Any:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        connection = self._connection = await connect(self._address)
        await connection.execute("SELECT pg_advisory_lock_shared($1)", key_of(MEMBERS))
        self.slot = await _slot(connection, self.slot)
        await connection.add_listener(_CHANNEL, lambda _connection, _pid, _channel, payload: self._told(payload))
        return connection


async def slots_held(connection: Any) -> frozenset[int]:
    """Return the small numbers of the servers that are there."""
    keys = {key_of("slot", slot): slot for slot in range(_SLOTS)}
    held = await connection.fetch(_HELD, list(keys))
    return frozenset(keys[row[0]] for row in held)


async def _slot(connection: Any, wanted: int) -> int:
    slots: tuple[int, ...] = (wanted, *range(_SLOTS))
    for slot in slots:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", key_of("slot", slot)):
            return slot
    raise WarehouseError(f"there are {_SLOTS} servers on this lake already")


def _unheard(message: str) -> None:
    return
