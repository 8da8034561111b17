"""Copies of tables that were just loaded, made before anybody has read them.

What is loaded in bulk is read next, as a rule. So a table of some size is copied (``session.table_cache``) once nobody
has written it for a moment, unless a copy of it has been thrown away unread before. It is joined with what is beside
it: of a schema with few tables, those of few rows are copied then, which the first join would wait for.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from catalog.model import Relation, RelationKind, Schema
from core.errors import SqlError
from storage import scans

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_QUIET_S: Final = 1.0
"""How long nobody has written a table that is copied."""
_LEAST_BYTES: Final = 256 << 10
"""Tables whose files are smaller wait to be read, or for such a one beside them."""
_FEW: Final = 40
"""Relations of a schema whose small tables are copied too."""


class Anticipation:
    """The tables that were written lately. Lives on the event loop."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*'s tables."""
        self._warehouse = warehouse
        self._written: dict[int, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def note(self, tables: Iterable[int]) -> None:
        """Take note that *tables* (OIDs) were made or written, and committed."""
        written = frozenset(tables)
        if not written or not self._warehouse.limits.copies[1] or self._closing:
            return
        loop = asyncio.get_running_loop()
        self._written.update((oid, loop.time()) for oid in written)
        if self._timer is None:
            self._timer = loop.call_later(_QUIET_S, self._begin)

    async def close(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await asyncio.wait({self._task})

    def _begin(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        due = [oid for oid, written in self._written.items() if written <= loop.time() - _QUIET_S]
        for oid in due:
            del self._written[oid]
        schemas: set[int | None] = set()
        for oid in due:
            try:
                schemas.add(await self._copy(oid))
            except SqlError:
                # Dropped meanwhile, for one.
                continue
        for schema in schemas:
            if schema is not None:
                await self._copy_beside(schema)
        if self._written and not self._closing and self._timer is None:
            self._timer = loop.call_later(_QUIET_S, self._begin)

    async def _copy(self, oid: int) -> int | None:
        """Have a table copied where it is large; return its schema (OID) then."""
        warehouse, state = self._warehouse, self._warehouse.store.state
        relation = state.objects.get(oid)
        schema = state.objects.get(relation.schema) if isinstance(relation, Relation) else None
        if not isinstance(relation, Relation) or not isinstance(schema, Schema) or relation.temporary:
            return None
        place, table = schema.engine_name, relation.engine_table
        _, size_bytes = await warehouse.executor.run(lambda: scans.size(warehouse.database, place, table))
        if size_bytes < _LEAST_BYTES or self._closing:
            return None
        engine = warehouse.connect()
        try:
            await warehouse.scans.anticipate(relation, state, engine)
        finally:
            engine.close()
        return relation.schema

    async def _copy_beside(self, schema: int) -> None:
        warehouse, state = self._warehouse, self._warehouse.store.state
        beside = state.relations(schema)
        if len(beside) > _FEW:
            return
        engine = warehouse.connect()
        try:
            for table in beside:
                if table.type is RelationKind.TABLE and table.engine_name and not self._closing:
                    # An empty one is about to be loaded: a copy that is thrown away then would be held against it.
                    await warehouse.scans.copy_small([table], state, engine, filled_only=True)
        except SqlError:
            # As above; whoever joins them first has them copied.
            return
        finally:
            engine.close()
