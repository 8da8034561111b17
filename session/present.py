"""Whether a transaction sees of tables what is committed now, so that what is kept of them may be read in their place.

A statement that is a transaction of its own does. A block does of tables that nobody has written since it began to see
the lake, nor the block itself.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from storage import lake

if TYPE_CHECKING:
    from session.context import Work

Still = Callable[[], bool]
"""Tells whether it is as it was a moment ago."""


def sees(work: "Work", tables: frozenset[int], version: int) -> bool:
    """Tell whether the transaction sees of *tables*, last written at *version*, what is committed now."""
    tx = work.tx
    if tx.changes or not tables.isdisjoint(tx.temporaries.puts):
        return False
    return tx.single or (version <= tx.opened and tx.written.isdisjoint(tables))


async def seen(work: "Work", tables: frozenset[int]) -> Still | None:
    """Have the transaction see of *tables* what is committed now; None where it sees something else.

    What is returned must be asked again after whatever was waited for.
    """
    tx, scans = work.tx, work.warehouse.scans
    if tx.single:
        return _always
    lasting = tables - tx.temporaries.puts.keys()
    version = scans.changed(lasting)
    if tx.taken.moment is not None or version is None or not sees(work, lasting, version):
        return None
    await pinned(work)
    return lambda: scans.changed(lasting) == version


async def pinned(work: "Work") -> None:
    """Have a block see the lake as it is now, unless it has a moment already, and know what others have committed."""
    view = work.tx.view
    if not view.pinned:
        # The engine begins to see the lake with the first statement that reads it.
        await work.engine.fetch(lake.newest_schema())
        view.pinned = True
    await work.warehouse.caught_up()


def _always() -> bool:
    return True
