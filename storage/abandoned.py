"""Connections to an instance of DuckDB that has failed: they are kept, not closed.

DuckDB 1.5 ends the process when a connection is closed whose instance has met a fatal error while a transaction of
DuckLake's was open on it.
"""

import contextlib
from typing import Final

import duckdb

_abandoned: Final[list[duckdb.DuckDBPyConnection]] = []


def abandon(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep *connection*, whose instance has failed, to the end of the process, which must be ``os._exit``."""
    _abandoned.append(connection)


def part_with(connection: duckdb.DuckDBPyConnection) -> None:
    """Close *connection*, which may be in a transaction.

    DuckDB 1.5 ends the process where one is open in an instance that has failed.
    """
    try:
        with contextlib.suppress(duckdb.TransactionException):
            connection.execute("ROLLBACK")
    except duckdb.FatalException:
        abandon(connection)
    except duckdb.Error:
        connection.close()
    else:
        connection.close()


def any_abandoned() -> bool:
    """Tell whether the process must end by ``os._exit``: Python's own end would close what is kept."""
    return bool(_abandoned)
