"""SHOW of one table after another: what is asked of many tables of a schema is looked up once for all of them.

Drivers ask for the columns or keys of each table there is, each with a statement of its own. From the third on the rows
of the whole schema are kept, in order, until the catalog is another.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from catalog.system.listings import Listing
from catalog.system.sources import CATALOG_SOURCES
from core.names import literal, quote
from core.types import Column
from engine import results
from session.external import listing as elsewhere
from session.functions import needs

if TYPE_CHECKING:
    from session.context import Work

_WORTH: Final = 3
_KEPT: Final = 4
Key = tuple[str, tuple[str, ...], object]


@dataclass(frozen=True, slots=True)
class Whole:
    """The rows of all tables of a schema."""

    columns: tuple[Column, ...]
    rows: pa.RecordBatch
    places: dict[str, tuple[int, int]]
    """Where a table's rows begin, and how many there are."""

    def of(self, table: str) -> pa.RecordBatch:
        """Return the rows of one table."""
        begin, count = self.places.get(table, (0, 0))
        return self.rows.slice(begin, count)


class Listed:
    """What has been asked of how many tables, and what was kept for that."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._known: dict[Key, Whole | int] = {}

    async def whole(self, work: "Work", listing: Listing, parts: tuple[str, ...]) -> Whole | None:
        """Return the rows of the schema of *parts*, (database, schema, table), None where one table is all so far."""
        if not _is_of_table(listing) or not _follows(work, listing):
            return None
        key = listing.topic, parts[:2], work.session.translation_key()
        known = self._known.pop(key, 0)
        if isinstance(known, int):
            known = known + 1 if known < _WORTH - 1 else await _looked_up(work, listing, parts[:2])
        self._known[key] = known
        for oldest in list(self._known)[:-_KEPT]:
            self._known.pop(oldest, None)
        return None if isinstance(known, int) else known


def _is_of_table(listing: Listing) -> bool:
    return len(listing.named) == 3 and listing.named[-1] in dict(listing.columns)


def _follows(work: "Work", listing: Listing) -> bool:
    """Tell whether a list follows from the catalog alone."""
    sources = needs(work.visible.reduced(listing.query))[1]
    return all(name in CATALOG_SOURCES and not elsewhere.asked(work.session, name) for name in sources)


async def _looked_up(work: "Work", listing: Listing, place: tuple[str, ...]) -> Whole:
    database, schema, table = listing.named
    query = (
        f"SELECT * FROM ({work.visible.reduced(listing.query)}) AS q"
        f" WHERE q.{quote(database)} = {literal(place[0])} AND q.{quote(schema)} = {literal(place[1])}"
    )
    every = replace(listing, query=query, named=(), filtered=(("", ""),), order=f"q.{quote(table)}, {listing.order}")
    sql = every.sql((), like=None, grantee=None, limit=None)
    stream = await work.engine.rows(sql, (), work.prepare_sources(sql))
    batches = [batch async for batch in stream.batches()]
    hints = [(name, kind, 0, 0) for name, kind in listing.columns]
    shown = results.columns(stream.schema, hints)
    return await asyncio.to_thread(_whole, shown, pa.Table.from_batches(batches, stream.schema), table)


def _whole(columns: tuple[Column, ...], found: pa.Table, table: str) -> Whole:
    rows = found.combine_chunks()
    places: dict[str, tuple[int, int]] = {}
    for number, name in enumerate(rows.column(table).to_pylist()):
        begin, _ = places.get(name, (number, 0))
        places[name] = begin, number + 1 - begin
    return Whole(columns, rows.to_batches()[0] if len(rows) else pa.RecordBatch.from_pylist([], rows.schema), places)
