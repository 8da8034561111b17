"""The tables that the server keeps in its lake for itself, made all at once in a new one.

Each change of a lake's schema has DuckLake read the whole schema anew, which takes longer than to make a table. Who has
a table makes it all the same where it is missing: in the lake of an older server.
"""

import duckdb

from storage import copied, journal, metastore
from storage.database import Database, WarehouseError


def begin(database: Database) -> None:
    """Make the tables where the lake is new; raises ``WarehouseError``. Blocking."""
    connection = database.cursor()
    try:
        if not _has_begun(connection):
            made = (metastore.MADE, *journal.made(), copied.MADE)
            connection.execute(";\n".join(("BEGIN", *made, "COMMIT")))
    except duckdb.Error as error:
        message = f"cannot open the warehouse: {str(error).splitlines()[0]}"
        raise WarehouseError(message) from error
    finally:
        connection.close()


def _has_begun(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        connection.execute(f"SELECT 1 FROM {metastore.LOG} LIMIT 0").fetchall()
    except duckdb.CatalogException:
        return False
    return True
