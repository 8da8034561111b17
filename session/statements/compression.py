"""ANALYZE COMPRESSION: which encoding suits each column, and what it saves, measured on a sample of rows.

Redshift, "ANALYZE COMPRESSION".
"""

from decimal import Decimal
from typing import Final

from catalog.model import Relation, RelationKind, TableColumn
from core import types
from core.errors import SqlError
from core.names import quote
from core.sqlstate import SqlState
from core.types import Column
from engine import compression
from session.answers import Value
from session.context import Work
from session.streams import Page, table
from sql.commands.maintenance import AnalyzeCompression
from sql.statement import Statement

_COLUMNS: Final = tuple(
    Column(name, kind)
    for name, kind in (
        ("Table", types.of("text")),
        ("Column", types.of("text")),
        ("Encoding", types.of("text")),
        ("Est_reduction_pct", types.numeric(5, 2)),
    )
)
_AZ64: Final = frozenset({"int2", "int4", "int8", "numeric", "date", "timestamp", "timestamptz"})
_RAW: Final = frozenset({"bool"})
_SAMPLE: Final = 100_000
"""Rows looked at without COMPROWS, as Redshift's for one slice."""
_LEAST: Final = 1_000


async def analyze_compression(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Page:
    """Return a row a column; with no table, of every table of the database that the user owns."""
    command = statement.command
    if not isinstance(command, AnalyzeCompression):
        raise SqlError(SqlState.INTERNAL_ERROR, "ANALYZE COMPRESSION without its form")
    rows: list[tuple[str, str, str, Decimal]] = []
    for relation in _relations(work, command):
        chosen = _chosen(relation, command)
        names = ", ".join(quote(column.engine_name) for column in chosen)
        limit = max(command.comprows or _SAMPLE, _LEAST)
        sql = f"SELECT {names} FROM {relation.engine_name} LIMIT {limit}"
        saved = await compression.reductions(work.engine, sql)
        rows += [
            (relation.name, column.name, encoding, Decimal("0.00" if encoding == "raw" else f"{per_cent:.2f}"))
            for column, per_cent in zip(chosen, saved, strict=True)
            for encoding in (_encoding(column, per_cent),)
        ]
    return table(_COLUMNS, rows, tag="ANALYZE COMPRESSION")


async def describe_analyze_compression(
    work: Work, statement: Statement, oids: tuple[int, ...]
) -> tuple[Column, ...]:
    """Return the columns of ANALYZE COMPRESSION."""
    return _COLUMNS


def _relations(work: Work, command: AnalyzeCompression) -> list[Relation]:
    if command.table is not None:
        relation = work.find_table(command.table)
        work.require_owner(relation, "ANALYZE")
        return [relation]
    schemas = {schema.oid for schema in work.state.schemas(work.database.oid)}
    return sorted(
        (
            relation
            for relation in work.state.relations()
            if relation.type is RelationKind.TABLE
            and relation.schema in schemas
            and (work.principal.may("ANALYZE") or relation.owner == work.principal.oid)
        ),
        key=lambda relation: relation.name,
    )


def _chosen(relation: Relation, command: AnalyzeCompression) -> tuple[TableColumn, ...]:
    for name in command.columns:
        if relation.column(name) is None:
            raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{name}" of relation "{relation.name}" does not exist')
    return tuple(column for column in relation.columns if not command.columns or column.name in command.columns)


def _encoding(column: TableColumn, per_cent: float) -> str:
    """Return what Redshift would suggest: the first sort key stays raw, so that its blocks can be skipped."""
    if abs(column.sortkey) == 1 or column.type.type.name in _RAW or per_cent == 0:
        return "raw"
    return "az64" if column.type.type.name in _AZ64 else "zstd"

