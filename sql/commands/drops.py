"""DROP of tables, views, schemas and routines; databases and principals are with their own commands.

Redshift, "DROP TABLE", "DROP VIEW", "DROP MATERIALIZED VIEW", "DROP SCHEMA", "DROP FUNCTION", "DROP PROCEDURE".
"""

from dataclasses import dataclass

from core.types import ColumnType
from sql.commands.alterations import take_cascade
from sql.commands.datatypes import read_signature
from sql.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """DROP object [IF EXISTS] name[, …] [CASCADE | RESTRICT]."""

    object: str
    """TABLE, VIEW, MATERIALIZED VIEW, SCHEMA, FUNCTION or PROCEDURE."""
    names: tuple[tuple[str, ...], ...]
    if_exists: bool = False
    cascade: bool = False
    external_database: bool = False
    """Whether the external databases of external schemas go with them."""
    signatures: tuple[tuple[ColumnType, ...] | None, ...] = ()
    """Of routines, one for each name: argument types, None of a procedure without parentheses."""

    @property
    def tag(self) -> str:
        """Return CommandComplete's tag."""
        return f"DROP {self.object}"


def read_drop(stream: Stream, object_: str) -> Drop:
    """Take what follows DROP TABLE, DROP VIEW, DROP MATERIALIZED VIEW, DROP SCHEMA."""
    if_exists = stream.take("IF", "EXISTS")
    names = stream.names(2 if object_ == "SCHEMA" else 3)
    external = object_ == "SCHEMA" and stream.take("DROP", "EXTERNAL", "DATABASE")
    return Drop(
        object=object_, names=names, if_exists=if_exists, cascade=take_cascade(stream), external_database=external
    )


def read_drop_routine(stream: Stream, object_: str) -> Drop:
    """Take what follows DROP FUNCTION or DROP PROCEDURE."""
    if_exists = stream.take("IF", "EXISTS")
    names: list[tuple[str, ...]] = []
    signatures: list[tuple[ColumnType, ...] | None] = []
    while not names or stream.take(","):
        names.append(stream.name())
        bare = object_ == "PROCEDURE" and not stream.at("(")
        signatures.append(None if bare else read_signature(stream))
    return Drop(
        object=object_,
        names=tuple(names),
        if_exists=if_exists,
        cascade=take_cascade(stream),
        signatures=tuple(signatures),
    )
