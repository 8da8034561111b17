"""Aggregate and window functions."""

from dataclasses import replace
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion, decimals, floats
from sql.facts import SourceKind
from sql.functions.spec import Call, Function
from sql.inference import is_integer, precision_scale, sum_type
from sql.keys import keyed
from sql.value import FLOAT8, INT4, INT8, Value, made


def _sum(call: Call) -> Value:
    value = call.values[0]
    type_ = sum_type(value.type)
    if type_ == FLOAT8:
        return _of_floats("sum", call)
    return made(f"CAST({decimals.total(value, call.distinct, call.over)} AS {type_.engine()})", type_, exact=True)


def _avg(call: Call) -> Value:
    """Average: whole numbers give BIGINT cut towards zero, NUMERIC(p,s) gives NUMERIC(38,s)."""
    value = call.values[0]
    count = f"count({call.distinct}{value.sql}){call.over}"
    if is_integer(value.type):
        return average(f"sum({call.distinct}{value.sql}){call.over}", count, value.type)
    if value.name == "numeric":
        total = decimals.total(value, call.distinct, call.over)
        if not call.distinct and " OVER (" not in call.over:
            count = f"count({decimals.summand(value)}){call.over}"
        return average(total, count, value.type)
    return _of_floats("avg", call)


def _of_floats(name: str, call: Call) -> Value:
    value = conversion.coerce(call.values[0], FLOAT8)
    return made(floats.gathered(name, value, call.distinct, call.over), FLOAT8, exact=True)


def _whole_average(total: str, count: str, kind: ColumnType) -> str:
    # To divide what has sixteen bytes takes as long as all else that a group needs. Four thousand million numbers of
    # four bytes do not overflow eight.
    if kind.type.name != "int8":
        return f"(CAST({total} AS BIGINT) / {count})"
    exact = f"CAST({total} / {count} AS BIGINT)"
    return exact if " OVER (" in total else f"coalesce(TRY_CAST({total} AS BIGINT) / {count}, {exact})"


def average(total: str, count: str, kind: ColumnType) -> Value:
    """Return the average of *count* whole or decimal numbers of a *kind* that together are *total*."""
    if is_integer(kind):
        return made(_whole_average(total, count, kind), INT8, exact=True)
    precision, scale = precision_scale(kind)
    type_ = types.numeric(38, scale)
    if scale == 0:
        return made(f"CAST(CAST({total} AS HUGEINT) / {count} AS {type_.engine()})", type_, exact=True)
    unit = "0." + "0" * (scale - 1) + "1"
    whole = f"CAST({total} * CAST({10**scale} AS DECIMAL({scale + 1},0)) AS HUGEINT)"
    if precision > decimals.DIGITS:
        whole = f"rs_unscaled({total})"
    sql = f"CAST({whole} / {count} AS DECIMAL(38,0)) * CAST({unit} AS DECIMAL(38,{scale}))"
    return made(f"CAST({sql} AS {type_.engine()})", type_, exact=True)


def _count(call: Call) -> Value:
    if not call.values and call.distinct:
        raise SqlError(SqlState.SYNTAX_ERROR, 'syntax error at or near ")"')
    if not call.values:
        return made(f"count(*){call.over}", INT8, exact=True)
    counted = keyed(call.values[0]).sql if call.distinct else call.sql[0]
    return made(f"count({call.distinct}{counted}){call.over}", INT8, exact=True)


def _estimate(call: Call) -> Value:
    return made(f"approx_count_distinct({keyed(call.values[0]).sql}){call.over}", INT8, exact=True)


def _extreme(call: Call) -> Value:
    value = call.values[0]
    if value.category == "B":
        raise SqlError(
            SqlState.UNDEFINED_FUNCTION,
            f"function {call.name}(boolean) does not exist",
            hint="No function matches the given name and argument types. You may need to add explicit type casts.",
            position=call.scope.writer.position(call.node),
        )
    if value.folded:
        sql = f"arg_{call.name}({value.sql}, {keyed(value).sql}){call.over}"
        return replace(value, sql=sql, origin=(0, 0))
    return made(f"{call.name}({call.distinct}{value.sql}){call.over}", value.type, exact=value.exact)


