"""EXPLAIN: how a statement would run, in the shape of Redshift's plans."""

from catalog.model import Relation
from core import nested, types
from core.errors import SqlError, not_supported
from core.names import last_part
from core.sqlstate import SqlState
from core.types import Column
from engine import plans
from engine.external.formats import format_of
from engine.external.scan import OUTLINE
from session import spark
from session.answers import Value
from session.context import Work
from session.external.scans import Reading
from session.external.tables import Known
from session.plans import Plan
from session.rewriting import substituted
from session.statements.query import over_views
from session.streams import Page, table
from sql import guards
from sql.commands.maintenance import Explain
from sql.statement import QUERIES, Fragment, Kind, Statement

_PLAN = (Column("QUERY PLAN", types.of("varchar")),)
_WIDTH = 32
"""Bytes that a plan shows for a value whose length is not fixed and not declared."""


async def explain(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Page:
    """EXPLAIN: the plan, a line a row; the statement does not run unless ANALYZE asks for it."""
    command = _command(statement)
    fragment = _explained(command)
    plan = await work.ready(fragment.text, fragment.offset)
    if plan.translated.rows is not None:
        plan = await work.allowed(lambda: work.plan(fragment.text, fragment.offset, plain=True))
    if command.statement.kind is Kind.SELECT:
        better = await over_views(work, plan, fragment.text, fragment.offset)
        plan = plan if better is None else better.plan
    if command.analyze and plan.translated.target is not None:
        raise not_supported(f"EXPLAIN ANALYZE of {command.statement.tag}")
    lines = await _lines(work, plan, parameters, analyze=command.analyze)
    if command.statement.kind is Kind.SELECT and not command.analyze:
        lines += await spark.remark(work, plan)
    return table(_PLAN, [[line] for line in lines], tag="EXPLAIN")


async def describe_explain(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...]:
    """Return the column of EXPLAIN."""
    return _PLAN


def _command(statement: Statement) -> Explain:
    if not isinstance(statement.command, Explain):
        raise SqlError(SqlState.INTERNAL_ERROR, "EXPLAIN without a statement")
    return statement.command


def _explained(command: Explain) -> Fragment:
    inner = command.statement
    if inner.kind in QUERIES:
        return Fragment(inner.text, inner.offset)
    query = getattr(inner.command, "query", None)
    if isinstance(query, Fragment):
        return query
    raise not_supported(f"EXPLAIN of {inner.tag}")


async def _lines(work: Work, plan: Plan, parameters: tuple[Value, ...], *, analyze: bool) -> list[str]:
    connection = work.engine.connection
    prepare = work.prepare(plan, reading=Reading.ROWS if analyze else Reading.PLAN)
    sql = plan.translated.engine_sql
    if not work.principal.may("EXPLAIN MASKING"):
        sql = substituted(sql, {guards.MASKED: guards.BARRIER})
    form = "ANALYZE, FORMAT JSON" if analyze else "FORMAT JSON"
    # A plan does not depend on what a parameter's value is, but the engine wants one.
    values = list(parameters) or [None] * len(plan.translated.parameter_types)

    def run() -> str:
        if prepare is not None:
            prepare(connection)
        found = connection.execute(f"EXPLAIN ({form}) {sql}", values or None).fetchone()
        return str(found[-1]) if found else "{}"

    return plans.lines(plans.read(await work.engine.work(run)), _stored(work, plan), _secured(work, plan))


def _stored(work: Work, plan: Plan) -> dict[str, plans.Stored]:
    target = plan.translated.target
    oids = plan.tables | ({target.oid} if target is not None else set())
    found = [relation for oid in oids if isinstance(relation := work.state.objects.get(oid), Relation)]
    return {relation.engine_table: _shown(relation) for relation in found} | _external(plan)


def _external(plan: Plan) -> dict[str, plans.Stored]:
    target = plan.translated.target
    named = [(OUTLINE + last_part(item.view), item) for item in plan.external if isinstance(item, Known)]
    if target is not None and isinstance(target.external, Known):
        named.append((last_part(target.external.changed) or "", target.external))
    return {
        name: plans.Stored(
            name=item.table.name, outside=_scanned(item), kind=_KINDS.get(item.table.type, "S3"),
            widths={name: _width(nested.result(kind)) for name, kind in item.columns()},
            rows=int(item.table.parameter("numRows") or 0) if (item.table.parameter("numRows") or "0").isdigit() else 0,
        )
        for name, item in named
    }  # fmt: skip


_KINDS = {"POSTGRES": "PG", "MYSQL": "MYSQL"}


def _scanned(item: Known) -> str:
    name = f"{item.schema.name}.{item.table.name}"
    if not item.files:
        return f"Remote {_KINDS[item.table.type]} Seq Scan {name}"
    form = format_of(item.table).value.upper()
    return f'S3 Seq Scan {name} location:"{item.table.storage.location}" format:{form}'


def _secured(work: Work, plan: Plan) -> dict[str, plans.Secured]:
    rls, masking = work.principal.may("EXPLAIN RLS"), work.principal.may("EXPLAIN MASKING")
    return {
        last_part(source.engine_name) or source.name: plans.Secured(
            source.name,
            "RLS" if guard.rows else "DDM",
            (rls or not guard.rows) and (masking or not guard.masks),
        )
        for source, guard in plan.translated.guarded
    }


def _shown(relation: Relation) -> plans.Stored:
    return plans.Stored(
        name=relation.name,
        everywhere="ALL" in relation.diststyle,
        key=next((column.name for column in relation.columns if column.distkey), None),
        widths={column.engine_name: _width(column.type) for column in relation.columns},
    )


def _width(kind: types.ColumnType) -> int:
    if kind.type.length > 0:
        return kind.type.length
    if kind.type.name == "numeric":
        return 8
    return min(kind.length or _WIDTH, 256)
