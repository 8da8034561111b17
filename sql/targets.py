"""What a statement changes: its table, and the columns of that.

Views and system tables cannot be changed; to an external table rows can be added, and an Iceberg table's be changed.
"""

from dataclasses import replace

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql.assignment import Goal
from sql.facts import Source, SourceColumn, SourceKind
from sql.scope import Scope
from sql.sources import resolve


def target_of(node: exp.Table, scope: Scope, verb: str, privilege: str) -> Source:
    """Resolve the table that a statement changes; views and system tables cannot be."""
    if node.args.get("version"):
        raise not_supported(f"{privilege} of a table as it was", position=scope.writer.position(node))
    parts = tuple(scope.writer.identifier(part) for part in node.parts)
    source = resolve(parts, scope, node)
    if source.door is not None:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            f'cannot {verb} "{source.name}": what another database shares is read only',
            position=scope.writer.position(node),
        )
    if source.kind is SourceKind.EXTERNAL:
        return _external(source, privilege, node, scope)
    if source.kept is not None and privilege == "DELETE":
        source = source.kept
    if source.kind is not SourceKind.TABLE:
        raise SqlError(
            SqlState.WRONG_OBJECT_TYPE if source.kind is SourceKind.VIEW else SqlState.INSUFFICIENT_PRIVILEGE,
            f"cannot {verb} a view" if source.kind is SourceKind.VIEW
            else f'permission denied: "{source.name}" is a system catalog',
            position=scope.writer.position(node),
        )
    scope.writer.use(source, privilege, scope.owner)
    return source


def _external(source: Source, privilege: str, node: exp.Table, scope: Scope) -> Source:
    """Return an external table as a target: files can be added to it; of some its rows be changed."""
    if privilege != "INSERT" and not source.changed_as:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "Operation not supported on external tables",
            position=scope.writer.position(node),
        )
    columns = tuple(column for column in source.columns if not column.hidden)
    source = replace(source, columns=columns, engine_name=source.changed_as or source.engine_name)
    scope.writer.use(source, privilege, scope.owner)
    return source


def goal(column: SourceColumn) -> Goal:
    """Return what assignment must know of a column."""
    return Goal(name=column.name, type=column.type, not_null=column.not_null)


def column_of(source: Source, name: str, node: exp.Expr, scope: Scope) -> SourceColumn:
    """Find a target column or raise 42703."""
    for column in source.columns:
        if column.name == name:
            return column
    raise SqlError(
        SqlState.UNDEFINED_COLUMN,
        f'column "{name}" of relation "{source.name}" does not exist',
        position=scope.writer.position(node),
    )
