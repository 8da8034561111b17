"""Types of external data: Hive's names for types, and values inside values.

AWS Glue keeps a column's type as Hive writes it: ``decimal(8,2)``, ``array<struct<price:double>>``. Redshift,
"CREATE EXTERNAL TABLE" and "Querying nested data with Amazon Redshift Spectrum".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from core import types
from core.errors import SqlError
from core.names import quote
from core.sqlstate import SqlState
from core.types import ColumnType

SUPER: Final = types.of("super")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain value."""

    type: ColumnType


@dataclass(frozen=True, slots=True)
class Struct:
    """Named values."""

    fields: "tuple[tuple[str, Nested], ...]"

    def field(self, name: str) -> "Nested | None":
        """Return the type of the field called *name*, whatever its case."""
        return next((kind for other, kind in self.fields if other.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values of one type."""

    element: "Nested"


@dataclass(frozen=True, slots=True)
class Map:
    """Keys with values."""

    key: "Nested"
    value: "Nested"


Nested: TypeAlias = Scalar | Struct | Array | Map

_DEPTH: Final = 100
_TOKEN: Final = re.compile(r"\s*([<>:,()]|`(?:[^`]|``)*`|[^\s<>:,()`]+)")
_NAMES: Final = {
    "tinyint": "int2", "smallint": "int2", "int2": "int2", "int": "int4", "integer": "int4", "int4": "int4",
    "bigint": "int8", "long": "int8", "int8": "int8", "float": "float4", "real": "float4", "float4": "float4",
    "double": "float8", "float8": "float8", "boolean": "bool", "bool": "bool", "date": "date",
    "timestamp": "timestamp", "timestamptz": "timestamptz", "super": "super", "time": "time",
}  # fmt: skip
_WORDS: Final = {
    "int2": "smallint", "int4": "int", "int8": "bigint", "float4": "float", "float8": "double", "bool": "boolean",
    "date": "date", "timestamp": "timestamp",
}  # fmt: skip
_TEXTS: Final = {"varchar": "varchar", "char": "bpchar", "character": "bpchar"}
_TWO_WORDS: Final = {("double", "precision"): "double", ("character", "varying"): "varchar"}
_DECIMALS: Final = frozenset({"decimal", "numeric"})
_BINARIES: Final = frozenset({"binary", "varbyte"})
_HIVE_DECIMAL: Final = (10, 0)
EXTERNAL: Final = frozenset({*_WORDS, "numeric", "varchar", "bpchar", "varbyte"})
"""The types (pg_type.typname) that a column of an external table may be declared with."""


def parsed(text: str) -> Nested:
    """Return the type that Hive's *text* means; raises 42704."""
    tokens = [match[1] for match in _TOKEN.finditer(text)]
    reader = iter([*tokens, ""])
    kind, after = _nested(next(reader), reader, text, 0)
    if after:
        raise _unknown(text)
    return kind


def _nested(word: str, rest: Iterator[str], text: str, depth: int) -> tuple[Nested, str]:
    """Return the type that begins with *word*, and the token after it."""
    if depth > _DEPTH:
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f"types nested more than {_DEPTH} deep are not supported")
    name = word.lower()
    if name not in {"array", "map", "struct"}:
        return _scalar(name, rest, text)
    _expect(next(rest, ""), "<", text)
    inner: list[tuple[str, Nested]] = []
    after = ","
    while after == ",":
        label = ""
        if name == "struct":
            label = next(rest, "").strip("`")
            _expect(next(rest, ""), ":", text)
        kind, after = _nested(next(rest, ""), rest, text, depth + 1)
        inner.append((label, kind))
    _expect(after, ">", text)
    following = next(rest, "")
    if name == "struct":
        return Struct(tuple(inner)), following
    kinds = [kind for _, kind in inner]
    if name == "array" and len(kinds) == 1:
        return Array(kinds[0]), following
    if name == "map" and len(kinds) == 2:
        return Map(kinds[0], kinds[1]), following
    raise _unknown(text)


def _scalar(name: str, rest: Iterator[str], text: str) -> tuple[Nested, str]:
    after = next(rest, "")
    if (name, after.lower()) in _TWO_WORDS:
        name = _TWO_WORDS[name, after.lower()]
        after = next(rest, "")
    numbers: list[int] = []
    if after == "(":
        after = ","
        while after == ",":
            number = next(rest, "").lower().replace("max", str(types.VARCHAR_MAX))
            if not number.isdigit():
                raise _unknown(text)
            numbers.append(int(number))
            after = next(rest, "")
        _expect(after, ")", text)
        after = next(rest, "")
    return Scalar(_type(name, numbers, text)), after


def _type(name: str, numbers: list[int], text: str) -> ColumnType:
    if name in _NAMES:
        return types.of(_NAMES[name])
    if name == "string":
        return types.with_length("varchar", types.VARCHAR_MAX)
    if name in _TEXTS:
        length = numbers[0] if numbers else (types.VARCHAR_MAX if name == "varchar" else 1)
        return types.with_length(_TEXTS[name], min(length, types.VARCHAR_MAX))
    if name in _DECIMALS:
        precision, scale = (*numbers, *_HIVE_DECIMAL[len(numbers) :]) if len(numbers) < 2 else numbers[:2]
        return types.numeric(precision, scale)
    if name in _BINARIES:
        return types.with_length("varbyte", numbers[0] if numbers else types.VARBYTE_MAX)
    raise _unknown(text)


def _expect(found: str, wanted: str, text: str) -> None:
    if found != wanted:
        raise _unknown(text)


def _unknown(text: str) -> SqlError:
    return SqlError(SqlState.UNDEFINED_OBJECT, f'type "{text}" of an external table is not supported')


def shown(kind: Nested) -> str:
    """Return a type as Hive writes it."""
    match kind:
        case Struct(fields=fields):
            return f"struct<{','.join(f'{name}:{shown(inner)}' for name, inner in fields)}>"
        case Array(element=element):
            return f"array<{shown(element)}>"
        case Map(key=key, value=value):
            return f"map<{shown(key)},{shown(value)}>"
        case Scalar(type=type_):
            return hive(type_)


def hive(kind: ColumnType) -> str:
    """Return a plain type as Hive writes it."""
    name = kind.type.name
    if name in {"varchar", "bpchar"}:
        return f"{'varchar' if name == 'varchar' else 'char'}({kind.length or types.VARCHAR_MAX})"
    if name == "numeric":
        return f"decimal({kind.precision or 18},{kind.scale or 0})"
    if name == "varbyte":
        return "binary"
    return _WORDS.get(name, name)


def engine(kind: Nested) -> str:
    """Return DuckDB's spelling of a type; a map is a list of its entries, as Redshift ranges over it."""
    match kind:
        case Struct(fields=fields):
            return f"STRUCT({', '.join(f'{quote(name)} {engine(inner)}' for name, inner in fields)})"
        case Array(element=element):
            return f"{engine(element)}[]"
        case Map():
            return f"{engine(entry(kind))}[]"
        case Scalar(type=type_):
            return type_.engine()


def stored(kind: Nested) -> str:
    """Return DuckDB's spelling of a type as files have it: maps are maps."""
    match kind:
        case Struct(fields=fields):
            return f"STRUCT({', '.join(f'{quote(name)} {stored(inner)}' for name, inner in fields)})"
        case Array(element=element):
            return f"{stored(element)}[]"
        case Map(key=key, value=value):
            return f"MAP({stored(key)}, {stored(value)})"
        case Scalar(type=type_):
            return type_.engine()


def entry(kind: Map) -> Struct:
    """Return what a map is a list of."""
    return Struct((("key", kind.key), ("value", kind.value)))


def result(kind: Nested) -> ColumnType:
    """Return the type that values have in SQL."""
    return kind.type if isinstance(kind, Scalar) else SUPER
