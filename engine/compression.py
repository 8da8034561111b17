"""How well columns compress: a sample of rows, each column written plain and compressed.

Arrow's buffers are the plain size; Parquet pages with zstd, which is how tables are stored, the compressed one.
"""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from engine.cursors import DuckDbEngine

_CODEC: Final = "zstd"


async def reductions(engine: DuckDbEngine, sql: str) -> Sequence[float]:
    """Return for each column of the query *sql* by how many per cent compression makes it smaller."""
    connection = engine.connection

    def work() -> list[float]:
        rows = connection.execute(sql).to_arrow_table()
        return [_reduction(rows.column(place)) for place in range(rows.num_columns)]

    return await engine.work(work)


def _reduction(column: pa.ChunkedArray) -> float:
    plain: int = column.nbytes
    if not len(column) or not plain:
        return 0.0
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"c": column}), sink, compression=_CODEC)
    meta = pq.read_metadata(pa.BufferReader(sink.getvalue()))
    size: int = sum(meta.row_group(group).column(0).total_compressed_size for group in range(meta.num_row_groups))
    return max(0.0, round(100.0 * (1 - size / plain), 2))
