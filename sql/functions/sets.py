"""Functions that give rows, in the select list and in FROM: they run on the leader node in Redshift."""

from typing import Final

from core.types import ColumnType
from sql import conversion
from sql.functions.spec import Call, Function
from sql.rules import arrays
from sql.value import INT4, INT8, SUPER, TIMESTAMP, Value


def _numbers(call: Call) -> Value:
    """Count from one number to another, perhaps with a step: INTEGER where all are."""
    narrow = all(value.name in {"int2", "int4"} for value in call.values)
    return _series(call, INT4 if narrow else INT8, tuple(conversion.cast(value, INT8).sql for value in call.values))


def _moments(call: Call) -> Value:
    first, last, step = call.values
    type_ = first.type if first.name == last.name == "timestamptz" else TIMESTAMP
    return _series(call, type_, (conversion.cast(first, type_).sql, conversion.cast(last, type_).sql, step.sql))


def _series(call: Call, type_: ColumnType, arguments: tuple[str, ...]) -> Value:
    rows = f"generate_series({', '.join(arguments)})"
    return Value(sql=f"CAST(unnest({rows}) AS {type_.engine()})", type=type_, exact=True, rows=rows)


def _expanded(call: Call) -> Value:
    """Take an array apart: a row an element, ``x`` it and ``n`` its place, which drivers read as ``(…).x``.

    There are no composite values here; SUPER has the same way to their fields.
    """
    items = f"string_split(replace(trim(CAST({call.sql[0]} AS VARCHAR), '{{}} '), ',', ' '), ' ')"
    numbers = f"list_filter({items}, lambda item: item <> '')"
    pairs = f"list_transform({numbers}, lambda item, place: json_object('x', CAST(item AS BIGINT), 'n', place))"
    return Value(sql=f"unnest({pairs})", type=SUPER, exact=True, rows=pairs)


def _elements(call: Call) -> Value:
    """Take an array of the system catalogs apart."""
    type_ = arrays.element_type(call.values[0])
    rows = arrays.items(call.values[0])
    return Value(sql=f"CAST(unnest({rows}) AS {type_.engine()})", type=type_, exact=True, rows=rows)


def _subscripts(call: Call) -> Value:
    """Count an array's elements; those of PostgreSQL's vectors are numbered from 0. There is one dimension."""
    array, dimension = call.values
    first = int(array.name not in arrays.VECTORS)
    count = f"CASE WHEN {dimension.sql} = 1 THEN len({arrays.items(array)}) END"
    rows = f"range({first}, {first} + COALESCE({count}, 0))"
    return Value(sql=f"CAST(unnest({rows}) AS INTEGER)", type=INT4, exact=True, rows=rows)


TABLE: Final = (
    Function(name="generate_subscripts", arguments=("array", "int"), engine=_subscripts, kind="set",
             doc="PostgreSQL, Set Returning Functions; SQLAlchemy reads keys by it"),
    Function(name="unnest", arguments=("array",), engine=_elements, kind="set",
             doc="PostgreSQL, Array Functions; ADBC reads keys by it"),
    Function(name="_pg_expandarray", arguments=("any",), engine=_expanded, kind="set",
             doc="PostgreSQL, information_schema.sql; pgjdbc reads keys by it"),
    Function(name="generate_series", arguments=("integer", "integer", "integer?"), engine=_numbers, kind="set",
             doc="c_sql-functions-leader-node"),
    Function(name="generate_series", arguments=("int8", "int8", "int8?"), engine=_numbers, kind="set",
             doc="c_sql-functions-leader-node"),
    Function(name="generate_series", arguments=("dated", "dated", "interval"), engine=_moments, kind="set",
             doc="c_sql-functions-leader-node"),
)  # fmt: skip