def _listagg(call: Call) -> Value:
    value = call.values[0]
    delimiter = "''"
    if len(call.values) > 1:
        delimiter = call.sql[1] if call.values[1].literal is not None else f"coalesce({call.sql[1]}, '')"
    if call.ordered:
        _sorted_alike(call, call.order)
    if call.distinct:
        sql = _distinct_texts(call, value, delimiter)
    else:
        sql = f"string_agg(nullif({value.sql}, ''), {delimiter}{call.order}){call.over}"
    return made(f"rs_listagg({sql})", types.with_length("varchar", types.VARCHAR_MAX), exact=True)


def _distinct_texts(call: Call, value: Value, delimiter: str) -> str:
    """Write LISTAGG(DISTINCT …): ordered by the value itself, or the first of equal texts in another order."""
    with call.scope.rows():
        given = conversion.settled(call.scope.value(call.nodes[0]))
    item = keyed(conversion.string(given) if given.name == "super" else given)
    if not call.ordered or keyed(conversion.settled(call.ordered[0])).sql == item.sql:
        order = call.order if len(call.ordered) < 2 else f" ORDER BY {item.sql}{_direction(call.order)}"
        texts = f"list(DISTINCT {item.sql}{order}){call.over}"
        text = conversion.string(made("rs_v", item.type)).sql
        return f"nullif(array_to_string(list_transform({texts}, lambda rs_v: nullif({text}, '')), {delimiter}), '')"
    texts = f"list(rtrim({value.sql}, ' '){call.order}){call.over}"
    first = "list_filter(rs_l, lambda rs_v, rs_i: list_position(rs_l, rs_v) = rs_i AND rs_v <> '')"
    return f"list_transform([{texts}], lambda rs_l: nullif(array_to_string({first}, {delimiter}), ''))[1]"


def _direction(order: str) -> str:
    return " DESC" if order.partition(",")[0].endswith(" DESC") else ""


def _sorted_alike(call: Call, order: str) -> None:
    """Refuse a second order among the sorting aggregates of one query, as Redshift does."""
    if " OVER (" in call.over:
        return
    if call.scope.sorting not in {None, order}:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "within group ORDER BY clauses for aggregate functions must be the same",
            position=call.scope.writer.position(call.node),
        )
    call.scope.sorting = order


def _middle(value: Value) -> ColumnType:
    if value.category == "D":
        return value.type
    if value.name == "numeric":
        return types.numeric(38, max(1, precision_scale(value.type)[1]))
    return types.numeric(20, 1) if is_integer(value.type) else FLOAT8


def _interpolated(value: Value, fraction: str, call: Call) -> Value:
    if value.category not in "ND":
        raise SqlError(
            SqlState.UNDEFINED_FUNCTION,
            f"function {call.name}({value.type.type.sql}) does not exist",
            hint="No function matches the given name and argument types. You may need to add explicit type casts.",
            position=call.scope.writer.position(call.node),
        )
    type_ = _middle(value)
    _sorted_alike(call, f" ORDER BY {keyed(conversion.settled(value)).sql}")
    widened = value.sql if value.category == "D" else f"CAST({value.sql} AS {type_.engine()})"
    sql = f"quantile_cont({widened}, {fraction}){call.over}"
    return made(f"CAST({sql} AS {type_.engine()})", type_, exact=True)


def _median(call: Call) -> Value:
    return _interpolated(call.values[0], "0.5", call)


def _fraction(call: Call) -> tuple[Value, str]:
    if len(call.ordered) != 1:
        raise SqlError(SqlState.SYNTAX_ERROR, f"{call.name.upper()} needs WITHIN GROUP (ORDER BY one expression)")
    fraction = call.sql[0]
    asked = call.nodes[0]
    if isinstance(asked, exp.Literal) and asked.is_number and not 0 <= float(asked.name) <= 1:
        raise SqlError(
            SqlState.NUMERIC_VALUE_OUT_OF_RANGE,
            f"percentile value {asked.name} is not between 0 and 1",
            position=call.scope.writer.position(asked),
        )
    return call.ordered[0], fraction


def _descends(call: Call) -> bool:
    return call.order.endswith(" DESC")


