"""Function calls: plain, aggregate, windowed; looked up in ``sql.functions.FUNCTIONS``.

A name that is not in the table does not exist, whatever the engine might know.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql import conversion, routines
from sql.clauses import direction
from sql.functions import FUNCTIONS
from sql.functions.spec import ACCEPT, Call, Function, fill
from sql.keys import keyed, ordered
from sql.rules import arrays, transform
from sql.rules.comparisons import truth
from sql.rules.spec import Rule
from sql.scope import Scope, Write
from sql.value import Value, null


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around a call: FILTER, OVER, WITHIN GROUP, IGNORE NULLS."""

    over: str = ""
    filtered: str = ""
    group: exp.Expr | None = None
    nulls: str = ""
    window: exp.Expr | None = None
    """The OVER clause."""


def call(node: exp.Expr, scope: Scope) -> Value:
    """Write a plain call."""
    return called(node, scope, Frame())


def windowed(node: exp.Expr, scope: Scope) -> Value:
    """Write a call with OVER."""
    if node.args.get("alias") is not None:
        raise not_supported("a named window", position=scope.writer.position(node))
    return _unwrapped(node.this, scope, Frame(over=f" OVER ({_window(node, scope)})", window=node))


def wrapped(node: exp.Expr, scope: Scope) -> Value:
    """Write WITHIN GROUP, FILTER, IGNORE NULLS without OVER."""
    return _unwrapped(node, scope, Frame())


def _unwrapped(node: exp.Expr, scope: Scope, frame: Frame) -> Value:
    while not isinstance(node, exp.Anonymous):
        if isinstance(node, exp.WithinGroup):
            frame = replace(frame, group=node.expression)
        elif isinstance(node, exp.Filter):
            with scope.rows():
                condition = truth(scope.value(node.expression.this), "FILTER", scope, node)
            frame = replace(frame, filtered=f" FILTER (WHERE {condition.sql})")
        elif isinstance(node, exp.IgnoreNulls):
            frame = replace(frame, nulls=" IGNORE NULLS")
        elif not isinstance(node, exp.RespectNulls):
            raise not_supported(f"{node.key.upper()} with OVER", position=scope.writer.position(node))
        node = node.this
    return called(node, scope, frame)


def _window(node: exp.Expr, scope: Scope) -> str:
    parts = []
    if partition := node.args.get("partition_by"):
        values = [conversion.settled(scope.value(item)) for item in partition]
        parts.append("PARTITION BY " + ", ".join(keyed(value).sql for value in values))
    if order := node.args.get("order"):
        parts.append(f"ORDER BY {ordering(order, scope)}")
    if spec := node.args.get("spec"):
        parts.append(_spec(spec, scope))
    return " ".join(parts)


def ordering(order: exp.Expr, scope: Scope) -> str:
    """Write the items of an ORDER BY inside a call or window."""
    return ", ".join(
        f"{ordered(conversion.settled(scope.value(item.this)))}{direction(item)}" for item in order.expressions
    )


def _spec(spec: exp.Expr, scope: Scope) -> str:
    kind = str(spec.args.get("kind") or "ROWS").upper()
    if kind != "ROWS":
        raise not_supported(f"{kind} in a window frame", position=scope.writer.position(spec))
    if spec.args.get("exclude"):
        raise not_supported("EXCLUDE in a window frame", position=scope.writer.position(spec))
    start = _bound(spec, "start", scope)
    if spec.args.get("end") is not None:
        end = _bound(spec, "end", scope)
        _check_forward(start, end, spec, scope)
        return f"ROWS BETWEEN {start} AND {end}"
    if start.endswith("FOLLOWING"):
        return f"ROWS BETWEEN CURRENT ROW AND {start}"
    return f"ROWS BETWEEN {start} AND CURRENT ROW"


