"""SHOW of objects: lists, definitions, grants.

Redshift, "SHOW DATABASES", "SHOW SCHEMAS", "SHOW TABLES", "SHOW COLUMNS", "SHOW GRANTS", "SHOW TABLE", ….
"""

from dataclasses import dataclass

from core.types import ColumnType
from sql.commands.privileges import Grantee


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowObjects:
    """One of the SHOW family."""

    topic: str
    """DATABASES, SCHEMAS, TABLES, COLUMNS, PRIMARY KEYS, FOREIGN KEYS, EXPORTED FOREIGN KEYS, GRANTS ON,
    GRANTS FOR, COLUMN GRANTS, PROCEDURES, FUNCTIONS, PARAMETERS OF PROCEDURE, PARAMETERS OF FUNCTION,
    TABLE, VIEW, PROCEDURE, USE, USER LOCKOUT."""
    name: tuple[str, ...] = ()
    """The database, schema, relation or routine it is about."""
    object: str | None = None
    """GRANTS ON: DATABASE, SCHEMA, TABLE, FUNCTION or PROCEDURE."""
    signature: tuple[ColumnType, ...] | None = None
    like: str | None = None
    limit: int | None = None
    grantee: Grantee | None = None
    """FOR …."""
    database: str | None = None
    """GRANTS FOR … FROM DATABASE."""
