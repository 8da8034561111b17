"""Dropped tables whose storage is still to go, because another transaction altered the lake's schema meanwhile.

Such transactions run one at a time, to their end (``docs/decisions/0007-storage.md``). A DROP does not wait for that:
the table is gone from the catalog with its commit, and from the lake as soon as it is its turn. The metadata log
remembers what is left, for a server that ends before.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from core.errors import SqlError
from session.locks import Mode
from storage import lake
from storage.metastore import Entry

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
DDL: Final = "ddl"
"""The lock of transactions that alter the lake's schema."""
KIND: Final = "dropped"
_OWNER: Final = -(1 << 40)
"""Who holds the lock here: sessions have positive numbers, and upkeep negative OIDs."""
_CLOSING_S: Final = 10


class Drops:
    """Removes in the background what transactions have left."""

    def __init__(self, warehouse: "Warehouse", entries: list[Entry]) -> None:
        """Remove what the log's *entries* say is left of the last run; blocking."""
        self._warehouse = warehouse
        self._left: dict[int, str] = {}
        self._task: asyncio.Task[None] | None = None
        left = {entry.oid: entry.body for entry in entries if entry.kind == KIND and entry.body}
        if left:
            connection = warehouse.database.cursor()
            connection.execute("BEGIN")
            for name in left.values():
                connection.execute(f"DROP TABLE IF EXISTS {name}")
            warehouse.metastore.append(connection, [Entry(KIND, oid, None) for oid in left])
            connection.execute("COMMIT")
            connection.close()

    def later(self, tables: Mapping[int, str]) -> None:
        """Remove *tables* (OID → engine name) once nobody else alters the lake's schema."""
        self._left |= tables
        if self._left and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_CLOSING_S)

    async def _run(self) -> None:
        while self._left:
            await self._warehouse.locks.acquire(_OWNER, DDL, Mode.ACCESS_EXCLUSIVE)
            tables, self._left = self._left, {}
            try:
                await self._remove(tables)
            except SqlError as error:
                # The next start tries again; until then a new table cannot have the name.
                _log.warning("could not remove dropped tables", extra={"state": error.state.value})
            finally:
                self._warehouse.locks.release_all(_OWNER)

    async def _remove(self, tables: Mapping[int, str]) -> None:
        warehouse = self._warehouse
        engine = warehouse.connect()
        statements = [sql for name in tables.values() for sql in lake.drop_table(name)]

        def finish() -> None:
            warehouse.metastore.append(engine.connection, [Entry(KIND, oid, None) for oid in tables])
            engine.connection.execute("COMMIT")

        try:
            await engine.run("BEGIN")
            await engine.script(statements)
            async with warehouse.commit_lock:
                await engine.work(finish)
        except SqlError:
            await engine.rollback()
            raise
        finally:
            engine.close()
