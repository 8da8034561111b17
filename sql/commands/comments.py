"""COMMENT ON.

Redshift, "COMMENT".
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """COMMENT ON object IS 'text' | NULL."""

    object: str
    """TABLE, COLUMN, CONSTRAINT, DATABASE, VIEW, SCHEMA, …."""
    name: tuple[str, ...]
    """A column's name is its relation's with the column at the end (two to four parts)."""
    on: tuple[str, ...] | None = None
    """A constraint's table."""
    text: str | None
    """None removes the remark."""
