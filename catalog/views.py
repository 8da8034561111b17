"""What a view has beside its query: what it saw when it was made, and where a materialized one keeps its rows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """The columns of a relation as they were when a view was made that reads it."""

    relation: int
    columns: tuple[tuple[str, int], ...]
    """(name, number)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Materialized:
    """What makes a view a materialized one; its query is the relation's ``definition``."""

    table: int
    """OID of the table that keeps its rows."""
    incremental: bool = False
    """Whether changes of the base tables can be worked in without running the query anew."""
    mutable: bool = False
    """Whether the query depends on more than the tables: the time, the user, random numbers."""
    auto_refresh: bool = False
    stream: tuple[int | str, ...] = ()
    """(external schema, name) of the stream that it takes in, if any."""
