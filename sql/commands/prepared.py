"""PREPARE, EXECUTE, DEALLOCATE.

Redshift, "PREPARE", "EXECUTE", "DEALLOCATE".
"""

from dataclasses import dataclass

from core.types import ColumnType
from sql.statement import Fragment, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """PREPARE name [(type[, …])] AS statement."""

    name: str
    types: tuple[ColumnType, ...]
    statement: Statement
    """SELECT, INSERT, UPDATE or DELETE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """EXECUTE name [(expression[, …])]."""

    name: str
    arguments: tuple[Fragment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deallocate:
    """DEALLOCATE [PREPARE] name; None is ALL."""

    name: str | None
