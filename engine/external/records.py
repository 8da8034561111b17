"""Records of a stream through a query: rows, and the records that the query cannot take.

Redshift, "SYS_STREAM_SCAN_ERRORS": a record that fails is left out and told of; the others are taken in.
"""

from dataclasses import dataclass, field
from typing import Final

import duckdb
import pyarrow as pa

from core.errors import SqlError
from engine.cursors import Connection, Prepare
from engine.errors import from_engine

NAME: Final = "rs_records"
"""What a query calls the records."""
ROWS: Final = "rs_rows"
"""What is called so where rows are given to the engine."""
_DATA: Final = (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException)
"""Errors that a record may be to blame for."""


@dataclass(slots=True)
class Taken:
    """What became of records."""

    rows: list[pa.Table] = field(default_factory=list)
    failed: list[tuple[int, SqlError]] = field(default_factory=list)
    """(place among the records, why)"""


def taken(connection: Connection, query: str, records: pa.Table, prepare: Prepare) -> Taken:
    """Run *query* over *records*, without those that make it fail; not inside a transaction, which an error ends."""
    prepare(connection)
    found = Taken()
    # Halves of halves: one bad record among n costs about 2 * log2(n) runs.
    todo = [(0, records.num_rows)]
    while todo:
        start, count = todo.pop()
        connection.register(NAME, records.slice(start, count))
        try:
            found.rows.append(connection.execute(query).to_arrow_table())
        except _DATA as error:
            if count > 1:
                half = count // 2
                todo += [(start + half, count - half), (start, half)]
            else:
                found.failed.append((start, from_engine(error)))
        finally:
            connection.unregister(NAME)
    return found
