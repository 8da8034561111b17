"""INSERT of many rows of literals or parameters, read by one regular expression instead of the parser.

dbt's seeds and drivers' batches send thousands of rows. Such a statement becomes ``INSERT … SELECT`` from a
relation that the session fills; ``LiteralRows.values`` gives its columns. What this does not know for certain to
be what ``sql.dml`` makes of it, whose errors are the right ones, is left to that: then there is no such plan, or
no values.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from sqlglot import exp

from core import types
from core.names import quote
from core.types import ColumnType
from sql import dml
from sql.constants import TRUTH
from sql.facts import SourceColumn, SourceKind
from sql.scope import Scope
from sql.targets import target_of
from sql.tokens import unescape
from sql.value import Slot, made

LEAST: Final = 2_000
"""Characters of a statement that is worth looking at."""
GIVEN: Final = "rs_given_rows"
"""What the relation of the values is called."""
Parameter = str | int | float | bool | bytes | None

_NAME: Final = r'(?:[A-Za-z_][A-Za-z0-9_]*+|"(?:[^"]|"")++")'
_HEAD: Final = re.compile(
    rf"\s*+INSERT\s++INTO\s++({_NAME}(?:\.{_NAME}){{0,2}}+)\s*+(?:\(\s*+({_NAME}(?:\s*+,\s*+{_NAME})*+)\s*+\)\s*+)?"
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
_DIGITS: Final = frozenset("-0123456789")
_WORDS: Final[dict[str, bool | None]] = {"null": None, "true": True, "false": False}


class UnfitError(Exception):
    """A value that only the ordinary way knows what to do with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralRows:
    """The rows of an INSERT as they are written, column by column."""

    columns: tuple[SourceColumn, ...]
    cells: tuple[tuple[str, ...], ...]

    def values(self, parameters: Sequence[Parameter] = ()) -> list[tuple[str, str, list[object]]] | None:
        """Return name, kind (``_KINDS``) and values of each column; None where a value does not fit."""
        try:
            return [
                (column.engine_name, kind, read(_contents(cells, parameters, column), column.type))
                for column, cells in zip(self.columns, self.cells, strict=True)
                for kind, read in (_KINDS[column.type.type.name],)
            ]
        except (UnfitError, ValueError, OverflowError):
            return None


def insertion(text: str, scope: Scope) -> tuple[dml.Change, LiteralRows] | None:
    """Translate an INSERT of many rows, None where the text is anything else."""
    head = _HEAD.match(text) if len(text) >= LEAST else None
    given = _rows(text, head.end()) if head is not None else None
    if head is None or given is None or scope.writer.arguments is not None or scope.writer.variables is not None:
        return None
    table, node = _node(head)
    source = target_of(table, scope, "insert into", "INSERT")
    if source.kind is SourceKind.EXTERNAL:
        return None
    explicit = isinstance(node.this, exp.Schema)
    chosen = dml.chosen_columns(node, source, scope)
    chosen = dml.counted(len(given), dml.without_identity(chosen, len(given), explicit=explicit), explicit=explicit)
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
    if column.identity is not None or name not in _KINDS or (cast and _CASTS.get(cast.lower()) != name):
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


# Values


@dataclass(frozen=True, slots=True)
class _Contents:
    """What the cells of a column hold: strings for strings and numbers, booleans, None for NULL."""

    values: list[Parameter]
    numbers: bool
    """Whether numbers are among them, which are no strings to Redshift."""


def _contents(cells: tuple[str, ...], parameters: Sequence[Parameter], column: SourceColumn) -> _Contents:
    marks = {cell[0] for cell in cells}
    values: list[Parameter]
    if marks == {"'"}:
        values = [*_strings(cells)]
    elif marks <= _DIGITS:
        values = [*cells]
    else:
        values = [_content(cell, parameters) for cell in cells]
    if column.not_null and None in values:
        raise UnfitError
    numbers = not marks.isdisjoint(_DIGITS)
    if "$" in marks and not numbers and {int, float} & set(map(type, values)):
        numbers = True
        values = [str(value) if type(value) in (int, float) else value for value in values]
    return _Contents(values, numbers)


def _strings(cells: Sequence[str]) -> list[str]:
    bodies = [cell[1:-1] for cell in cells]
    joined = "".join(bodies)
    if "\\" in joined:
        return [unescape(body) for body in bodies]
    return [body.replace("''", "'") for body in bodies] if "'" in joined else bodies


def _content(cell: str, parameters: Sequence[Parameter]) -> Parameter:
    mark = cell[0]
    if mark == "'":
        body = cell[1:-1]
        return unescape(body) if "'" in body or "\\" in body else body
    if mark == "$":
        return parameters[int(cell[1:]) - 1]
    return cell if mark in _DIGITS else _WORDS[cell.lower()]


def _matching(values: Sequence[Parameter], pattern: str, end: str = "\n") -> list[str]:
    """Return the strings and numbers among *values*, each of which *pattern* matches."""
    shown = _texts(values)
    if not re.fullmatch(rf"(?:(?:{pattern}){end})*+", "\n".join([*shown, ""])):
        raise UnfitError
    return shown


