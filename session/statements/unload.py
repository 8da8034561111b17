"""UNLOAD: what a statement means to ``engine.load``.

Redshift, "UNLOAD".
"""

from typing import Final

from core.errors import info, not_supported
from core.types import Column
from engine import results
from engine.cursors import DuckDbEngine
from engine.load.plan import UNLOADED, Format, Unloaded, UnloadPlan
from engine.load.unload import unload as write
from session.context import Work
from session.statements.copy import compression, local, store_for
from session.statements.query import hints
from sql.commands.unload import Unload
from sql.options import Given
from sql.select import Finish

_FORMATS: Final = {
    "text": Format.DELIMITED,
    "csv": Format.CSV,
    "json": Format.JSON,
    "parquet": Format.PARQUET,
}


async def unload(work: Work, engine: DuckDbEngine, command: Unload) -> str:
    """UNLOAD ('query') TO 'prefix' credentials options."""
    plan = await work.ready(command.query.text, command.query.offset, finish=Finish.EXACT)
    schema = await engine.describe(plan.translated.engine_sql, prepare=work.prepare(plan))
    columns = results.columns(schema, hints(plan, work))
    store = store_for(work, local(command.target), command.credentials, command.options)
    task = _plan(plan.translated.engine_sql, command)
    connection = engine.connection

    def run(shown: tuple[Column, ...] = columns) -> Unloaded:
        return write(connection, task, shown, store)

    done = await engine.work(run)
    work.session.last_unload = (work.session.query, done.rows)
    work.notice(info(UNLOADED.format(rows=done.rows)))
    return "UNLOAD"


def _plan(query: str, command: Unload) -> UnloadPlan:
    options = command.options
    kind = _FORMATS.get(options.format)
    if kind is None:
        raise not_supported(f"UNLOAD with {options.format.upper()}")
    return UnloadPlan(
        query=query,
        destination=local(command.target),
        format=kind,
        compression=compression(options),
        delimiter=options.text("delimiter") or ("," if kind is Format.CSV else "|"),
        header=options.on("header"),
        null_as=options.text("null") or "",
        add_quotes=options.on("addquotes"),
        escape=options.on("escape"),
        parallel=options.on("parallel", default=True),
        manifest=options.on("manifest"),
        manifest_verbose=options.on("manifest_verbose"),
        partition_by=_names(options),
        partition_include=options.on("partition_include"),
        max_file_bytes=options.number("maxfilesize", 6_657_199_309),
        allow_overwrite=options.on("allowoverwrite"),
        clean_path=options.on("cleanpath"),
        extension=options.text("extension"),
        row_group_bytes=options.number("rowgroupsize", 32 << 20),
    )


def _names(options: Given) -> tuple[str, ...]:
    value = options.get("partition")
    return value if isinstance(value, tuple) else ()
