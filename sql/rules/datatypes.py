"""Type names in casts."""

from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError, not_supported
from core.names import fold
from core.sqlstate import SqlState
from core.types import VARCHAR_MAX, ColumnType
from sql import intervals
from sql.scope import Scope
from sql.value import INTERVAL, VARCHAR

_NAMES: Final = {
    exp.DType.SMALLINT: "int2", exp.DType.INT: "int4", exp.DType.BIGINT: "int8", exp.DType.DECIMAL: "numeric",
    exp.DType.FLOAT: "float4", exp.DType.DOUBLE: "float8", exp.DType.BOOLEAN: "bool", exp.DType.CHAR: "char",
    exp.DType.NCHAR: "char", exp.DType.BPCHAR: "bpchar", exp.DType.VARCHAR: "varchar", exp.DType.NVARCHAR: "varchar",
    exp.DType.TEXT: "varchar", exp.DType.DATE: "date", exp.DType.TIME: "time", exp.DType.TIMETZ: "timetz",
    exp.DType.TIMESTAMP: "timestamp", exp.DType.DATETIME: "timestamp",
    exp.DType.TIMESTAMPTZ: "timestamptz", exp.DType.SUPER: "super",
    exp.DType.VARBINARY: "varbyte", exp.DType.HLLSKETCH: "hllsketch",
    exp.DType.GEOMETRY: "geometry", exp.DType.GEOGRAPHY: "geography",
    exp.DType.NAME: "name", exp.DType.INTERVAL: "interval",
}  # fmt: skip
_UNREAD: Final = frozenset({"regoper", "regoperator"})
_ARRAYS: Final = {"varchar": "_text", "int4": "_int4", "int2": "_int2", "aclitem": "_aclitem"}


def type_of(node: exp.Expr, scope: Scope) -> ColumnType:
    """Return the type that a cast names, or raise 42704."""
    target = node.args["to"]
    if isinstance(target, exp.ObjectIdentifier):
        named = target.name.lower()
        if named == "regprocedure" and isinstance(node.this, exp.Literal) and node.this.is_string:
            # A name with its arguments would have to be found.
            raise not_supported(f"the type {named}", position=scope.writer.position(node))
        return _identifier(named, scope.writer.position(node))
    kind = target.this
    if isinstance(kind, exp.Interval):
        return _interval(kind.args.get("unit"))
    if kind == exp.DType.ARRAY:
        return _array(target)
    name = _NAMES.get(kind) if not _user_defined(target) else fold(_user_defined(target))
    if name is None:
        shown = str(getattr(kind, "value", kind)).lower()
        raise SqlError(
            SqlState.UNDEFINED_OBJECT, f'type "{shown}" does not exist', position=scope.writer.position(node)
        )
    arguments = tuple(_argument(item) for item in target.expressions)
    if name in {"varchar", "char", "numeric", "varbyte"} and not arguments:
        return _bare(name)
    return types.declared("float" if name == "float8" and arguments else name, arguments)


def _identifier(name: str, position: int | None) -> ColumnType:
    if name in types.BY_NAME:
        return types.of(name)
    if name in _UNREAD:
        raise not_supported(f"the type {name}", position=position)
    raise SqlError(SqlState.UNDEFINED_OBJECT, f'type "{name}" does not exist', position=position)


def _interval(unit: exp.Expr | None) -> ColumnType:
    if unit is None:
        return INTERVAL
    spanned = isinstance(unit, exp.IntervalSpan)
    first = (unit.this if spanned else unit).name.lower()
    return intervals.kind(first, unit.expression.name.lower() if spanned else "")


def _user_defined(target: exp.Expr) -> str:
    if target.this != exp.DType.USERDEFINED:
        return ""
    kind = target.args.get("kind")
    name = kind.name if isinstance(kind, exp.Expr) else str(kind or "")
    return "bpchar" if name == "char" else name


def _bare(name: str) -> ColumnType:
    """Return what a type without its modifier means in a cast: strings keep their length."""
    if name == "varchar":
        return VARCHAR
    if name == "varbyte":
        return types.of("varbyte")
    return types.declared(name)


def _array(target: exp.Expr) -> ColumnType:
    element = _NAMES.get(target.expressions[0].this, "") if target.expressions else ""
    return types.of(_ARRAYS.get(element, "_text"))


def _argument(node: exp.Expr) -> int:
    inner = node.this if isinstance(node, exp.DataTypeParam) else node
    if inner.name.upper() == "MAX":
        return VARCHAR_MAX
    if not inner.name.isdigit():
        raise SqlError(SqlState.SYNTAX_ERROR, f'syntax error at or near "{inner.name}"')
    return int(inner.name)