def _texts(values: Sequence[Parameter]) -> list[str]:
    """Return the strings and numbers among *values*, which may have NULLs besides but nothing else."""
    texts = [value for value in values if value is not None] if None in values else values
    if set(map(type, texts)) - {str}:
        raise UnfitError
    return texts  # type: ignore[return-value]


def _whole(given: _Contents, target: ColumnType) -> list[object]:
    numbers = [*map(int, _matching(given.values, "-?[0-9]{1,19}"))]
    bits = {"int2": 15, "int4": 31, "int8": 63}[target.type.name]
    if numbers and not (-(2**bits) <= min(numbers) and max(numbers) < 2**bits):
        raise UnfitError
    return _filled(given.values, numbers)


def _filled(values: Sequence[Parameter], found: Sequence[object]) -> list[object]:
    """Put NULLs back among the values that are there."""
    if len(found) == len(values):
        return list(found)
    rest = iter(found)
    return [None if value is None else next(rest) for value in values]


def _decimal(given: _Contents, target: ColumnType) -> list[object]:
    scale = target.scale or 0
    whole = (target.precision or 18) - scale
    # More decimals than the column has are rounded: one digit less before the point, so that it cannot overflow.
    point = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
    exact, rounded = rf"[0-9]{{0,{whole}}}{point}", rf"[0-9]{{0,{max(whole - 1, 0)}}}\.[0-9]+"
    return _filled(given.values, _matching(given.values, f"-?(?=[0-9])0*+(?:{exact}\n|{rounded}\n)", end=""))


def _float(given: _Contents, target: ColumnType) -> list[object]:
    # A literal is a decimal first, which is exact for so many digits.
    digits = r"[0-9]{1,9}(?:\.[0-9]{1,6})?" if given.numbers else r"[0-9]++(?:\.[0-9]++)?(?:[eE][-+]?[0-9]{1,2})?"
    numbers = [float(text) for text in _matching(given.values, f"-?{digits}")]
    if any(abs(number) > (3e38 if target.type.name == "float4" else 1e307) for number in numbers):
        raise UnfitError
    return _filled(given.values, numbers)


def _text(given: _Contents, target: ColumnType) -> list[object]:
    shown = _texts(given.values)
    joined = "".join(shown)
    fixed = target.type.name == "bpchar"
    if given.numbers or "\0" in joined or (fixed and not joined.isascii()):
        raise UnfitError
    if target.length is not None:
        sizes = map(len, shown if joined.isascii() else (text.encode() for text in shown))
        if max(sizes, default=0) > target.length:
            raise UnfitError
    return _filled(given.values, [text.rstrip(" ") for text in shown] if fixed else shown)


def _truth(given: _Contents, target: ColumnType) -> list[object]:
    if given.numbers:
        raise UnfitError
    found: list[object] = []
    for value in given.values:
        word = TRUTH.get(value.strip().lower(), "") if isinstance(value, str) else value
        if isinstance(word, bytes | float) or word == "":
            raise UnfitError
        found.append(word == "true" if isinstance(word, str) else word)
    return found


_Read = Callable[[_Contents, ColumnType], list[object]]


def _moment(pattern: str, check: Callable[[str], object]) -> _Read:
    def read(given: _Contents, target: ColumnType) -> list[object]:
        texts = _matching(given.values, pattern)
        if given.numbers:
            raise UnfitError
        for text in set(texts):
            check(text)
        return _filled(given.values, texts)

    return read


_DAY: Final = r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
_ZONE: Final = r"(?:[-+][0-9]{2}(?::[0-9]{2})?)?"
_KINDS: Final[dict[str, tuple[str, _Read]]] = {
    "int2": ("int", _whole), "int4": ("int", _whole), "int8": ("int", _whole),
    "numeric": ("text", _decimal), "float4": ("float", _float), "float8": ("float", _float),
    "varchar": ("text", _text), "bpchar": ("text", _text), "super": ("text", _text), "bool": ("bool", _truth),
    "date": ("text", _moment(_DAY, date.fromisoformat)),
    "time": ("text", _moment(_CLOCK, time.fromisoformat)),
    "timestamp": ("text", _moment(rf"{_DAY}(?: {_CLOCK})?", datetime.fromisoformat)),
    "timestamptz": ("text", _moment(rf"{_DAY}(?: {_CLOCK}{_ZONE})?", datetime.fromisoformat)),
}  # fmt: skip


def _stored(column: SourceColumn) -> str:
    """Return the engine SQL of a column of the given rows as the table keeps it."""
    given = f"given.{quote(column.engine_name)}"
    name = column.type.type.name
    if name == "super":
        return f"CAST(to_json({given}) AS JSON)"
    if column.type.type.category == "S" or name in {"bool", "float8"}:
        return given
    return f"CAST({given} AS {column.type.engine()})"
