"""INSERT of many rows of literals or parameters, read by compiled code or one regular expression, not by the parser.

dbt's seeds and drivers' batches send thousands of rows. Such a statement becomes ``INSERT … SELECT`` from a
relation that the session fills; ``WrittenRows.values`` or, with parameters and where ``sql.literals`` has no library,
``LiteralRows.values`` give its columns. What this does not know for certain to be what ``sql.dml`` makes of it, whose
errors are the right ones, is left to that: then there is no such plan, or no values.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError
from core.names import quote
from core.types import ColumnType
from sql import dml, literals
from sql.cells import KINDS, Parameter, UnfitError, contents, single
from sql.commands.datatypes import read_type
from sql.facts import Source, SourceColumn, SourceKind
from sql.literals import Packed, Wanted
from sql.scope import Scope
from sql.statement import Fragment
from sql.stream import Stream
from sql.targets import target_of
from sql.tokens import skip_blank
from sql.value import Slot, Value, made

LEAST: Final = 2_000
"""Characters of a statement that is worth looking at."""
_MANY_BYTES: Final = 1 << 18
_MANY_CELLS: Final = 200
GIVEN: Final = "rs_given_rows"
"""What the relation of the values is called."""

_NAME: Final = r'(?:[A-Za-z_][A-Za-z0-9_]*+|"(?:[^"]|"")++")'
_HEAD: Final = re.compile(
    rf"INSERT\s++INTO\s++({_NAME}(?:\.{_NAME}){{0,2}}+)\s*+(?:\(\s*+({_NAME}(?:\s*+,\s*+{_NAME})*+)\s*+\)\s*+)?"
    r"VALUES\s*+(?=\()",
    re.IGNORECASE,
)
_PART: Final = re.compile(_NAME)
_CELL: Final = (
    r"(-?[0-9]++(?:\.[0-9]*+)?(?:[eE][-+]?[0-9]++)?|'(?:[^'\\]++|\\[^x]|'')*+'"
    r"|NULL|TRUE|FALSE|DEFAULT|\$[0-9]++)"
)
_CAST: Final = r"(?:\s*+::\s*+([A-Za-z0-9]++))?"
_NEXT: Final = r"\s*+,\s*+"
_END: Final = r"\s*+\)\s*+(?:,\s*+(?=\()|\Z)"
_FLAGS: Final = re.IGNORECASE | re.DOTALL
_FIRST: Final = re.compile(rf"\(\s*+{_CELL}{_CAST}(?:{_NEXT}{_CELL}{_CAST})*+\s*+\)", _FLAGS)
_CASTS: Final = {
    "int": "int4", "integer": "int4", "int4": "int4", "bigint": "int8", "int8": "int8", "smallint": "int2",
    "int2": "int2", "float": "float8", "float8": "float8", "bool": "bool", "boolean": "bool", "date": "date",
    "timestamp": "timestamp", "timestamptz": "timestamptz", "time": "time",
}  # fmt: skip
_STEADY: Final = frozenset({
    "getdate()", "sysdate", "now()", "current_timestamp", "current_date", "current_user", "session_user", "user",
})  # fmt: skip
"""What is the same in all rows of a statement."""
_PARAMETER: Final = re.compile(r"\$[0-9]")

Rows = list[tuple[str, str, "list[object] | Packed"]]
"""Name, kind and values of each column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralRows:
    """The rows of an INSERT as they are written, column by column."""

    columns: tuple[SourceColumn, ...]
    cells: tuple[tuple[str, ...], ...]

    def values(self, parameters: Sequence[Parameter] = ()) -> Rows | None:
        """Return name, kind (``KINDS``) and values of each column; None where a value does not fit."""
        try:
            if len(self.cells[0]) == 1:
                return [
                    (column.engine_name, KINDS[column.type.type.name][0], single(cell, parameters, column))
                    for column, (cell,) in zip(self.columns, self.cells, strict=True)
                ]
            return [
                (column.engine_name, kind, read(contents(cells, parameters, column), column.type))
                for column, cells in zip(self.columns, self.cells, strict=True)
                for kind, read in (KINDS[column.type.type.name],)
            ]
        except (UnfitError, ValueError, OverflowError):
            return None

    @property
    def doubtful(self) -> bool:
        """Whether it is known already that a value does not fit."""
        return False

    @property
    def many(self) -> bool:
        """Whether reading them takes long."""
        return len(self.cells) * len(self.cells[0]) > _MANY_CELLS


