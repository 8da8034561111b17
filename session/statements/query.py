"""SELECT, and INSERT, UPDATE, DELETE, MERGE: what the translator plans and the engine runs."""

import pyarrow as pa

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column
from engine.given import table
from engine.streams import RowStream
from session import hopes, present, spark
from session.answers import Answer, Done, Value
from session.aside import WIDE, apart
from session.context import Work
from session.external.scans import Reading
from session.plans import Plan
from session.result_cache import Question, question
from session.rewriting import constants
from session.statements import additions, effects
from session.statements.arriving import inserted
from session.streams import FixedRows, Page, Reader, Source
from session.summaries import Chosen, chosen
from sql.bulk import GIVEN, LiteralRows, Rows, WrittenRows
from sql.facts import SourceKind
from sql.finish import Finish
from sql.shapes import Gapped
from sql.statement import Statement


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
    plan = await hopes.ready(work, text, offset, oids, finish)
    if plan.constant and work.settings.on("enable_result_cache_for_session"):
        return await _constant(work, plan)
    given, parameters = parameters, _supplied(plan, work.bound(plan, parameters))
    asked = question(work, plan, parameters)
    if asked is not None and (known := asked.found()) is not None and await _seen(work, asked):
        work.session.source_query = known.query
        work.tx.view.needs_nothing()
        return Page(await _columns(plan, work, known.schema), Reader(known.rows))
    plain = finish is Finish.WIRE and not plan.performs
    better = await over_views(work, plan, text, offset, oids) if plain else None
    if better is not None:
        page = await _read(work, better.plan, parameters, asked)
        await work.warehouse.caught_up()
        if work.warehouse.summaries.unchanged(better):
            return page
        page.reader.close()
    try:
        return await _read(work, plan, parameters, asked)
    except SqlError as error:
        if not hopes.dashed(work, plan, error):
            raise
    plan = await work.ready(text, offset, oids, finish)
    return await _read(work, plan, work.bound(plan, given), None)


async def _seen(work: Work, asked: Question) -> bool:
    """Tell whether the transaction sees what was kept; a block sees from now on what is committed now."""
    if work.tx.single:
        return True
    await present.pinned(work)
    return asked.now() == asked.version


async def over_views(work: Work, plan: Plan, text: str, offset: int, oids: tuple[int, ...] = ()) -> Chosen | None:
    """Return how the query *text*, planned and allowed, is read from materialized views, None where it is not."""
    if plan.translated.guarded or plan.past:
        return None
    return await chosen(work, plan, lambda views: work.plan(text, offset, oids, views=views))


async def _read(work: Work, plan: Plan, parameters: tuple[Value, ...], asked: Question | None) -> Page:
    await work.session.admission.admitted(plan)
    if work.warehouse.fleet is not None and "sys_sessions" in plan.sources:
        await work.warehouse.fleet.presence.look()
    if plan.tables and not plan.past and not plan.performs and spark.wanted(work, plan):
        sent = await spark.sent(work, plan, parameters)
        if sent is not None:
            return Page(await _columns(plan, work, sent.schema), Reader(_kept(work, sent, asked)))
    still = await present.seen(work, plan.tables) if plan.tables and not plan.past else None
    if plan.stored and still is not None and still():
        page = await _copied(work, plan, parameters, asked)
        if page is not None:
            return page
    stream = await _begun(work, plan, parameters, still)
    shown = await _columns(plan, work, stream.schema)
    if plan.performs:
        return await effects.performed(work, effects.typed(shown, plan.translated), plan.translated, Reader(stream))
    return Page(shown, Reader(_kept(work, stream, asked)))


def _kept(work: Work, stream: "RowStream | spark.Sent", asked: Question | None) -> Source:
    return stream if asked is None else asked.kept(stream, work.session.query)


async def _begun(work: Work, plan: Plan, parameters: tuple[Value, ...], still: present.Still | None) -> RowStream:
    sql = plan.translated.engine_sql
    profiled = bool(plan.tables) and not plan.instant
    if still is None:
        prepare = work.prepare(plan, parameters)
        return await work.engine.rows(sql, parameters, prepare, instant=plan.instant, profiled=profiled, wide=plan.wide)
    scans = work.warehouse.scans
    plain = work.tx.single and scans.is_plain(sql)
    read = await scans.rewritten(sql, plan.tables, work.state, work.engine, still, streamed=plain)
    if plain and read.sql != sql:
        engine = await work.session.hot.ready(work.settings.get("timezone"))
        return await engine.rows(read.sql, wide=plan.wide)
    try:
        prepare = work.prepare(plan, parameters)
        return await work.engine.rows(read.sql, parameters, prepare, profiled=profiled, wide=plan.wide)
    finally:
        read.release()