def _check_forward(start: str, end: str, spec: exp.Expr, scope: Scope) -> None:
    """Raise 42P20 for a frame that would run backwards."""
    if start == "UNBOUNDED FOLLOWING" or end == "UNBOUNDED PRECEDING":
        side = "start" if start == "UNBOUNDED FOLLOWING" else "end"
        message = f"frame {side} cannot be UNBOUNDED {'FOLLOWING' if side == 'start' else 'PRECEDING'}"
    else:
        if _distance(spec, "start") <= _distance(spec, "end"):
            return
        first, last = (_ROWS[side.rpartition(" ")[2]] for side in (start, end))
        message = f"frame starting from {first} row cannot have {last} rows"
    raise SqlError(SqlState.WINDOWING_ERROR, message, position=scope.writer.position(spec))


_ROWS: Final = {"ROW": "current", "PRECEDING": "preceding", "FOLLOWING": "following"}


def _distance(spec: exp.Expr, side: str) -> float:
    """Return how many rows after the current one a bound lies; an expression is taken for one row."""
    bound, towards = spec.args.get(side), str(spec.args.get(f"{side}_side") or "").upper()
    if not isinstance(bound, exp.Expr):
        rows = 0.0 if str(bound).upper() == "CURRENT ROW" else float("inf")
    else:
        rows = float(bound.name) if isinstance(bound, exp.Literal) and bound.name.isdigit() else 1.0
    return -rows if towards == "PRECEDING" else rows


def _bound(spec: exp.Expr, side: str, scope: Scope) -> str:
    bound = spec.args.get(side)
    towards = str(spec.args.get(f"{side}_side") or "").upper()
    if isinstance(bound, exp.Expr):
        bound = conversion.coerce(scope.value(bound), types.of("int8")).sql
    return f"{str(bound).upper() if not str(bound)[:1].isdigit() else bound} {towards}".strip()


# Matching


def called(node: exp.Expr, scope: Scope, frame: Frame) -> Value:
    """Find the row that a call matches and write it."""
    name = scope.writer.called_name(node)
    if name == "array" and len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
        return arrays.of_query(node.expressions[0], scope)
    rows = FUNCTIONS.get(name, ())
    arguments, distinct, nulls = _arguments(node)
    frame = replace(frame, nulls=frame.nulls or nulls)
    if rows and rows[0].sorts and isinstance(arguments[-1], exp.Order):
        frame = replace(frame, group=arguments[-1])
        arguments[-1] = arguments[-1].this
    raw = rows[0].raw if rows else ()
    # Some names are an aggregate's with one argument and not with two.
    rows = tuple(row for row in rows if row.accepts(len(arguments))) or rows
    with _domain(rows, frame, scope):
        values = tuple(
            null() if index in raw else scope.value(item) for index, item in enumerate(arguments)
        )
    for row in rows:
        fitted = _fit(row, values)
        if fitted is not None:
            with _domain(rows, frame, scope):
                order, ordered = _framed(frame, scope)
            found = Call(
                name=name, values=fitted, nodes=tuple(arguments), scope=scope, node=node,
                over=frame.filtered + frame.over, distinct=distinct, order=order, ordered=ordered, nulls=frame.nulls,
            )  # fmt: skip
            return _write(row, found, frame)
    made = _users((), name, values, frame, scope, node)
    if made is None:
        raise unknown(name, values, scope, node)
    return made


def qualified(place: exp.Expr, node: exp.Expr, scope: Scope) -> Value:
    """Write a call with a schema before its name, and perhaps a database before that."""
    names = [scope.writer.identifier(part) for part in place.find_all(exp.Identifier)]
    if not names or not isinstance(place, exp.Column | exp.Dot | exp.Identifier):
        raise SqlError(SqlState.SYNTAX_ERROR, 'syntax error at or near "."', position=scope.writer.position(node))
    schema = scope.writer.identifier(place.expression) if isinstance(place, exp.Dot) else names[0]
    if schema in {"pg_catalog", "information_schema"}:
        return scope.value(node)
    arguments, distinct, _ = _arguments(node)
    name = scope.writer.called_name(node)
    values = tuple(scope.value(item) for item in arguments)
    database = names[:1] if isinstance(place, exp.Dot) and names[0] != schema else []
    made = None if distinct else _users((*database, schema), name, values, Frame(), scope, node)
    if made is None:
        raise unknown(f"{schema}.{name}", values, scope, node)
    return made


