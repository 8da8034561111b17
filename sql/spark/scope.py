"""What a query of Spark SQL is written with: names, the tables it reads, what its expressions may refer to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from sql.spark.values import Kind, UnfitError, Value

if TYPE_CHECKING:
    from sql.spark.queries import Query

Columns = dict[str, Kind]
"""A relation's columns by name, in order; names are folded, as the engine does."""
Variable = str | None
UNKNOWN: Final = "?"
"""What the name of a type begins with that Spark has none like."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as its rows lie in files."""

    columns: Mapping[str, str]
    """Name → the engine's type, in order."""


@dataclass(slots=True)
class Used:
    """A table that a query reads."""

    view: str
    """What the query calls it."""
    columns: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The columns that it names: name → (what the query calls it, Spark's type)."""


class Writer:
    """One query's writing."""

    def __init__(
        self, tables: Mapping[tuple[str, ...], tuple[str, Table]], variables: Callable[[str], Variable]
    ) -> None:
        """Write a query over *tables*, by the parts of their names; *variables* gives those of the session."""
        self.tables = tables
        self.variable = variables
        self.used: dict[str, Used] = {}
        self.outer = self.fixed = False
        """Whether there is an outer join; whether something is compared with a constant for being equal, or is one."""
        self._names: dict[str, str] = {}

    def name(self, text: str) -> str:
        """Return what *text* is called in Spark SQL, where case and keywords are another matter."""
        return self._names.setdefault(text.lower(), f"n{len(self._names) + 1}")


@dataclass(slots=True)
class Scope:
    """What expressions at one place may refer to."""

    writer: Writer
    query: "Callable[[exp.Expr, Scope], Query]"
    value: "Callable[[exp.Expr, Scope], Value]"
    parent: "Scope | None" = None
    relations: dict[str, Columns] = field(default_factory=dict)
    """By alias, folded."""
    bases: dict[str, Used] = field(default_factory=dict)
    """Those of them that are stored tables."""
    ctes: dict[str, Columns] = field(default_factory=dict)

    def inside(self) -> "Scope":
        """Return the scope of a query within."""
        return Scope(self.writer, self.query, self.value, self, {}, {}, dict(self.ctes))

    def column(self, relation: str, name: str) -> Value:
        """Return a column that is referred to; raises ``UnfitError`` where none is known."""
        alias, name = relation.lower(), name.lower()
        places = [alias] if alias else [each for each, columns in self.relations.items() if name in columns]
        found = self.relations.get(places[0]) if len(places) == 1 else None
        if found is not None and name in found:
            return self.taken(places[0], name, found[name])
        if self.parent is None or (found is not None or len(places) > 1):
            raise UnfitError("a column that is not one of a relation's")
        return self.parent.column(relation, name)

    def taken(self, alias: str, name: str, kind: Kind) -> Value:
        """Return the column *name* of the relation *alias*, noting that it is read."""
        if kind.name.startswith(UNKNOWN):
            raise UnfitError(f"values of type {kind.name.removeprefix(UNKNOWN).partition('(')[0]}")
        called = self.writer.name(name)
        base = self.bases.get(alias)
        if base is not None:
            base.columns[name] = (called, kind.spark)
        return Value(sql=f"{self.writer.name(alias)}.{called}", kind=kind)