def _percentile_cont(call: Call) -> Value:
    value, fraction = _fraction(call)
    return _interpolated(value, f"(1 - {fraction})" if _descends(call) else fraction, call)


def _percentile_disc(call: Call) -> Value:
    value, fraction = _fraction(call)
    if _descends(call):
        # The engine takes a negative fraction from the other end, but for nought.
        fraction = f"CASE WHEN {fraction} = 0 THEN 1 ELSE -{fraction} END"
    return made(f"quantile_disc({value.sql}, {fraction}){call.over}", value.type, exact=value.exact)


def _spread(name: str) -> str:
    return f"{name}({{distinct}}CAST({{0}} AS DOUBLE)){{over}}"


def _ratio(call: Call) -> Value:
    value = conversion.coerce(call.values[0], FLOAT8).sql
    return made(f"({value} / nullif(sum({value}){call.over}, 0))", FLOAT8, exact=True)


def _shifted(call: Call) -> Value:
    value = call.values[0]
    if len(call.values) > 2:
        raise not_supported(f"a default as the third argument of {call.name.upper()}",
                            position=call.scope.writer.position(call.node))  # fmt: skip
    extra = "".join(f", {sql}" for sql in call.sql[1:])
    return made(f"{call.name}({value.sql}{extra}{call.nulls}){call.over}", value.type, exact=value.exact)


def _grouping(call: Call) -> Value:
    sql = f"grouping({', '.join(keyed(value).sql for value in call.values)})"
    return made(f"CAST({sql} AS INTEGER)", INT4, exact=True)


def _rows(name: str, arguments: tuple[str, ...] = (), returns: str = "int8", doc: str = "") -> Function:
    inner = "CAST({0} AS BIGINT)" if arguments else ""
    return Function(
        name=name, arguments=arguments, engine=f"{name}({inner}){{over}}", returns=returns, kind="window",
        exact=True, doc=doc,
    )  # fmt: skip


def _any(call: Call) -> Value:
    value = call.values[0]
    return made(f"any_value({value.sql}){call.over}", value.type, exact=value.exact)


_ARRAYS: Final = {"oid": "_oid", "int2": "_int2", "int4": "_int4", "char": "_char", "bool": "_bool"}


def _gathered(call: Call) -> Value:
    """ARRAY_AGG, of what is in the system catalogs: there are no arrays of users' values."""
    value, read = call.values[0], call.scope.writer.sources.values()
    here = all(item.schema == "pg_catalog" for item in call.scope.relations)
    # A query within FROM may be over catalogs alone, too.
    inside = call.scope.writer.system and all(source.kind is SourceKind.SYSTEM for source in read)
    if value.type.type.column and not here and not inside:
        raise SqlError(
            SqlState.UNDEFINED_FUNCTION,
            f"function {call.name}({value.type.type.sql}) does not exist",
            hint="No function matches the given name and argument types. You may need to add explicit type casts.",
            position=call.scope.writer.position(call.node),
        )
    item = f"left(CAST({value.sql} AS VARCHAR), 1)" if value.name == "bool" else value.sql
    sql = f"rs_array_out(list({call.distinct}{item}{call.order}){call.over})"
    return made(sql, types.of(_ARRAYS.get(value.name, "_text")), exact=True)


