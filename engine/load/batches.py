"""Rows that come as Arrow batches, loaded like a Parquet file: no value becomes text on its way.

For types that both sides have; the others are loaded as the lines of a COPY FROM STDIN.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.load.aside import Aside
from engine.load.copy import LoadFailedError, load
from engine.load.plan import CopyPlan, Format, Layout, LoadColumn, Loaded
from engine.load.stdin import NAME

_GROUP_ROWS: Final = 122_880
"""What DuckDB reads at a time."""
_GROUP_BYTES: Final = 64 << 20
_PLAIN: Final = frozenset({
    "bool", "int2", "int4", "int8", "numeric", "float4", "float8", "bpchar", "varchar", "varbyte", "date", "time",
    "timestamp", "timestamptz",
})  # fmt: skip
"""Types that a cast fills as Redshift would: those with a text form of their own are read from text."""
_REASON: Final = "Spectrum Scan Error: "


def loadable(schema: pa.Schema, columns: Sequence[LoadColumn]) -> bool:
    """Return whether batches of *schema* can go into *columns* as they are."""
    return len(schema) == len(columns) and all(
        column.type.type.name in _PLAIN and _is_plain(item.type) for item, column in zip(schema, columns, strict=True)
    )


def _is_plain(arrow: pa.DataType) -> bool:
    is_ = pa.types
    plain = (
        is_.is_boolean, is_.is_integer, is_.is_float32, is_.is_float64, is_.is_string, is_.is_large_string,
        is_.is_binary, is_.is_large_binary, is_.is_date32, is_.is_timestamp, is_.is_time, is_.is_decimal128,
    )  # fmt: skip
    return any(test(arrow) for test in plain)


class BatchLoad:
    """One load: written to batch by batch, then loaded or thrown away. Its methods block."""

    def __init__(self, plan: CopyPlan, schema: pa.Schema) -> None:
        """Collect batches of *schema* for *plan*, whose columns are in their order."""
        self._plan = replace(plan, layout=Layout(format=Format.PARQUET))
        # By position, so that names may be anything, twice too.
        self._schema = pa.schema([pa.field(f"c{number}", item.type) for number, item in enumerate(schema)])
        self._folder = tempfile.TemporaryDirectory(prefix="duckshift-batches-")
        self._path = Path(self._folder.name, NAME)
        self._writer = pq.ParquetWriter(
            self._path, self._schema, compression="none", use_dictionary=False, write_statistics=False
        )
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Take a batch."""
        self._waiting.append(pa.RecordBatch.from_arrays(batch.columns, schema=self._schema))
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def load(self, connection: duckdb.DuckDBPyConnection, *, fresh: bool = False) -> Loaded:
        """Load what was written in the transaction open on *connection*; raises ``SqlError`` 22P04."""
        self._flush()
        self._writer.close()
        kept = Aside({NAME: self._path})
        try:
            return load(connection, self._plan, kept, kept.objects(), fresh=fresh)
        except LoadFailedError:
            raise
        except SqlError as error:
            if error.message.startswith(_REASON):
                reason = error.message.removeprefix(_REASON).replace("Parquet", "Arrow")
                raise SqlError(SqlState.BAD_COPY_FILE_FORMAT, reason, detail=f"COPY {self._plan.table}") from None
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Throw away what was written."""
        self._waiting.clear()
        self._writer.close()
        self._folder.cleanup()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
        self._waiting = []
        self._rows = self._bytes = 0
