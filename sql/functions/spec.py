"""The row type of the function table, and calls matched to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlglot import exp

from core import types
from core.types import ColumnType
from sql import conversion, dynamic
from sql.inference import is_integer
from sql.scope import Scope
from sql.value import FLOAT8, INT4, INTERVAL, SUPER, TIMESTAMP, VARCHAR, Value, made

Kind = Literal["scalar", "aggregate", "window", "set", "grouping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call whose arguments have been brought to the row's types."""

    name: str
    values: tuple[Value, ...]
    nodes: tuple[exp.Expr, ...]
    scope: Scope
    node: exp.Expr
    over: str = ""
    """`` FILTER (…) OVER (…)``, or nothing."""
    distinct: str = ""
    """``DISTINCT `` or nothing."""
    order: str = ""
    """`` ORDER BY …`` of WITHIN GROUP, or nothing."""
    ordered: tuple[Value, ...] = ()
    """What WITHIN GROUP orders by."""
    nulls: str = ""
    """`` IGNORE NULLS``, or nothing."""

    @property
    def sql(self) -> tuple[str, ...]:
        """Return the arguments' engine SQL."""
        return tuple(value.sql for value in self.values)


Write = Callable[[Call], Value]
Returns = str | Callable[[tuple[Value, ...]], ColumnType]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One form of a function: its arguments, what it becomes, what it returns."""

    name: str
    arguments: tuple[str, ...] = ()
    """Kinds of argument (``ACCEPT``); ``?`` after one makes it optional, ``*`` repeats it."""
    engine: str | Write
    """A template over ``{0}``, ``{1}`` …, ``{over}``, ``{distinct}``, ``{order}``, ``{nulls}``, ``{all}``;
    or what writes the call."""
    returns: Returns = "varchar"
    """A type's name, the number of an argument that it is like, or what finds it."""
    kind: Kind = "scalar"
    exact: bool = False
    """Whether the engine gives just that type."""
    doc: str = ""
    """Page of Redshift's manual."""
    window: Literal["", "framed", "unframed", "unordered"] = ""
    """What its OVER asks for: a frame where there is an ORDER BY, none ever, or no ORDER BY at all."""
    sorts: bool = False
    """Whether ORDER BY may stand behind its argument, within its parentheses."""
    raw: tuple[int, ...] = field(default=())
    """Arguments that are not values, such as date parts: the row reads their nodes."""

    def accepts(self, count: int) -> bool:
        """Tell whether it can be called with *count* arguments."""
        if self.arguments and self.arguments[-1].endswith("*"):
            return count >= len(self.arguments) - 1
        least = sum(not item.endswith("?") for item in self.arguments)
        return least <= count <= len(self.arguments)

    def argument(self, index: int) -> str:
        """Return the kind of argument number *index*."""
        return self.arguments[min(index, len(self.arguments) - 1)].rstrip("?*")

    def result(self, values: tuple[Value, ...]) -> ColumnType:
        """Return the type of a call with *values*."""
        if callable(self.returns):
            return self.returns(values)
        if self.returns.isdigit():
            return values[int(self.returns)].type
        return types.of(self.returns)


def _as(name: str) -> Callable[[Value], Value | None]:
    target = types.of(name)

    def accept(value: Value) -> Value | None:
        if value.open or value.name == name or value.name == "super":
            return conversion.coerce(value, target)
        if value.category == target.type.category or value.textual:
            return conversion.coerce(value, target)
        return None

    return accept


def _text(value: Value) -> Value | None:
    if value.category == "B":
        return None
    return value if value.literal is not None else conversion.string(value)


def _integer(value: Value) -> Value | None:
    if value.category == "N" and not is_integer(value.type):
        return conversion.cast(value, INT4)
    return _as("int4")(value)


def _number(value: Value) -> Value | None:
    if value.category == "N":
        return value
    return conversion.coerce(value, FLOAT8) if value.open or value.textual or value.name == "super" else None


def _stamp(value: Value) -> Value | None:
    """Accept a date or timestamp of any kind; strings are timestamps."""
    if value.name in {"date", "timestamp", "timestamptz"}:
        return value
    return conversion.coerce(value, TIMESTAMP) if value.open or value.textual else None


def _moment(value: Value) -> Value | None:
    """Accept whatever has date or time parts."""
    return value if value.category == "D" else _stamp(value)


def _any(value: Value) -> Value | None:
    return dynamic.present(conversion.settled(value))


def _super(value: Value) -> Value | None:
    if value.name == "super":
        return value
    return conversion.cast(value, SUPER) if value.open or value.category in "NBS" else None


def _dynamic(value: Value) -> Value | None:
    return value if value.name == "super" else None


def _bytes(value: Value) -> Value | None:
    return value if value.name == "varbyte" else None


def _just(name: str) -> Callable[[Value], Value | None]:
    return lambda value: value if value.name == name else None


def _nothing(value: Value, name: str) -> Value | None:
    return conversion.cast(value, types.of(name)) if value.null else None


ACCEPT: Final[dict[str, Callable[[Value], Value | None]]] = {
    "any": _any,
    "open": lambda value: value,
    "text": _text,
    "number": _number,
    "int": _integer,
    "int8": _as("int8"),
    "float8": _as("float8"),
    "bool": _as("bool"),
    "date": _as("date"),
    "timestamp": _as("timestamp"),
    "timestamptz": _as("timestamptz"),
    "stamp": _stamp,
    "moment": _moment,
    "dated": lambda value: value if value.name in {"date", "timestamp", "timestamptz"} else None,
    "amount": lambda value: value if value.category == "N" else _as("int8")(value),
    "letters": lambda value: value if value.textual or (value.open and not value.null) else None,
    "when": lambda value: value if value.category == "D" or value.open or value.textual else None,
    "span": lambda value: conversion.coerce(value, INTERVAL) if value.open or value.category == "T" else None,
    "interval": lambda value: value if value.category == "T" else None,
    "time": lambda value: value if value.name in {"time", "timetz"} else None,
    "super": _super,
    "dynamic": _dynamic,
    "varbyte": _bytes,
    "geometry": lambda value: value if value.name == "geometry" else _nothing(value, "geometry"),
    "geography": lambda value: value if value.name == "geography" else None,
    "shape": lambda value: value if value.name in {"geometry", "geography"} else _nothing(value, "geometry"),
    "hllsketch": lambda value: value if value.name == "hllsketch" else None,
    "oid": _as("oid"),
    "array": lambda value: value if value.category == "A" else None,
    **{name: _just(name) for name in ("regclass", "regtype", "regproc", "regprocedure")},
    "xid": lambda value: value if value.name == "xid" else None,
    "integer": lambda value: value if is_integer(value.type) else None,
}
"""Kinds of argument: what brings a value to one, None when it does not fit."""


def fill(row: Function, call: Call) -> Value:
    """Write a call by its row."""
    if callable(row.engine):
        return row.engine(call)
    sql = row.engine.format(
        *call.sql, over=call.over, distinct=call.distinct, order=call.order, nulls=call.nulls, all=", ".join(call.sql)
    )
    return made(sql, row.result(call.values), exact=row.exact)


def sized(limit: int) -> Callable[[tuple[Value, ...]], ColumnType]:
    """Return a rule for strings of at most *limit* bytes."""
    type_ = types.with_length("varchar", limit)

    def result(values: tuple[Value, ...]) -> ColumnType:
        return type_

    return result


def like_text(values: tuple[Value, ...]) -> ColumnType:
    """Return the type of the first argument as VARCHAR."""
    value = conversion.settled(values[0])
    length = value.type.length
    return VARCHAR if length is None else types.with_length("varchar", length)