def _users(
    place: tuple[str, ...], name: str, values: tuple[Value, ...], frame: Frame, scope: Scope, node: exp.Expr
) -> Value | None:
    """Write a call of a user's function, which is no aggregate; None where there is none that fits."""
    made = routines.called(place, name, values, scope, node)
    if made is not None and (frame.over or frame.filtered):
        raise SqlError(
            SqlState.WRONG_OBJECT_TYPE,
            f"OVER or FILTER specified, but {name} is not a window function nor an aggregate function",
            position=scope.writer.position(node),
        )
    return made


def _domain(rows: tuple[Function, ...], frame: Frame, scope: Scope) -> AbstractContextManager[None]:
    """Return what an aggregate's arguments are over: the rows of a group, unless a window is over the groups."""
    aggregates = bool(rows) and rows[0].kind in {"aggregate", "grouping"} and not frame.over
    return scope.rows() if aggregates else nullcontext()


def _arguments(node: exp.Expr) -> tuple[list[exp.Expr], str, str]:
    """Return a call's arguments with DISTINCT and IGNORE NULLS taken off."""
    arguments = list(node.expressions)
    distinct = nulls = ""
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        distinct, arguments = "DISTINCT ", list(arguments[0].expressions)
    if arguments and isinstance(arguments[0], exp.IgnoreNulls | exp.RespectNulls):
        nulls = " IGNORE NULLS" if isinstance(arguments[0], exp.IgnoreNulls) else ""
        arguments[0] = arguments[0].this
    if len(arguments) == 1 and isinstance(arguments[0], exp.Star):
        arguments = []
    return arguments, distinct, nulls


def _fit(row: Function, values: tuple[Value, ...]) -> tuple[Value, ...] | None:
    if not row.accepts(len(values)):
        return None
    fitted = []
    for index, value in enumerate(values):
        if index in row.raw:
            fitted.append(value)
            continue
        brought = ACCEPT[row.argument(index)](value)
        if brought is None:
            return None
        fitted.append(brought)
    return tuple(fitted)


def _check_window(row: Function, window: exp.Expr, found: Call) -> None:
    """Refuse what Redshift refuses of an aggregate's window."""
    problem = ""
    ordered, framed = window.args.get("order") is not None, window.args.get("spec") is not None
    if row.window == "framed" and ordered and not framed:
        problem = "Aggregate window functions with an ORDER BY clause require a frame clause"
    elif row.window == "unordered" and (ordered or framed):
        problem = f"ORDER BY is not supported in the window of {found.name}"
    elif row.window == "unframed" and framed:
        problem = f"a frame clause is not supported in the window of {found.name}"
    elif found.distinct and found.name != "listagg":
        problem = "DISTINCT is not supported for window functions"
    if problem:
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, problem, position=found.scope.writer.position(window))


def _write(row: Function, found: Call, frame: Frame) -> Value:
    over, scope, node = found.over, found.scope, found.node
    if row.kind == "scalar" and (over or found.distinct):
        raise SqlError(
            SqlState.WRONG_OBJECT_TYPE,
            f"OVER or FILTER specified, but {found.name} is not a window function nor an aggregate function"
            if over
            else f"DISTINCT specified, but {found.name} is not an aggregate function",
            position=scope.writer.position(node),
        )
    if row.kind != "scalar" and frame.window is not None:
        _check_window(row, frame.window, found)
    if row.kind == "window" and " OVER (" not in over:
        raise SqlError(
            SqlState.WRONG_OBJECT_TYPE,
            f"window function {found.name} requires an OVER clause",
            position=scope.writer.position(node),
        )
    return fill(row, found)


