"""Rows that come from elsewhere while the engine writes them: the event loop's batches as a relation of the engine's.

The engine asks for a batch when it has written the one before, on threads of its own; so no more than a few are in
memory, however many there are.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import SqlError

ARRIVING: Final = "duckshift_arriving"
"""What the engine calls the relation."""
_PLACE: Final = "rs:place"
IN_ORDER: Final = f'SELECT * EXCLUDE ("{_PLACE}") FROM {ARRIVING} ORDER BY "{_PLACE}"'
"""The rows of a reader that numbers them, in the order in which they came: the engine's threads keep none."""


class Source(Protocol):
    """What gives batches, on the event loop."""

    async def next(self) -> pa.RecordBatch | None:
        """Return the next rows, None at the end."""
        ...

    def close(self) -> None:
        """Give up what was not read."""
        ...


class Arrival:
    """The rows of one source, to be read once. Made on the event loop."""

    def __init__(self, source: Source, schema: pa.Schema, names: Sequence[str] = ()) -> None:
        """Read *source*, whose batches have the types of *schema*; without *names* columns are c1, c2 and so on."""
        self._source = source
        names = names or [f"c{place}" for place in range(1, len(schema) + 1)]
        self._schema = pa.schema([pa.field(name, field.type) for name, field in zip(names, schema, strict=True)])
        self._loop = asyncio.get_running_loop()
        self.failed: SqlError | None = None
        """What ended the rows before their time: the engine, which met it, would call it otherwise."""

    def reader(self, *, numbered: bool = False) -> pa.RecordBatchReader:
        """Return what the engine reads, perhaps *numbered*; on any thread but the event loop's."""
        if not numbered:
            return pa.RecordBatchReader.from_batches(self._schema, self._batches())
        schema = self._schema.append(pa.field(_PLACE, pa.int64()))
        return pa.RecordBatchReader.from_batches(schema, self._numbered(schema))

    def close(self) -> None:
        """Give up what was not read."""
        self._source.close()

    def _numbered(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        rows = 0
        for batch in self._batches():
            places = pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), batch.num_rows), start=rows)
            rows += batch.num_rows
            yield pa.RecordBatch.from_arrays([*batch.columns, places], schema=schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                batch = asyncio.run_coroutine_threadsafe(self._source.next(), self._loop).result()
            except SqlError as error:
                self.failed = error
                raise
            if batch is None:
                return
            yield pa.RecordBatch.from_arrays(batch.columns, schema=self._schema)
