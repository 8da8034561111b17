"""Files of a table written anew, for VACUUM and for the upkeep: one transaction of the lake, in nobody's way.

What is committed has the same rows as before, so it may come between any two transactions. But DuckLake refuses a
later transaction that began before and deletes rows of files which are gone.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from catalog.model import Database, Relation, Schema
from core.errors import SqlError
from engine.cursors import DuckDbEngine
from session import chores
from session.fleet import commits
from session.fleet.keeping import Writes
from storage import inlining, lake, layout
from storage.layout import DataFile

if TYPE_CHECKING:
    from session.warehouse import Warehouse

T = TypeVar("T")
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A table that has files."""

    relation: Relation
    schema: Schema

    @property
    def key(self) -> list[str]:
        """The lake's names of the sort key's columns."""
        return [column.engine_name for column in self.relation.sorted_by]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacuuming:
    """One vacuum of a table, for the history; *query* is none where nobody has asked for it."""

    table: Stored
    mode: str
    started: datetime
    user: int
    transaction: int
    query: int | None = None


def record(warehouse: "Warehouse", done: Vacuuming, before: Sequence[DataFile], after: Sequence[DataFile]) -> None:
    """Write down what a vacuum has made of a table's files."""
    relation, schema = done.table.relation, done.table.schema
    database = warehouse.store.state.objects.get(schema.database)
    old, new = _measured(before), _measured(after)
    warehouse.recorder.history.record("vacuums", (
        done.user, done.transaction, done.query, database.name if isinstance(database, Database) else "", schema.name,
        relation.oid, relation.name, done.mode, "Finished", done.started, plain_now(warehouse), old[0],
        done.query is None, sum(file.deleted for file in before), *old[1:], *new,
    ))  # fmt: skip


def _measured(files: Sequence[DataFile]) -> tuple[int, int, int]:
    """Return rows, deleted ones among them, rows that lie in order, and blocks of a megabyte."""
    rows = sum(file.rows for file in files)
    return rows, round(rows * (1 - chores.unsorted(files))), -(-sum(file.bytes for file in files) // _BLOCK)


def plain_now(warehouse: "Warehouse") -> datetime:
    """Return the time as the history keeps it."""
    return warehouse.clock.now().astimezone(UTC).replace(tzinfo=None)


async def asked(warehouse: "Warehouse", question: Callable[[], T]) -> T:
    """Return the answer to a *question* to the lake's catalog, which blocks; raises ``SqlError``."""
    engine = warehouse.connect()
    try:
        return await engine.work(question)
    finally:
        engine.close()


class Tidying:
    """What is done to one warehouse's files. Whoever calls has the table's lock, or takes it in time."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Work on *warehouse*."""
        self._warehouse = warehouse

    async def flush(self, engine: DuckDbEngine, table: Stored) -> None:
        """Move rows and deletes from the catalog into files; the table and the lake's schema are locked."""
        warehouse, oid = self._warehouse, table.relation.oid
        statements = lake.flush(table.schema.engine_name, table.relation.engine_table)
        async with warehouse.commit_lock:
            if warehouse.fleet is None:
                await engine.script(statements)
            else:
                await self._flush_among_others(engine, statements, oid, warehouse.fleet.position)
            warehouse.scans.forget(frozenset({oid}))

    async def _flush_among_others(self, engine: DuckDbEngine, statements: list[str], oid: int, since: int) -> None:
        writes, connection = Writes(frozenset({oid})), engine.connection

        def finish() -> None:
            connection.execute("COMMIT")

        await engine.run("BEGIN")
        try:
            await engine.script(statements)
            await commits.finish(self._warehouse, engine, finish, since, writes)
        except SqlError:
            await engine.rollback()
            raise

    async def files(self, table: Stored) -> list[DataFile]:
        """Return the table's files, with the extent of the sort key's first column where there is one."""
        warehouse, place = self._warehouse, (table.schema.engine_name, table.relation.engine_table)
        keyed = table.relation.sorted_by
        column = (keyed[0].engine_name, keyed[0].type.engine()) if keyed else None
        return await asked(warehouse, lambda: layout.files(warehouse.database, *place, column))

    async def move(
        self, engine: DuckDbEngine, table: Stored, files: Sequence[DataFile], owner: int,
        ready: Callable[[], Awaitable[None]],
    ) -> int:  # fmt: skip
        """Write *files* anew and commit; return how many rows they have.

        *ready* is awaited before the commit, when *owner* must have the table's lock; what it raises undoes all.
        """
        warehouse, connection, relation = self._warehouse, engine.connection, table.relation
        fleet, limit = warehouse.fleet, warehouse.database.location.inline_row_limit
        await warehouse.lake_schema.read()
        since, writes = fleet.position if fleet is not None else 0, Writes(frozenset({relation.oid}))

        def write() -> int:
            inlining.inline(connection, 0)
            connection.execute("BEGIN")
            return layout.moved(connection, relation.engine_name, [file.path for file in files], table.key)

        def finish() -> None:
            connection.execute("COMMIT")

        try:
            rows = await engine.work(write)
            await ready()
            async with warehouse.commit_lock:
                if fleet is not None:
                    fleet.locks.check(owner)
                with warehouse.scans.changing(frozenset({relation.oid})):
                    await commits.finish(warehouse, engine, finish, since, writes, layout.REWRITTEN)
        except BaseException:
            await engine.rollback()
            raise
        finally:
            await engine.work(lambda: inlining.inline(connection, limit))
        return rows