TABLE: Final = (
    Function(name="sum", arguments=("number",), engine=_sum, kind="aggregate", window="framed", doc="r_SUM"),
    Function(name="avg", arguments=("number",), engine=_avg, kind="aggregate", window="framed", doc="r_AVG"),
    Function(name="count", engine=_count, kind="aggregate", window="framed", doc="r_COUNT"),
    Function(name="count", arguments=("any",), engine=_count, kind="aggregate", window="framed", doc="r_COUNT"),
    Function(name="approximate count", arguments=("any",), engine=_estimate,
             kind="aggregate", window="framed", doc="r_COUNT"),
    Function(name="min", arguments=("any",), engine=_extreme, kind="aggregate", window="framed", doc="r_MIN"),
    Function(name="max", arguments=("any",), engine=_extreme, kind="aggregate", window="framed", doc="r_MAX"),
    Function(name="any_value", arguments=("any",), engine=_any, kind="aggregate", window="framed", doc="r_ANY_VALUE"),
    Function(name="listagg", arguments=("text", "text?"), engine=_listagg, kind="aggregate", window="unordered", doc="r_LISTAGG"),
    Function(name="string_agg", arguments=("text", "text"), engine=_listagg, kind="aggregate", window="unordered", doc="r_LISTAGG"),
    Function(name="median", arguments=("number",), engine=_median, kind="aggregate", window="unordered", doc="r_MEDIAN"),
    Function(name="median", arguments=("stamp",), engine=_median, kind="aggregate", window="unordered", doc="r_MEDIAN"),
    Function(name="percentile_cont", arguments=("float8",), engine=_percentile_cont, kind="aggregate", window="unordered",
             doc="r_PERCENTILE_CONT"),
    Function(name="percentile_disc", arguments=("float8",), engine=_percentile_disc, kind="aggregate", window="unordered",
             doc="r_APPROXIMATE_PERCENTILE_DISC"),
    Function(name="approximate percentile_disc", arguments=("float8",), engine=_percentile_disc,
             kind="aggregate", window="unordered", doc="r_APPROXIMATE_PERCENTILE_DISC"),
    *(
        Function(name=name, arguments=("number",), engine=_spread(engine), returns="float8", kind="aggregate",
                 window="framed", exact=True, doc="r_STDDEV_functions")
        for name, engine in (
            ("stddev", "stddev_samp"), ("stddev_samp", "stddev_samp"), ("stddev_pop", "stddev_pop"),
            ("variance", "var_samp"), ("var_samp", "var_samp"), ("var_pop", "var_pop"),
        )
    ),
    Function(name="bool_and", arguments=("bool",), engine="bool_and({0}){over}", returns="bool",
             kind="aggregate", window="framed", exact=True, doc="r_BOOL_AND"),
    Function(name="bool_or", arguments=("bool",), engine="bool_or({0}){over}", returns="bool",
             kind="aggregate", window="framed", exact=True, doc="r_BOOL_OR"),
    Function(name="bit_and", arguments=("integer",), engine="bit_and({0}){over}", returns="0",
             kind="aggregate", window="framed", doc="r_BIT_AND"),
    Function(name="bit_or", arguments=("integer",), engine="bit_or({0}){over}", returns="0",
             kind="aggregate", window="framed", doc="r_BIT_OR"),
    # Redshift has no ARRAY_AGG for users' values; clients gather names of the system catalogs by it.
    Function(name="array_agg", arguments=("any",), engine=_gathered, kind="aggregate",
             sorts=True, doc="c_unsupported-postgresql-functions"),
    Function(name="grouping", arguments=("any", "any*"), engine=_grouping, kind="grouping",
             doc="r_GROUP_BY_aggregation"),
    Function(name="grouping_id", arguments=("any", "any*"), engine=_grouping, kind="grouping",
             doc="r_GROUP_BY_aggregation"),
    _rows("row_number", doc="r_WF_ROW_NUMBER"),
    _rows("rank", doc="r_WF_RANK"),
    _rows("dense_rank", doc="r_WF_DENSE_RANK"),
    _rows("percent_rank", returns="float8", doc="r_WF_PERCENT_RANK"),
    _rows("cume_dist", returns="float8", doc="r_WF_CUME_DIST"),
    _rows("ntile", ("int8",), doc="r_WF_NTILE"),
    Function(name="ratio_to_report", arguments=("number",), engine=_ratio, kind="window", window="unordered", doc="r_WF_RATIO_TO_REPORT"),
    Function(name="lag", arguments=("any", "int8?", "any?"), engine=_shifted, kind="window", window="unframed", doc="r_WF_LAG"),
    Function(name="lead", arguments=("any", "int8?", "any?"), engine=_shifted, kind="window", window="unframed", doc="r_WF_LEAD"),
    Function(name="first_value", arguments=("any",), engine=_shifted, kind="window", window="framed", doc="r_WF_first_value"),
    Function(name="last_value", arguments=("any",), engine=_shifted, kind="window", window="framed", doc="r_WF_first_value"),
    Function(name="nth_value", arguments=("any", "int8"), engine=_shifted, kind="window", window="framed", doc="r_WF_NTH"),
)  # fmt: skip
