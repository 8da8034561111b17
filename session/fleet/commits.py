"""What a commit needs: that no order of transactions forbids it, and that it is known to have happened.

Where several servers share the lake, the transaction's locks must still be held. And the graph of
``session.serializability`` knows one server's transactions only: there a SERIALIZABLE transaction that writes is
refused where anything was committed to what it has read since it began. Of any circle of transactions one commits
after another has overwritten what it read, and that one is refused.
"""

from typing import TYPE_CHECKING

from catalog.model import Relation
from core.errors import SerializationFailure, SqlError
from core.sqlstate import SqlState
from session.freshness import place
from storage import changes, lake

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.cursors import DuckDbEngine
    from session.fleet.fleet import Fleet
    from session.serializability import Footprint
    from session.warehouse import Warehouse


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


async def finish(fleet: "Fleet | None", engine: "DuckDbEngine", work: "Callable[[], None]", since: int) -> None:
    """Commit by *work* what is open on *engine*; whether it happened is asked for where the answer was lost."""
    if fleet is None:
        await engine.settle(work)
        return
    author, connection = fleet.author(), engine.connection

    def signed() -> None:
        connection.execute(lake.sign(author))
        work()

    try:
        await engine.settle(signed)
    except SqlError:
        if not await fleet.happened(author, since):
            raise
