"""The functions that translated SQL calls in the engine: their installation, and what they read.

Macros are written where their meaning is (``engine.macros``, ``catalog.system.functions``). A macro may read
the session's ``sys_*`` sources and variables, itself or through another macro; whoever calls it must have
them in place.
"""

import re
from functools import cache
from typing import Final

import pyarrow as pa

from catalog.system import functions
from catalog.system.sources import SOURCES, empty
from core.names import quote
from engine import perl
from engine.cursors import Connection
from engine.macros import MACROS

_MACRO: Final = re.compile(r"\b((?:rs|duckshift)_[a-z0-9_]+)\(")
_VARIABLE: Final = re.compile(r"getvariable\('([a-z_0-9]+)'\)", re.IGNORECASE)
_SOURCE: Final = re.compile(r"\b(sys_[a-z_]+)\b")
_FLEETING: Final = re.compile(
    r"\b(?:random|now|today|uuid|gen_random_uuid|nextval|currval|transaction_timestamp|get_current_\w+)\("
    r"|\bcurrent_(?:date|time|timestamp)\b",
    re.IGNORECASE,
)
"""What the engine evaluates anew each time."""
_STATEMENTS: Final = (*MACROS, *functions.statements())
_ENGINE_TYPES: Final = {
    pa.bool_(): "BOOLEAN", pa.int16(): "SMALLINT", pa.int32(): "INTEGER", pa.int64(): "BIGINT",
    pa.uint32(): "UINTEGER", pa.float64(): "DOUBLE", pa.string(): "VARCHAR", pa.timestamp("us"): "TIMESTAMP",
}  # fmt: skip


def install_functions(connection: Connection) -> None:
    """Create all macros; the sources they read must exist by name while they are made."""
    perl.install(connection)
    read = sorted({name for text in _STATEMENTS for name in _SOURCE.findall(text) if name in SOURCES})
    # At once, because it is faster than one after the other.
    stand_ins = [f"CREATE TEMP TABLE {name} ({_columns(name)})" for name in read]
    gone = [f"DROP TABLE temp.{name}" for name in read]
    connection.execute(";\n".join(("BEGIN", *stand_ins, *_STATEMENTS, *gone, "COMMIT")))


def needs(sql: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the session variables and the system sources that engine SQL reads."""
    texts = _texts(sql)
    # To look for a word is quicker than to look for a pattern; most statements have neither.
    variables = {name for text in texts if "getvariable" in text.lower() for name in _VARIABLE.findall(text)}
    sources = {name for text in texts if "sys_" in text for name in _SOURCE.findall(text) if name in SOURCES}
    return tuple(sorted(variables)), tuple(sorted(sources))


def is_fleeting(sql: str) -> bool:
    """Tell whether engine SQL gives something else each time it runs; a literal that looks so counts too."""
    return any(_FLEETING.search(text) for text in _texts(sql))


def _columns(source: str) -> str:
    return ", ".join(f"{quote(item.name)} {_engine_type(item.type)}" for item in empty(source).schema)


def _engine_type(arrow: pa.DataType) -> str:
    return f"{_engine_type(arrow.value_type)}[]" if pa.types.is_list(arrow) else _ENGINE_TYPES[arrow]


def _texts(sql: str) -> list[str]:
    if "rs_" not in sql and "duckshift_" not in sql:
        return [sql]
    return [sql, *(text for name in set(_MACRO.findall(sql)) for text in _bodies(name))]


@cache
def _bodies(macro: str) -> tuple[str, ...]:
    """Return the statements of a macro and of all that it calls."""
    found: list[str] = []
    todo, seen = [macro], {macro}
    while todo:
        for text in _BY_NAME.get(todo.pop(), ()):
            found.append(text)
            for name in _MACRO.findall(text):
                if name not in seen:
                    seen.add(name)
                    todo.append(name)
    return tuple(found)


def _named() -> dict[str, tuple[str, ...]]:
    result: dict[str, tuple[str, ...]] = {}
    for text in _STATEMENTS:
        match = _MACRO.search(text)
        if match is not None:
            result[match[1]] = (*result.get(match[1], ()), text)
    return result


_BY_NAME: Final = _named()
