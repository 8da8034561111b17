"""Assignment of values to columns, as INSERT, UPDATE and MERGE store them.

Redshift, "Type compatibility and conversion": numbers are rounded, strings must fit, NULL must be allowed.
"""

from dataclasses import dataclass

from core import types
from core.errors import SqlError
from core.names import literal
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import constants, conversion
from sql.inference import is_integer
from sql.value import Value, made


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The column that a value is stored in."""

    name: str
    type: ColumnType
    not_null: bool


def assign(value: Value, goal: Goal) -> Value:
    """Return *value* as INSERT and UPDATE store it in *goal*.

    Numbers are rounded, half away from zero; a string that is too long raises 22001 unless only blanks
    stand over; NULL in a NOT NULL column raises 23502.
    """
    stored = _stored(value, goal.type, goal.name)
    if goal.not_null:
        name = literal(goal.name)
        stored = made(f"rs_not_null({stored.sql}, {name})", goal.type, exact=True)
    return stored


def _stored(value: Value, target: ColumnType, column: str) -> Value:
    name, category = target.type.name, target.type.category
    if value.null:
        return made(f"CAST(NULL AS {target.engine()})", target, exact=True)
    if category == "S" and target.length is not None:
        return _fitted(value, target)
    if name == "varbyte" and target.length is not None:
        return _fitted_bytes(value, target)
    if value.constant:
        constants.checked(value.sql, target)
    if name == "numeric" and value.category == "N":
        return made(f"CAST({value.sql} AS {target.engine()})", target, exact=True)
    if is_integer(target) and value.name == "numeric":
        return made(f"CAST({value.sql} AS {target.engine()})", target, exact=True)
    _check_assignable(value, target, column)
    stored = conversion.cast(value, target)
    if name == "timetz":
        # A table keeps eight bytes of a TIMETZ: the time in UTC (Redshift, "TIMETZ").
        return made(f"timezone('UTC', {stored.sql})", target, exact=True)
    return stored


def _fitted_bytes(value: Value, target: ColumnType) -> Value:
    bytes_ = conversion.cast(value, types.of("varbyte"))
    return made(f"rs_fit_bytes({bytes_.sql}, {target.length}, {literal(str(target))})", target, exact=True)


def _check_assignable(value: Value, target: ColumnType, column: str) -> None:
    refused = (value.category + target.type.category) in {"DN", "ND", "BN", "BD", "DB"} and not value.open
    if refused and not (value.category == "B" and is_integer(target)):
        raise SqlError(
            SqlState.DATATYPE_MISMATCH,
            f'column "{column}" is of type {target.type.sql} but expression is of type {value.type.type.sql}',
            hint="You will need to rewrite or cast the expression.",
        )


def _fitted(value: Value, target: ColumnType) -> Value:
    length = target.length or 0
    fixed = target.type.name == "bpchar"
    if value.literal is not None:
        content = value.literal
        if fixed and not content.isascii():
            raise constants.not_ascii()
        if len(content.encode()) > length:
            content = content.encode()[:length].decode(errors="ignore") if _only_blanks(content, length) else content
        if len(content.encode()) <= length:
            return made(literal(content.rstrip(" ") if fixed else content), target, exact=True)
        raise SqlError(SqlState.STRING_DATA_RIGHT_TRUNCATION, f"value too long for type {target}")
    source = conversion.string(value)
    known = source.type.length
    sql = source.sql
    if known is None or known > length:
        sql = f"rs_fit({sql}, {length}, {literal(str(target))})"
    if fixed and (value.name != "bpchar" or value.sql.startswith("rtrim(CAST($")):
        sql = f"rtrim(rs_ascii({sql}), ' ')"
    return made(sql, target, exact=True)


def _only_blanks(content: str, length: int) -> bool:
    return not content.encode()[length:].strip(b" ")
