"""Which writes DuckLake keeps as rows in its catalogue, not as a file (https://ducklake.select/docs, "Data Inlining").

It writes such rows as SQL text. DuckDB, which also writes to SQLite, reads a number with a point as a DECIMAL, and of a
hundred doubles some four come out of that with another last digit; PostgreSQL reads all as they are.
"""

from collections.abc import Iterable
from typing import Final

import duckdb

from storage.database import INLINED, LakeLocation

_INEXACT: Final = frozenset({"REAL", "DOUBLE"})


def rows(location: LakeLocation, types: Iterable[str]) -> int:
    """Return up to how many rows with columns of such engine *types* a catalogue may keep, unchanged."""
    exact = location.catalog.startswith("postgres") or _INEXACT.isdisjoint(types)
    return location.inline_row_limit if exact else 0


def inline(connection: duckdb.DuckDBPyConnection, most: int) -> None:
    """Let *connection* keep writes of up to *most* rows in DuckLake's catalogue."""
    connection.execute(f"SET {INLINED} = {most}")