@dataclass(slots=True, kw_only=True)
class WrittenRows:
    """The rows of an INSERT as they are written, not looked at before they are wanted."""

    text: bytes
    place: int
    columns: tuple[SourceColumn | str, ...]
    """Of a column that gets the same in every row, what is written there: DEFAULT or a call."""
    _read: Rows | None = field(default=None, init=False)

    def values(self, parameters: Sequence[Parameter] = ()) -> Rows | None:
        """Return name, kind and values of each column; None where a value does not fit."""
        if self._read is None:
            found = literals.packed(self.text, self.place, [_wanted(column) for column in self.columns])
            if found is not None:
                self._read = [
                    (column.engine_name, values.kind, values)
                    for column, values in zip(self.columns, found, strict=True)
                    if not isinstance(column, str) and values is not None
                ]
        return self._read

    @property
    def doubtful(self) -> bool:
        """Whether it is known already that a value does not fit."""
        return self.values() is None

    @property
    def many(self) -> bool:
        """Whether reading them takes long."""
        return len(self.text) > _MANY_BYTES or len(self.columns) > _MANY_CELLS


def insertion(text: str, scope: Scope) -> tuple[dml.Change, LiteralRows | WrittenRows] | None:
    """Translate an INSERT of many rows, None where the text is anything else."""
    head = _HEAD.match(text, skip_blank(text, 0)) if len(text) >= LEAST else None
    if head is None or scope.writer.arguments is not None or scope.writer.variables is not None:
        return None
    return _written(text, head, scope) or _given(text, head, scope)


def few(text: str, scope: Scope) -> tuple[dml.Change, LiteralRows] | None:
    """Translate an INSERT of few rows, None where the text is anything else."""
    head = _HEAD.match(text, skip_blank(text, 0))
    if head is None or scope.writer.arguments is not None or scope.writer.variables is not None:
        return None
    return _given(text, head, scope)


def _written(text: str, head: re.Match[str], scope: Scope) -> tuple[dml.Change, WrittenRows] | None:
    """Translate an INSERT of literals alone, as far as its first row says that it is one."""
    place, data = len(text[: head.end()].encode()), text.encode()
    first = literals.first_row(data, place)
    if first is None:
        return None
    table, node = _node(head)
    source, chosen = _chosen(table, node, len(first), scope)
    if source.kind is SourceKind.EXTERNAL:
        return None
    values: dict[str, Value] = {}
    kept: list[SourceColumn | str] = []
    for column, same in zip(chosen, first, strict=True):
        if same:
            value = _repeated(same, source, column, scope)
            if value is None:
                return None
            kept.append(same)
            values[column.name] = value
            continue
        if (column.identity and not column.identity_by_default) or not literals.readable(column.type):
            return None
        kept.append(column)
        values[column.name] = made(_stored(column), column.type, exact=True)
    rows = WrittenRows(text=data, place=place, columns=tuple(kept))
    if all(isinstance(item, str) for item in kept) or (_PARAMETER.search(text, head.end()) and rows.values() is None):
        return None
    return dml.inserted(source, values, f"FROM {GIVEN} AS given", "", scope), rows


def _chosen(table: exp.Table, node: exp.Insert, width: int, scope: Scope) -> tuple[Source, list[SourceColumn]]:
    """Return the table and the columns that rows of *width* cells are for."""
    source = target_of(table, scope, "insert into", "INSERT")
    explicit = isinstance(node.this, exp.Schema)
    chosen = dml.chosen_columns(node, source, scope)
    return source, dml.counted(width, dml.without_identity(chosen, width, explicit=explicit), explicit=explicit)


def _repeated(same: str, source: Source, column: SourceColumn, scope: Scope) -> Value | None:
    """Return what stands in every row of a column, None where the rows may each get something else."""
    if same == "DEFAULT":
        return dml.default_value(source, column, scope)
    if same.lower() not in _STEADY or column.identity is not None:
        return None
    try:
        return dml.default_value(source, replace(column, default=same), scope)
    except SqlError:
        # The ordinary way says where.
        return None


def _wanted(column: SourceColumn | str) -> Wanted:
    if isinstance(column, str):
        return Wanted(type=None, same="" if column == "DEFAULT" else column)
    type_ = column.type
    return Wanted(
        type=type_, not_null=column.not_null, accepts=lambda spelled, before: _same(spelled, type_, before=before)
    )


def _same(spelled: str, target: ColumnType, *, before: bool) -> bool:
    """Tell whether a value cast to the type that is spelled so is stored as it would be without."""
    stream = Stream.of(Fragment(spelled, 0), case_sensitive=False)
    try:
        found = read_type(stream)
        stream.finish()
    except SqlError:
        return False
    if found.type.name != target.type.name or (before and found.type.category != "D"):
        return False
    if target.length is not None:
        return found.length is not None and found.length >= target.length
    return found == target