async def _copied(work: Work, plan: Plan, parameters: tuple[Value, ...], asked: Question | None) -> Page | None:
    """Return the rows of a query whose tables are all hot, None where that is not so."""
    written = constants(parameters) if parameters else plan.numbers
    text, left = (Gapped((plan.translated.engine_sql,), ()), parameters) if written is None else (plan.text, ())
    taken = work.warehouse.scans.copied(text, plan.tables, work.state)
    if taken is None:
        return None
    try:
        hot, values = work.session.hot, written or ()
        engine = work.session.counted = await hot.ready(work.settings.get("timezone"))
        brief, counts = work.warehouse.paces.may_be_brief(plan), work.session.admission.counts
        keeps = bool(values) and brief and not counts
        read = hot.asked(taken.text, plan.gaps, values, indexed=taken.finds(plan.key)) if keeps else None
        stream = await hot.together.rows(engine, read.shared, read.arguments) if read is not None else None
        if stream is None:
            sql = taken.text.filled(values)
            hot.together.others += 1
            try:
                stream = await engine.rows(sql, left, instant=brief, profiled=counts, wide=plan.wide)
            finally:
                hot.together.others -= 1
            if read is not None:
                read.shared.schema = stream.schema
        work.warehouse.paces.note(plan, stream.begun_s, brief=brief)
    finally:
        taken.release()
    if work.tx.single:
        work.tx.view.needs_nothing()
    return Page(await _columns(plan, work, stream.schema), Reader(_kept(work, stream, asked)))


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
        found = columns(plan, work, stream.schema), await stream.next()
        work.warehouse.constants.put(key, found)
    return Page(found[0], Reader(FixedRows(found[1])))


async def describe_select(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...]:
    """Return a query's columns; it is planned, not run."""
    return await describe(work, statement.text, statement.offset, oids)


async def describe(work: Work, text: str, offset: int, oids: tuple[int, ...] = ()) -> tuple[Column, ...]:
    """Return the columns of the query *text*."""
    return await described_columns(work, await hopes.ready(work, text, offset, oids, Finish.WIRE))


async def described_columns(work: Work, plan: Plan) -> tuple[Column, ...]:
    """Return the columns of a planned query."""
    translated = plan.translated
    sql = translated.engine_sql
    schema = await work.engine.describe(sql, len(translated.parameter_types), work.prepare(plan, reading=Reading.SHAPE))
    return effects.typed(await _columns(plan, work, schema), translated)


async def _columns(plan: Plan, work: Work, schema: pa.Schema) -> tuple[Column, ...]:
    if len(schema) <= WIDE:
        return columns(plan, work, schema)
    return await apart(True, lambda: columns(plan, work, schema))


def columns(plan: Plan, work: Work, schema: pa.Schema) -> tuple[Column, ...]:
    """Return the columns of a planned query whose rows the engine gives as *schema*."""
    return plan.columns(schema, upper=work.settings.on("describe_field_name_in_uppercase"))


async def change(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
    """Run INSERT, UPDATE, DELETE or MERGE."""
    count = await changed(work, statement.text, statement.offset, parameters)
    return Done(f"{statement.tag} {count}")


async def changed(work: Work, text: str, offset: int, parameters: tuple[Value, ...] = ()) -> int:
    """Run a DML statement and return how many rows it changed."""
    taken = await additions.taken(work, text, parameters)
    if taken is not None:
        return taken
    await work.warehouse.caught_up()
    oids = work.parameter_oids if parameters else ()
    plan = await work.ready(text, offset, oids)
    parameters = _supplied(plan, work.bound(plan, parameters))
    rows = plan.translated.rows
    given = await _given(work, rows, parameters)
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
        work.warehouse.identities.counter(identity[0], identity[1])
    if given is not None:
        rows_given = await apart(len(given) > WIDE, lambda: table(given or []))
        count = await work.engine.run_given(translated.engine_sql, GIVEN, rows_given, work.prepare(plan))
    elif (arrived := await inserted(work, plan, parameters)) is not None:
        count = arrived
    else:
        count = await work.engine.run(
            translated.engine_sql, parameters, work.prepare(plan, parameters), profiled=bool(plan.tables)
        )
    if identity is not None and target is not None:
        work.tx.notes.reserve(identity[0], identity[2], count)
    return count


async def _given(work: Work, rows: LiteralRows | WrittenRows | None, parameters: tuple[Value, ...]) -> Rows | None:
    """Return the rows that an INSERT has written down itself, None without any that are plain."""
    if rows is None:
        return None
    if not rows.many:
        return rows.values(parameters)
    return await work.warehouse.executor.run(lambda: rows.values(parameters))


def _identity(plan: Plan) -> tuple[int, int, int] | None:
    """Return (table, seed, step) of the IDENTITY column that a statement draws values for."""
    target = plan.translated.target
    if target is None or not plan.translated.identity:
        return None
    found = next((column.identity for column in target.columns if column.identity), None)
    return None if found is None else (target.oid, *found)
