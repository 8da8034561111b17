"""Names of result columns that have no alias: PostgreSQL's ``FigureColname``, with Redshift's internal names.

A column, attribute or function gives its name; a cast that of its type when nothing below is better; CASE
that of its ELSE; everything else is ``?column?``.
"""

from collections.abc import Callable
from typing import Final

from sqlglot import exp

from core.types import TYPES
from sql.rules.datatypes import type_of
from sql.scope import Scope

ANONYMOUS: Final = "?column?"
_CALLS: Final = {
    "nvl": "coalesce", "decode": "case", "nvl2": "case", "dateadd": "date_add", "datediff": "date_diff",
    "date_part": "pgdate_part", "datepart": "pgdate_part", "substr": "substring",
    "approximate count": "count", "approximate percentile_disc": "percentile_disc", "ceiling": "ceil",
    "interval literal": "interval", "intervaly2m literal": "intervaly2m", "intervald2s literal": "intervald2s",
    "replicate": "repeat", "char_length": "char_length",
}  # fmt: skip
"""What Redshift calls a function internally, where that differs."""
_FIXED: Final[dict[type[exp.Expr], str]] = {
    exp.Extract: "date_part", exp.StrPosition: "position", exp.Substring: "substring", exp.AtTimeZone: "timezone",
    exp.CurrentDate: "date", exp.CurrentTime: "timetz", exp.Localtime: "time",
    exp.Localtimestamp: "timestamp", exp.CurrentUser: "current_user", exp.SessionUser: "session_user",
    exp.CurrentSchema: "current_schema", exp.CurrentUserId: "current_user_id",
    exp.Overlaps: "overlaps",
}  # fmt: skip
_TYPE_NAMES: Final = {row.sql: row.name for row in TYPES}


def column_name(node: exp.Expr, scope: Scope) -> str:
    """Return the name of a select item without an alias."""
    return _figure(node, scope)[0]


def _figure(node: exp.Expr, scope: Scope) -> tuple[str, int]:
    """Return a name and how good it is: 2 for a real one, 1 for a guess, 0 for none."""
    if type(node) in _FIXED:
        return _FIXED[type(node)], 2
    reader = _READERS.get(type(node))
    return reader(node, scope) if reader else (ANONYMOUS, 0)


def _column(node: exp.Expr, scope: Scope) -> tuple[str, int]:
    return scope.writer.identifier(node.this), 2


def _dot(node: exp.Expr, scope: Scope) -> tuple[str, int]:
    if isinstance(node.expression, exp.Identifier):
        return scope.writer.identifier(node.expression), 2
    return _figure(node.expression, scope)


def _inner(node: exp.Expr, scope: Scope) -> tuple[str, int]:
    return _figure(node.this, scope)


def _call(node: exp.Expr, scope: Scope) -> tuple[str, int]:
    name = node.name.lower()
    return _CALLS.get(name, name), 2


def _cast(node: exp.Expr, scope: Scope) -> tuple[str, int]:
    name, strength = _figure(node.this, scope)
    if strength > 1:
        return name, strength
    return type_of(node, scope).type.name, 1


def _case(node: exp.Expr, scope: Scope) -> tuple[str, int]:
    default = node.args.get("default")
    name, strength = _figure(default, scope) if default is not None else (ANONYMOUS, 0)
    return (name, strength) if strength > 1 else ("case", 1)


def _trim(node: exp.Expr, scope: Scope) -> tuple[str, int]:
    position = str(node.args.get("position") or "BOTH").upper()
    return {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(position, "btrim"), 2


def _now(node: exp.Expr, scope: Scope) -> tuple[str, int]:
    return ("timestamp", 2) if node.args.get("sysdate") else ("timestamptz", 2)


def _fixed(name: str) -> Callable[[exp.Expr, Scope], tuple[str, int]]:
    def read(node: exp.Expr, scope: Scope) -> tuple[str, int]:
        return name, 1

    return read


_READERS: Final[dict[type[exp.Expr], Callable[[exp.Expr, Scope], tuple[str, int]]]] = {
    exp.Column: _column,
    exp.Dot: _dot,
    exp.Bracket: _inner,
    exp.Paren: _inner,
    exp.Window: _inner,
    exp.WithinGroup: _inner,
    exp.Filter: _inner,
    exp.IgnoreNulls: _inner,
    exp.RespectNulls: _inner,
    exp.Anonymous: _call,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Case: _case,
    exp.Trim: _trim,
    exp.CurrentTimestamp: _now,
    exp.Interval: _fixed("interval"),
    exp.Boolean: _fixed("bool"),
}
