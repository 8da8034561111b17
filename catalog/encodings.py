"""Which compression encodings a column may have, and which it gets without ENCODE.

Redshift, "Compression encodings". The names are what pg_table_def shows, RAW as ``none``.
"""

from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType

_WHOLE: Final = frozenset({"int2", "int4", "int8"})
_EXACT: Final = _WHOLE | {"numeric"}
_TIMES: Final = frozenset({"date", "timestamp", "timestamptz", "time", "timetz"})
_FLOATS: Final = frozenset({"float4", "float8"})
_STRINGS: Final = frozenset({"bpchar", "varchar"})
_SCALARS: Final = _EXACT | _TIMES | _FLOATS | _STRINGS | {"bool", "varbyte", "intervaly2m", "intervald2s"}

ENCODINGS: Final[dict[str, frozenset[str]]] = {
    "az64": _EXACT | _TIMES | {"intervaly2m", "intervald2s"},
    "bytedict": _EXACT | _TIMES | _FLOATS | _STRINGS,
    "delta": _EXACT | _TIMES,
    "delta32k": (_EXACT | _TIMES) - {"int2"},
    "lzo": _EXACT | _TIMES | _STRINGS | {"super", "varbyte"},
    "mostly8": _EXACT,
    "mostly16": _EXACT - {"int2"},
    "mostly32": frozenset({"int8", "numeric"}),
    "runlength": _SCALARS,
    "text255": frozenset({"varchar"}),
    "text32k": frozenset({"varchar"}),
    "zstd": _SCALARS | {"super"},
}
"""Encoding → the types that it is for; ``none`` and ``auto`` are for all."""


def checked(column: str, kind: ColumnType, encoding: str) -> None:
    """Raise where a column of this type cannot have *encoding*."""
    types = ENCODINGS.get(encoding)
    if types is not None and kind.type.name not in types:
        raise SqlError(
            SqlState.INVALID_TABLE_DEFINITION,
            f'invalid encoding type specified for column "{column}"',
            detail=f"{encoding} is not for type {kind}.",
        )


def default(kind: ColumnType, *, sortkey: bool) -> str:
    """Return the encoding that a column gets without ENCODE."""
    if sortkey:
        return "none"
    if kind.type.name in _EXACT | {"date", "timestamp", "timestamptz"}:
        return "az64"
    return "lzo" if kind.type.name in _STRINGS else "none"
