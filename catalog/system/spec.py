"""What a system view is, and the short form in which the families write their columns.

The short form is ``name type, name type``: types by pg_type.typname (``"char"`` is written char), with
(n) or (p,s) where they have a modifier; ``ts`` is timestamp.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from catalog.roles import SUPERUSER_ROLE
from core.names import literal, quote
from core.types import BYTEA, TYPES, ColumnType, numeric, with_length

Visible = Literal["all", "superuser", "own"]
Columns = tuple[tuple[str, ColumnType], ...]

_BY_TYPNAME: Final = {row.name: row for row in TYPES} | {
    "bytea": BYTEA,
    "ts": next(row for row in TYPES if row.name == "timestamp"),
}
_COLUMN: Final = re.compile(r'\s*("?)([a-z_0-9]+)\1 +([a-z_0-9]+)(?:\((\d+)(?:,(\d+))?\))?\s*(?:,|\Z)')

SUPERUSER: Final = (
    "EXISTS (SELECT 1 FROM sys_users AS me WHERE me.oid = getvariable('current_user_id') AND (me.superuser"
    f" OR EXISTS (SELECT 1 FROM sys_members AS mine WHERE mine.member = me.oid AND mine.grantee = {SUPERUSER_ROLE})))"
)
"""Engine SQL: whether the session's user sees everything."""
SEES_ALL: Final = (
    "EXISTS (SELECT 1 FROM sys_users AS me WHERE me.oid = getvariable('current_user_id')"
    " AND (me.superuser OR me.syslog_unrestricted OR EXISTS (SELECT 1 FROM sys_members AS mine JOIN sys_roles AS held"
    " ON held.oid = mine.grantee WHERE mine.member = me.oid AND (list_contains(held.permissions, 'ACCESS SYSTEM TABLE')"
    " OR held.name IN ('sys:superuser', 'sys:dba', 'sys:operator', 'sys:monitor')))))"
)
"""Engine SQL: whether the user sees other users' rows of log views (SYSLOG ACCESS UNRESTRICTED, ACCESS SYSTEM TABLE)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemView:
    """One system table or view: its shape, and the engine SQL that fills it."""

    schema: Literal["pg_catalog", "information_schema"]
    name: str
    oid: int
    columns: Columns
    query: str = ""
    """Engine SQL over the ``sys_*`` sources, column names as in ``columns``; empty: there are no rows."""
    visible: Visible = "all"
    """Who sees rows: everyone, superusers, or each user the rows that are theirs (``owner``)."""
    owner: str = "userid"
    """For visible="own": the column that holds the user's id."""
    table: bool = False
    """Whether pg_class shows a table (relkind r) and not a view."""
    doc: str
    """Page of the Redshift (or PostgreSQL) documentation."""

    @property
    def definition(self) -> str:
        """Return the view as one SELECT whose columns have the declared names and types."""
        if not self.query:
            casts = ", ".join(f"CAST(NULL AS {kind.engine()}) AS {quote(name)}" for name, kind in self.columns)
            return f"SELECT {casts} WHERE FALSE"
        casts = ", ".join(f"{_shown(name, kind)} AS {quote(name)}" for name, kind in self.columns)
        return f"SELECT {casts} FROM ({self.query}) AS q{self._filter()}"

    def _filter(self) -> str:
        if self.visible == "all":
            return ""
        if self.visible == "superuser":
            return f" WHERE {SEES_ALL}"
        return f" WHERE CAST(q.{quote(self.owner)} AS BIGINT) = getvariable('current_user_id') OR {SEES_ALL}"


def _shown(name: str, kind: ColumnType) -> str:
    """Return a query's column with its declared type; arrays, lists until here, become text: ``{a,b}``."""
    column = f"q.{quote(name)}"
    if kind.type.category == "A":
        out = "rs_vector_out" if kind.type.name in _VECTORS else "rs_array_out"
        return f"{out}({column})"
    return f"CAST({column} AS {kind.engine()})"


_VECTORS: Final = frozenset({"int2vector", "oidvector"})
"""Arrays whose text is ``1 2`` and not ``{1,2}``."""


def columns(text: str) -> Columns:
    """Return the columns that the short form *text* declares."""
    found: list[tuple[str, ColumnType]] = []
    place = 0
    text = text.strip()
    while place < len(text):
        match = _COLUMN.match(text, place)
        if match is None:
            raise ValueError(text[place:])
        found.append((match[2], _type(match[3], match[4], match[5])))
        place = match.end()
    return tuple(found)


def _type(name: str, first: str | None, second: str | None) -> ColumnType:
    if first is None:
        return ColumnType(_BY_TYPNAME[name])
    if name == "numeric":
        return numeric(int(first), int(second or 0))
    return with_length(name, int(first))


def values(rows: tuple[tuple[str | int | bool | None, ...], ...], names: str) -> str:
    """Return engine SQL that yields constant *rows* with the columns *names* (comma-separated)."""
    body = ", ".join("(" + ", ".join(_constant(cell) for cell in row) + ")" for row in rows)
    return f"SELECT {names} FROM (VALUES {body}) AS t({names})"


def _constant(cell: str | int | bool | None) -> str:
    if cell is None:
        return "NULL"
    return literal(cell) if isinstance(cell, str) else str(cell).upper()
