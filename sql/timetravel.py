"""``FOR TIMESTAMP AS OF …`` and ``FOR VERSION AS OF …`` behind a table's name: the table as it was. An extra.

The moment is computed, and what the table was then is looked up, before the engine reads the statement
(``session.timetravel``): a variable of the engine says which snapshot is read.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from core import types
from core.errors import not_supported
from core.names import literal
from sql import conversion
from sql.facts import Source, SourceKind

if TYPE_CHECKING:
    from sql.scope import Scope

_ASKED: Final = (exp.Query, exp.Parameter, exp.Placeholder, exp.AggFunc, exp.Window)
_TYPES: Final = {"TIMESTAMP": "timestamptz", "VERSION": "int8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a table is read as it was."""

    oid: int
    """The table's."""
    sql: str
    """Engine SQL of a timestamp with time zone or, of a *version*, of a snapshot's number."""
    version: bool

    @property
    def variable(self) -> str:
        """The engine's variable that says which snapshot it is; the same for the same moment."""
        return "past:" + hashlib.sha256(f"{self.version}{self.sql}".encode()).hexdigest()[:16]


def past(source: Source, node: exp.Table, scope: "Scope") -> Source:
    """Return *source* as it was when *node* says, or as it is where it says nothing."""
    asked = node.args.get("version")
    if asked is None:
        return source
    writer = scope.writer
    position = writer.position(node)
    if source.kind is not SourceKind.TABLE or source.door is not None:
        raise not_supported("FOR … AS OF of anything but a table of this warehouse", position=position)
    if writer.depth or not writer.guarding:
        raise not_supported("FOR … AS OF in a view, function or policy", position=position)
    moment = _moment(source, asked, scope)
    writer.cacheable = False
    # A guard reads all columns.
    writer.moments.setdefault(moment, set()).update(column.name for column in source.columns if source.guard)
    # The engine raises for a number below zero, and breaks on NULL.
    snapshot = f"coalesce(getvariable({literal(moment.variable)}), -1)"
    return replace(
        source, engine_name=f"(SELECT * FROM {source.engine_name} AT (VERSION => {snapshot}))", moment=moment
    )


def _moment(source: Source, asked: exp.Expr, scope: "Scope") -> Moment:
    writer, node = scope.writer, asked.args.get("expression")
    word = str(asked.name).upper()
    if str(asked.args.get("kind")).upper() != "AS OF" or word not in _TYPES or node is None:
        raise not_supported("this form of FOR")
    if any(isinstance(item, _ASKED) for item in node.walk()):
        raise not_supported("FOR … AS OF with parameters, subqueries or aggregates", position=writer.position(node))
    kept, writer.variables = writer.variables, None
    try:
        value = type(scope)(writer=writer).value(node)
    finally:
        writer.variables = kept
    sql = conversion.exact(conversion.cast(value, types.of(_TYPES[word]))).sql
    return Moment(oid=source.oid, sql=sql, version=word == "VERSION")


def refuse_past(tree: exp.Expr) -> None:
    """Raise 0A000 where a view's query reads a table as it was."""
    if tree.find(exp.Version):
        raise not_supported("FOR … AS OF in a view, function or policy")
