"""DROP of tables, views, schemas and routines; databases and principals are with their own commands.

Redshift, "DROP TABLE", "DROP VIEW", "DROP MATERIALIZED VIEW", "DROP SCHEMA", "DROP FUNCTION", "DROP PROCEDURE".
"""

from dataclasses import dataclass

from core.types import ColumnType


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """DROP object [IF EXISTS] name[, …] [CASCADE | RESTRICT]."""

    object: str
    """TABLE, VIEW, MATERIALIZED VIEW, SCHEMA, FUNCTION or PROCEDURE."""
    names: tuple[tuple[str, ...], ...]
    if_exists: bool = False
    cascade: bool = False
    signatures: tuple[tuple[ColumnType, ...] | None, ...] = ()
    """Of routines, one for each name: argument types, None without parentheses."""

    @property
    def tag(self) -> str:
        """Return CommandComplete's tag."""
        return f"DROP {self.object}"
