"""SELECT, and INSERT, UPDATE, DELETE, MERGE: what the translator plans and the engine runs."""

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column
from engine import results
from engine.cursors import RowStream
from engine.given import table
from session import spark
from session.answers import Answer, Done, Value
from session.context import Work
from session.external.scans import Reading
from session.plans import Plan
from session.result_cache import Question, question
from session.rewriting import inlined
from session.statements import effects
from session.streams import FixedRows, Page, Reader, Source
from session.summaries import Chosen, chosen
from sql.bulk import GIVEN
from sql.facts import SourceKind
from sql.finish import Finish
from sql.statement import Statement
from storage import lake


async def select(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Page:
    """Start a query; its rows are read by whoever gets the answer."""
    return await rows(work, statement.text, statement.offset, parameters)


async def rows(
    work: Work,
    text: str,
    offset: int,
    parameters: tuple[Value, ...] = (),
    oids: tuple[int, ...] = (),
    *,
    finish: Finish = Finish.WIRE,
) -> Page:
    """Start the query *text* and return its rows."""
    oids = oids or (work.parameter_oids if parameters else ())
    plan = await work.ready(text, offset, oids, finish)
    if plan.constant and work.settings.on("enable_result_cache_for_session"):
        return await _constant(work, plan)
    parameters = _supplied(plan, work.bound(plan, parameters))
    asked = question(work, plan, parameters)
    if asked is not None and (known := asked.found()) is not None and await _seen(work, asked):
        work.session.source_query = known.query
        work.tx.view.needs_nothing()
        return Page(results.columns(known.schema, hints(plan, work)), Reader(known.rows))
    plain = finish is Finish.WIRE and not effects.any_in(plan.translated)
    better = await over_views(work, plan, text, offset, oids) if plain else None
    if better is not None:
        page = await _read(work, better.plan, parameters, asked)
        await work.warehouse.caught_up()
        if work.warehouse.summaries.unchanged(better):
            return page
        page.reader.close()
    return await _read(work, plan, parameters, asked)


async def _seen(work: Work, asked: Question) -> bool:
    """Tell whether the transaction sees what was kept; a block sees from now on what is committed now."""
    if work.tx.single:
        return True
    # The engine begins to see the lake with the first statement that reads it.
    await work.engine.fetch(lake.newest_schema())
    await work.warehouse.caught_up()
    return asked.now() == asked.version


async def over_views(work: Work, plan: Plan, text: str, offset: int, oids: tuple[int, ...] = ()) -> Chosen | None:
    """Return how the query *text*, planned and allowed, is read from materialized views, None where it is not."""
    if plan.translated.guarded or plan.past:
        return None
    return await chosen(work, plan, lambda views: work.plan(text, offset, oids, views=views))


async def _read(work: Work, plan: Plan, parameters: tuple[Value, ...], asked: Question | None) -> Page:
    await work.session.admission.admitted(plan)
    sql = plan.translated.engine_sql
    if plan.tables and not plan.past and spark.wanted(work, plan) and not effects.any_in(plan.translated):
        sent = await spark.sent(work, plan, parameters)
        if sent is not None:
            return Page(results.columns(sent.schema, hints(plan, work)), Reader(_kept(work, sent, asked)))
    if plan.tables and work.tx.single and not plan.past:
        page = await _copied(work, plan, parameters, asked)
        if page is not None:
            return page
    stream = await _begun(work, plan, sql, parameters)
    columns = results.columns(stream.schema, hints(plan, work))
    if effects.any_in(plan.translated):
        return await effects.performed(work, effects.typed(columns, plan.translated), plan.translated, Reader(stream))
    return Page(columns, Reader(_kept(work, stream, asked)))


def _kept(work: Work, stream: "RowStream | spark.Sent", asked: Question | None) -> Source:
    return stream if asked is None else asked.kept(stream, work.session.query)


async def _begun(work: Work, plan: Plan, sql: str, parameters: tuple[Value, ...]) -> RowStream:
    scans = work.warehouse.scans
    if plan.tables and work.tx.single and not plan.past:
        lake, sql = sql, await scans.rewritten(sql, plan.tables, work.state, work.engine)
        if sql != lake and scans.is_plain(lake):
            engine = await work.session.hot.ready(work.settings.get("timezone"))
            return await engine.rows(sql)
    profiled = bool(plan.tables) and not plan.instant
    return await work.engine.rows(
        sql, parameters, work.prepare(plan, parameters), instant=plan.instant, profiled=profiled
    )


async def _copied(
    work: Work, plan: Plan, parameters: tuple[Value, ...], asked: Question | None
) -> Page | None:
    """Return the rows of a query whose tables are all hot, None where that is not so."""
    translated = plan.translated
    needs = (plan.variables, plan.sources, plan.external, translated.externals)
    if any(needs) or translated.effects or effects.any_in(translated):
        return None
    sql, left = inlined(translated.engine_sql, parameters)
    taken = work.warehouse.scans.copied(sql, plan.tables, work.state)
    if taken is None:
        return None
    try:
        engine = await work.session.hot.ready(work.settings.get("timezone"))
        stream = await engine.rows(taken.sql, left, instant=work.warehouse.paces.is_brief(plan))
        work.warehouse.paces.note(plan, stream.begun_s)
    finally:
        taken.release()
    work.tx.view.needs_nothing()
    return Page(results.columns(stream.schema, hints(plan, work)), Reader(_kept(work, stream, asked)))


def _supplied(plan: Plan, parameters: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return *parameters*; raise 42P02 where a statement names some and nobody gave any."""
    if plan.translated.parameter_types and not parameters:
        raise SqlError(SqlState.UNDEFINED_PARAMETER, "there is no parameter $1")
    return parameters


async def _constant(work: Work, plan: Plan) -> Page:
    """Return the row of a query of literals only, which never changes, from the cache."""
    sql = plan.translated.engine_sql
    key = (sql, work.settings.on("describe_field_name_in_uppercase"))
    found = work.warehouse.constants.get(key)
    if found is None:
        stream = await work.engine.rows(sql, instant=True)
        found = results.columns(stream.schema, hints(plan, work)), await stream.next()
        work.warehouse.constants.put(key, found)
    return Page(found[0], Reader(FixedRows(found[1])))


async def describe_select(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...]:
    """Return a query's columns; it is planned, not run."""
    return await describe(work, statement.text, statement.offset, oids)


async def describe(work: Work, text: str, offset: int, oids: tuple[int, ...] = ()) -> tuple[Column, ...]:
    """Return the columns of the query *text*."""
    return await described_columns(work, await work.ready(text, offset, oids))


async def described_columns(work: Work, plan: Plan) -> tuple[Column, ...]:
    """Return the columns of a planned query."""
    translated = plan.translated
    sql = translated.engine_sql
    schema = await work.engine.describe(sql, len(translated.parameter_types), work.prepare(plan, reading=Reading.SHAPE))
    return effects.typed(results.columns(schema, hints(plan, work)), translated)


def hints(plan: Plan, work: Work) -> list[results.Hint]:
    """Return what the translator knows of a query's columns."""
    upper = work.settings.on("describe_field_name_in_uppercase")
    return [
        (column.name.upper() if upper else column.name, column.type, column.table_oid, column.attribute)
        for column in plan.translated.columns
    ]


async def change(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
    """Run INSERT, UPDATE, DELETE or MERGE."""
    count = await changed(work, statement.text, statement.offset, parameters)
    return Done(f"{statement.tag} {count}")


async def changed(work: Work, text: str, offset: int, parameters: tuple[Value, ...] = ()) -> int:
    """Run a DML statement and return how many rows it changed."""
    oids = work.parameter_oids if parameters else ()
    plan = await work.ready(text, offset, oids)
    parameters = _supplied(plan, work.bound(plan, parameters))
    rows = plan.translated.rows
    given = rows.values(parameters) if rows is not None else None
    if rows is not None and given is None:
        # A value that needs a second look, or is wrong: the ordinary way knows the error.
        plan = await work.allowed(lambda: work.plan(text, offset, oids, plain=True))
    await work.session.admission.admitted(plan)
    translated, target = plan.translated, plan.translated.target
    if target is not None and target.kind is SourceKind.EXTERNAL:
        # The two import each other: INSERT into an external table describes its query.
        from session.statements.external_writes import change_external

        return await change_external(work, plan, parameters)
    identity = _identity(plan)
    if identity is not None:
        work.warehouse.identity(identity[0], identity[1])
    if given is not None:
        count = await work.engine.run_given(translated.engine_sql, GIVEN, table(given), work.prepare(plan))
    else:
        count = await work.engine.run(
            translated.engine_sql, parameters, work.prepare(plan, parameters), profiled=bool(plan.tables)
        )
    if identity is not None and target is not None:
        work.tx.reserve(identity[0], identity[2], count)
    return count


def _identity(plan: Plan) -> tuple[int, int, int] | None:
    """Return (table, seed, step) of the IDENTITY column that a statement draws values for."""
    target = plan.translated.target
    if target is None or not plan.translated.identity:
        return None
    found = next((column.identity for column in target.columns if column.identity), None)
    return None if found is None else (target.oid, *found)
