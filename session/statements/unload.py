"""UNLOAD ('query') TO files: the query translated and allowed, its parameters made a plan.

Redshift, "UNLOAD".
"""

from dataclasses import replace
from typing import Final

from core.errors import SqlError, info
from core.sqlstate import SqlState
from engine.arrival import ARRIVING, IN_ORDER
from engine.cursors import DuckDbEngine
from engine.load import unload as unloading
from engine.load.plan import UNLOADED, Format, Unloaded, UnloadPlan
from session.context import Work
from session.places import location, open_store
from session.statements.arriving import arriving
from session.statements.copy import compression, widths
from session.statements.iam_roles import require_role
from session.statements.query import columns as columns_of
from session.transfers import Transfer, running
from sql.commands.unload import Unload
from sql.finish import Finish
from sql.options import UNLOAD, Given
from sql.query import parse_query

_FORMATS: Final = {
    "text": Format.DELIMITED,
    "csv": Format.CSV,
    "fixedwidth": Format.FIXED,
    "json": Format.JSON,
    "parquet": Format.PARQUET,
}


async def unload(work: Work, engine: DuckDbEngine, command: Unload) -> str:
    """Write a query's rows to files; return the tag."""
    query = command.query
    if parse_query(query.text, query.offset).args.get("limit") is not None:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "Limit clause is not supported",
            hint="Put the query with its LIMIT into a subquery.",
        )
    require_role(work, command.credentials, "UNLOAD")
    prepared = await work.ready(query.text, query.offset, finish=Finish.EXACT)
    prepare = work.prepare(prepared)
    sql = prepared.translated.engine_sql
    schema = await engine.describe(sql, 0, prepare)
    columns = columns_of(prepared, work, schema)
    plan = _plan(command.options, sql, location(command.target))
    ordered = parse_query(query.text, query.offset).args.get("order") is not None
    arrival = await arriving(work, prepared)
    if arrival is not None:
        plan = replace(plan, query=IN_ORDER if ordered else f"FROM {ARRIVING}")
    connection = engine.connection

    transfer = Transfer(
        loads=False,
        started=work.warehouse.clock.now(),
        source=command.target,
        format=command.options.format,
        compression=plan.compression.value,
    )
    recorder = work.warehouse.recorder
    try:
        with running(work.session, transfer) as progress:

            def run() -> Unloaded:
                store = open_store(work, command.target, command.credentials, command.options)
                if arrival is None:
                    return unloading.unload(connection, plan, columns, store, progress)
                connection.register(ARRIVING, arrival.reader(numbered=ordered))
                try:
                    return unloading.unload(connection, plan, columns, store, progress)
                finally:
                    connection.unregister(ARRIVING)

            done = await engine.work(run)
    except SqlError as error:
        failure = (arrival and arrival.failed) or error
        recorder.unload(work.session, transfer, [(command.target, 0, 0)], failure.message)
        raise failure from None
    finally:
        if arrival is not None:
            arrival.close()
    recorder.unload(work.session, transfer, [(item.location, item.rows, item.size_bytes) for item in done.files])
    work.session.last_unload = (work.session.query, done.rows)
    work.notice(info(UNLOADED.format(rows=done.rows)))
    return "UNLOAD"


def _plan(options: Given, query: str, destination: str) -> UnloadPlan:
    form = _FORMATS[options.format]
    partition = options.get("partition")
    return UnloadPlan(
        query=query,
        destination=destination,
        format=form,
        compression=compression(options),
        delimiter=options.text("delimiter") or ("," if form is Format.CSV else "|"),
        header=options.on("header"),
        null_as=options.text("null") or "",
        add_quotes=options.on("addquotes"),
        escape=options.on("escape"),
        parallel=options.on("parallel", default=True),
        manifest=options.on("manifest"),
        manifest_verbose=options.on("manifest_verbose"),
        partition_by=partition if isinstance(partition, tuple) else (),
        partition_include=options.on("partition_include"),
        max_file_bytes=options.number("maxfilesize", _number("maxfilesize")),
        allow_overwrite=options.on("allowoverwrite"),
        clean_path=options.on("cleanpath"),
        extension=options.text("extension"),
        widths=widths(options),
        row_group_bytes=options.number("rowgroupsize", _number("rowgroupsize")),
    )


def _number(name: str) -> int:
    default = UNLOAD[name].default
    return default if isinstance(default, int) else 0
