"""What a commit needs: that no order of transactions forbids it, and that it is known to have happened.

Where several servers share the lake, the transaction's locks must still be held. And the graph of
``session.serializability`` knows one server's transactions only: there a SERIALIZABLE transaction that writes is
refused where anything was committed to what it has read since it began. Of any circle of transactions one commits
after another has overwritten what it read, and that one is refused.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from catalog.model import Relation
from core.errors import SerializationFailure, SqlError
from core.sqlstate import SqlState
from engine.errors import EngineFault, UnknownOutcome
from session.fleet.keeping import Writes
from session.freshness import place
from storage import changes, lake

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.cursors import DuckDbEngine
    from session.fleet.fleet import Fleet
    from session.serializability import Footprint
    from session.warehouse import Warehouse

_PATIENCE_S: Final = 30.0
"""How long a commit whose answer was lost waits for PostgreSQL, which fails over in less."""
_PAUSE_S: Final = 0.5


async def begin(warehouse: "Warehouse", engine: "DuckDbEngine", number: int | None) -> "Footprint | None":
    """See that what is open on *engine* sees all that is committed; *number* is a SERIALIZABLE transaction's.

    The engine begins to see the lake with the first statement that reads it. What was committed between a footprint's
    beginning and that would be seen, and be taken for what was not: so a SERIALIZABLE transaction sees it at once.
    """
    if number is None or warehouse.fleet is not None:
        await warehouse.small_writes.settled()
        return None if number is None else warehouse.graph.begin(number)
    async with warehouse.commit_lock:
        footprint = warehouse.graph.begin(number)
        try:
            await engine.run(lake.newest_schema())
        except BaseException:
            warehouse.graph.forget(footprint)
            raise
    return footprint


async def agree(warehouse: "Warehouse", owner: int, footprint: "Footprint | None", since: int) -> None:
    """Raise 40001 where *owner*, whose turn it is, must not commit: it has seen the snapshot *since*."""
    fleet = warehouse.fleet
    if fleet is not None:
        fleet.locks.check(owner)
    if footprint is None:
        return
    if fleet is None:
        warehouse.graph.commit(footprint)
        return
    warehouse.graph.forget(footprint)
    state = warehouse.store.state
    touched = (state.objects.get(oid) for oid in footprint.reads | footprint.writes)
    tables = [item for item in touched if isinstance(item, Relation)]
    places = {place(state, table): table.oid for table in tables if table.engine_table and not table.temporary}
    found = await warehouse.executor.run(lambda: changes.changes(warehouse.database, list(places), since))
    changed = [places[where] for where, change in found.items() if change.any]
    if changed:
        raise SerializationFailure(
            SqlState.SERIALIZATION_FAILURE,
            f"1023: Serializable isolation violation on table - {min(changed)}, "
            f"transactions forming the cycle are: {footprint.number}",
        )


def agree_to_read(warehouse: "Warehouse", footprint: "Footprint | None") -> None:
    """Raise 40001 where a transaction that only read saw what no order allows, or let others' commits heed it."""
    if footprint is not None and warehouse.fleet is None:
        warehouse.graph.commit(footprint)


async def finish(
    warehouse: "Warehouse", engine: "DuckDbEngine", work: "Callable[[], None]", since: int,
    writes: Writes | None = None, note: str = "",
) -> None:  # fmt: skip
    """Commit by *work* what is open on *engine*; whether it happened is asked for where the answer was lost.

    The lake keeps the *note*; *writes* are what may have new files.
    """
    fleet, connection = warehouse.fleet, engine.connection
    author = fleet.author() if fleet is not None else ""
    if fleet is not None and fleet.keeping is not None and writes is not None:
        work = await fleet.keeping.around(author, writes, work)

    def signed() -> None:
        if author or note:
            connection.execute(lake.sign(author, note))
        work()

    try:
        await engine.settle(signed)
    except EngineFault as fault:
        if fault.met:
            raise UnknownOutcome(fault.cause) from fault
        raise
    except SqlError:
        if fleet is None or not await _happened(fleet, author, since):
            raise
    warehouse.metastore.settled = warehouse.metastore.change


async def _happened(fleet: "Fleet", author: str, since: int) -> bool:
    """Tell whether a commit that failed was made after all, waiting for whoever knows; raises 08007."""
    clock = asyncio.get_running_loop().time
    until = clock() + _PATIENCE_S
    while True:
        try:
            return await fleet.happened(author, since)
        except SqlError as error:
            if clock() >= until:
                fleet.disown(author, since)
                raise SqlError(
                    SqlState.TRANSACTION_RESOLUTION_UNKNOWN,
                    "the catalogue was lost in the commit: the transaction may have been committed or not",
                    hint="Look whether its changes are there before you run it again.",
                ) from error
        await asyncio.sleep(_PAUSE_S)