def _given(text: str, head: re.Match[str], scope: Scope) -> tuple[dml.Change, LiteralRows] | None:
    given = _rows(text, head.end())
    if given is None:
        return None
    table, node = _node(head)
    source, chosen = _chosen(table, node, len(given), scope)
    if source.kind is SourceKind.EXTERNAL:
        return None
    values, kept = {}, []
    for column, (cells, cast) in zip(chosen, given, strict=True):
        if all(cell.upper() == "DEFAULT" for cell in cells):
            values[column.name] = dml.default_value(source, column, scope)
            continue
        if not _known(column, cells, cast, scope):
            return None
        kept.append((column, cells))
        values[column.name] = made(_stored(column), column.type, exact=True)
    if not kept:
        return None
    rows = LiteralRows(columns=tuple(column for column, _ in kept), cells=tuple(cells for _, cells in kept))
    return dml.inserted(source, values, f"FROM {GIVEN} AS given", "", scope), rows


def _known(column: SourceColumn, cells: tuple[str, ...], cast: str, scope: Scope) -> bool:
    """Tell whether a column's cells can be read here; parameters among them get its type."""
    name = column.type.type.name
    if column.identity is not None or name not in KINDS or (cast and _CASTS.get(cast.lower()) != name):
        return False
    if not {cell[0] for cell in cells}.isdisjoint("dD"):
        return False
    return _slots(cells, column, scope)


def _node(head: re.Match[str]) -> tuple[exp.Table, exp.Insert]:
    """Return the trees of ``INSERT INTO name (columns)`` and of the name."""
    parts = [_identifier(found, head.start(1)) for found in _PART.finditer(head[1])]
    table = exp.Table(**dict(zip(("this", "db", "catalog"), reversed(parts), strict=False)))
    if head[2] is None:
        return table, exp.Insert(this=table)
    names = [_identifier(found, head.start(2)) for found in _PART.finditer(head[2])]
    return table, exp.Insert(this=exp.Schema(this=table, expressions=names))


def _identifier(found: re.Match[str], start: int) -> exp.Identifier:
    quoted = found[0].startswith('"')
    name = found[0][1:-1].replace('""', '"') if quoted else found[0]
    node = exp.Identifier(this=name, quoted=quoted)
    node.meta["start"] = start + found.start()
    return node


def _rows(text: str, place: int) -> list[tuple[tuple[str, ...], str]] | None:
    """Return the cells of ``(…), (…)`` that fills the rest of *text*, column by column, and each one's cast."""
    first = _FIRST.match(text, place)
    if first is None:
        return None
    width = sum(1 for _ in re.finditer(_CELL, first[0], _FLAGS))
    found = _matches([_CELL] * width, text, place)
    if found is not None:
        return [(cells, "") for cells in found]
    found = _matches([_CELL + _CAST] * width, text, place)
    if found is None or any(len(set(casts)) > 1 for casts in found[1::2]):
        return None
    return [(cells, casts[0] or "") for cells, casts in zip(found[::2], found[1::2], strict=True)]


def _matches(cells: list[str], text: str, place: int) -> list[tuple[str, ...]] | None:
    """Return the groups of rows of *cells*, column by column."""
    found: list[tuple[str, ...]] = []
    end = place
    row = re.compile(rf"\(\s*+{_NEXT.join(cells)}{_END}", _FLAGS)
    for item in row.finditer(text, place):
        if item.start() != end:
            return None
        found.append(item.groups())
        end = item.end()
    return list(zip(*found, strict=True)) if found and end == len(text) else None


def _slots(cells: tuple[str, ...], column: SourceColumn, scope: Scope) -> bool:
    """Give the parameters among *cells* the column's type; False where they have another."""
    slots = scope.writer.slots
    type_ = types.of("varchar") if column.type.type.category == "S" else column.type
    for cell in cells:
        if cell[0] != "$":
            continue
        slot = slots.setdefault(int(cell[1:]), Slot(number=int(cell[1:]), type=type_))
        slot.type = slot.type or type_
        if slot.type.type.category != type_.type.category:
            return False
    return True


def _stored(column: SourceColumn) -> str:
    """Return the engine SQL of a column of the given rows as the table keeps it."""
    given = f"given.{quote(column.engine_name)}"
    name = column.type.type.name
    if name == "super":
        return f"CAST(to_json({given}) AS JSON)"
    if column.type.type.category == "S" or name in {"bool", "float8"}:
        return given
    return f"CAST({given} AS {column.type.engine()})"
