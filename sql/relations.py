"""Values of a translation: relations and their fields, queries and their columns, functions to be given to the engine.

Pure; what is in sight of what is ``sql.scope``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from core.names import quote
from core.types import ColumnType
from sql.facts import FunctionSource, Source, SourceColumn
from sql.value import Stored, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column that can be named."""

    name: str
    value: Value
    source: Source | None = None
    stored: str = ""
    """The column's own name, when it is called otherwise here."""


def stored_field(alias: str, column: SourceColumn, source: Source, *, as_kept: bool = False) -> Field:
    """Return the field of a stored or system relation's column; *as_kept*: what is read is what a table keeps now."""
    sql = f"{alias}.{quote(column.engine_name)}"
    stored = Stored(sql, source.oid, column.number) if as_kept and column.type.type.category == "S" else None
    value = Value(
        sql=sql, type=column.type, exact=True, folded=column.folded, origin=(source.oid, column.number),
        stored=stored, nested=column.nested,
    )  # fmt: skip
    return Field(name=column.name, value=value, source=source, stored=column.stored)


class StoredFields(Sequence[Field]):
    """The fields of a stored or system relation, made when they are asked for: of many columns few are named."""

    __slots__ = ("_alias", "_as_kept", "_columns", "_made", "_places", "_source")

    def __init__(
        self, alias: str, source: Source, columns: Sequence[SourceColumn], names: Sequence[str], *, as_kept: bool
    ) -> None:
        """Have a field for each of *columns*, the first of them called *names*; *as_kept* as ``stored_field`` says."""
        self._alias, self._source, self._as_kept = alias, source, as_kept
        self._columns = [
            (names[index] if index < len(names) else column.name, column) for index, column in enumerate(columns)
        ]
        self._made: dict[int, Field] = {}
        self._places: dict[str, list[int]] = {}
        for place, (name, _) in enumerate(self._columns):
            self._places.setdefault(name, []).append(place)

    def __len__(self) -> int:
        return len(self._columns)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self)[index]
        place = range(len(self._columns))[index]
        found = self._made.get(place)
        if found is None:
            shown, column = self._columns[place]
            found = stored_field(self._alias, column, self._source, as_kept=self._as_kept)
            if shown != column.name:
                found = replace(found, name=shown, stored=found.stored or column.name)
            self._made[place] = found
        return found

    def called(self, name: str) -> list[Field]:
        """Return the fields called *name*."""
        return [self[place] for place in self._places.get(name, ())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """An entry of FROM."""

    name: str
    """What the statement calls it."""
    alias: str
    """What the engine calls it, quoted."""
    fields: Sequence[Field]
    schema: str = ""
    database: str = ""
    elements: bool = False
    """Whether it iterates over a SUPER value: its name means the element."""
    hidden: frozenset[str] = frozenset()
    """Columns that a USING merged away: named only with this relation's name."""
    extra: tuple[Field, ...] = ()
    """Columns that a star leaves out: ``"$path"`` of an external table."""
    _by_name: dict[str, list[Field]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def find(self, name: str) -> Sequence[Field]:
        """Return the fields called *name*."""
        found = self._by_name.get(name)
        if found is None:
            listed = self.fields
            among = listed.called(name) if isinstance(listed, StoredFields) else [i for i in listed if i.name == name]
            found = self._by_name[name] = [*among, *(item for item in self.extra if item.name == name)]
        return found


@dataclass(frozen=True, slots=True)
class Mention:
    """A column where a text names it."""

    node: exp.Expr
    relation: Relation
    field: Field
    bare: bool
    """Whether it stands there without its relation."""


@dataclass(slots=True)
class Notes:
    """What the names in a text were found to mean."""

    tables: list[tuple[exp.Table, Source]] = field(default_factory=list)
    columns: list[Mention] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A column of a query's result."""

    name: str
    engine_name: str
    value: Value


def unkept(outputs: tuple[Output, ...]) -> tuple[Output, ...]:
    """Return columns whose values need not be those that a table keeps."""
    return tuple(
        replace(output, value=replace(output.value, stored=None)) if output.value.stored else output
        for output in outputs
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query, translated."""

    sql: str
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cte:
    """A WITH query in sight."""

    alias: str
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A function in another language, called with certain types."""

    name: str
    """The engine's: it changes with everything that the function depends on."""
    function: FunctionSource
    arguments: tuple[ColumnType, ...]
    returns: ColumnType
