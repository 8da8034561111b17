"""Statements that the engine plans once, to be executed with other values later."""

import duckdb


def keep(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> None:
    """Plan *sql*, which has typed parameters, to be executed by its *name* without another plan; blocking.

    The connection optimizes nothing else: the statements that execute plans.
    """
    # A condition with a parameter that is pushed into a scan makes the engine plan anew each time.
    connection.execute("SET disabled_optimizers = 'filter_pushdown'")
    connection.execute("PRAGMA enable_optimizer")
    try:
        connection.execute(f"PREPARE {name} AS {sql}")
    finally:
        connection.execute("RESET disabled_optimizers")
        connection.execute("PRAGMA disable_optimizer")
