"""PREPARE, EXECUTE, DEALLOCATE.

Redshift, "PREPARE", "EXECUTE", "DEALLOCATE".
"""

from dataclasses import dataclass

from core.types import ColumnType
from sql.commands.datatypes import read_arguments
from sql.statement import Fragment, Statement
from sql.stream import Stream


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


def read_execute(stream: Stream) -> Execute:
    """Take EXECUTE name [(expressions)]."""
    stream.expect("EXECUTE")
    name = stream.identifier()
    return Execute(name=name, arguments=read_arguments(stream) if stream.at("(") else ())


def read_deallocate(stream: Stream) -> Deallocate:
    """Take DEALLOCATE [PREPARE] name or ALL."""
    stream.expect("DEALLOCATE")
    stream.take("PREPARE")
    return Deallocate(name=None if stream.take("ALL") else stream.identifier())