def _framed(frame: Frame, scope: Scope) -> tuple[str, tuple[Value, ...]]:
    """Return `` ORDER BY …`` of WITHIN GROUP and the values that it orders by."""
    if frame.group is None:
        return "", ()
    ordered = tuple(scope.value(item.this) for item in frame.group.expressions)
    return f" ORDER BY {ordering(frame.group, scope)}", ordered


def unknown(name: str, values: tuple[Value, ...], scope: Scope, node: exp.Expr) -> SqlError:
    """Return the error for a function that does not exist with such arguments."""
    shown = ", ".join('"unknown"' if value.open else value.type.type.sql for value in values)
    return SqlError(
        SqlState.UNDEFINED_FUNCTION,
        f"function {name}({shown}) does not exist",
        hint="No function matches the given name and argument types. You may need to add explicit type casts.",
        position=scope.writer.position(node),
    )


def named(name: str, *arguments: str) -> Write:
    """Return the rule of a syntax that is a call of *name* with the named parts of its node."""

    def write(node: exp.Expr, scope: Scope) -> Value:
        parts = [node.args[part] for part in arguments if node.args.get(part) is not None]
        stand_in = exp.Anonymous(this=name, expressions=[part.copy() for part in parts])
        return called(stand_in, scope, Frame())

    return write


def trimmed(node: exp.Expr, scope: Scope) -> Value:
    """Write TRIM([BOTH | LEADING | TRAILING] [characters] FROM string)."""
    position = str(node.args.get("position") or "BOTH").upper()
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(position, "btrim")
    return named(name, "this", "expression")(node, scope)


def _now(node: exp.Expr, scope: Scope) -> Value:
    return named("sysdate" if node.args.get("sysdate") else "now")(node, scope)


RULES: Final = (
    Rule(node=exp.Anonymous, write=call, doc="c_SQL_functions"),
    Rule(node=exp.Window, write=windowed, doc="r_Window_function_synopsis"),
    Rule(node=exp.WithinGroup, write=wrapped, doc="r_LISTAGG"),
    Rule(node=exp.Filter, write=wrapped, doc="c_Aggregate_Functions"),
    Rule(node=exp.IgnoreNulls, write=wrapped, doc="r_WF_first_value"),
    Rule(node=exp.ObjectTransform, write=transform.transformed, doc="r_object_transform_function"),
    Rule(node=exp.Extract, write=named("extract", "this", "expression"), doc="r_EXTRACT_function"),
    Rule(node=exp.Substring, write=named("substring", "this", "start", "length"), doc="r_SUBSTRING"),
    Rule(node=exp.StrPosition, write=named("strpos", "this", "substr"), doc="r_POSITION"),
    Rule(node=exp.Trim, write=trimmed, doc="r_TRIM"),
    Rule(node=exp.AtTimeZone, write=named("timezone", "zone", "this"), doc="r_AT_TIME_ZONE"),
    Rule(node=exp.CurrentDate, write=named("current_date"), doc="r_CURRENT_DATE_function"),
    Rule(node=exp.CurrentTimestamp, write=_now, doc="r_SYSDATE"),
    Rule(node=exp.CurrentTime, write=named("current_time"), doc="c_SQL_reference_funct_unsupported"),
    Rule(node=exp.Localtime, write=named("localtime"), doc="c_SQL_reference_funct_unsupported"),
    Rule(node=exp.Localtimestamp, write=named("localtimestamp"), doc="c_SQL_reference_funct_unsupported"),
    Rule(node=exp.CurrentUser, write=named("current_user"), doc="r_CURRENT_USER"),
    Rule(node=exp.SessionUser, write=named("session_user"), doc="r_SESSION_USER"),
    Rule(node=exp.CurrentSchema, write=named("current_schema"), doc="r_CURRENT_SCHEMA"),
    Rule(node=exp.CurrentUserId, write=named("current_user_id"), doc="r_CURRENT_USER_ID"),
)
