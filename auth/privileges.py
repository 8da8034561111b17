"""The privileges: one row each, with the objects they fit.

Redshift, "GRANT"; their letters in ACL text are PostgreSQL 8.0's, and A and P for ALTER and DROP.
"""

from dataclasses import dataclass
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState

TABLE: Final = "relation"
SCHEMA: Final = "schema"
DATABASE: Final = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Privilege:
    """One privilege."""

    name: str
    kinds: frozenset[str]
    by_column: bool = False
    """Whether it can be limited to columns."""


def _row(name: str, *kinds: str, by_column: bool = False) -> Privilege:
    return Privilege(name=name, kinds=frozenset(kinds), by_column=by_column)


PRIVILEGES: Final = (
    _row("ALTER", TABLE, SCHEMA, DATABASE),
    _row("CREATE", SCHEMA, DATABASE),
    _row("DELETE", TABLE),
    _row("DROP", TABLE, SCHEMA),
    _row("INSERT", TABLE),
    _row("REFERENCES", TABLE),
    _row("SELECT", TABLE, by_column=True),
    _row("TEMPORARY", DATABASE),
    _row("TRUNCATE", TABLE),
    _row("UPDATE", TABLE, by_column=True),
    _row("USAGE", SCHEMA, DATABASE),
)
BY_NAME: Final = {row.name: row for row in PRIVILEGES}
ALL: Final = {
    kind: frozenset(row.name for row in PRIVILEGES if kind in row.kinds) for kind in (TABLE, SCHEMA, DATABASE)
}
"""Kind of object → what ALL PRIVILEGES means there."""


def named(name: str, kind: str, columns: tuple[str, ...] = ()) -> frozenset[str]:
    """Return the privileges that a word of GRANT means on *kind*; raises 0LP01's kin where it does not fit."""
    if name == "ALL":
        return ALL[kind] if not columns else frozenset(row.name for row in PRIVILEGES if row.by_column)
    row = BY_NAME.get(name)
    if row is None or kind not in row.kinds:
        raise SqlError(SqlState.INVALID_GRANTOR, f"invalid privilege type {name} for {kind}")
    if columns and not row.by_column:
        raise SqlError(SqlState.INVALID_GRANTOR, f"column privileges are only valid for SELECT and UPDATE, not {name}")
    return frozenset({name})
