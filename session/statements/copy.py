"""COPY table FROM files: names, rights and parameters made a plan, which ``engine.load`` carries out.

Redshift, "COPY".
"""

import math
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from catalog.copy_jobs import CopyJob
from catalog.model import Relation, TableColumn
from core.errors import SqlError, info, not_supported
from core.names import quote_if_needed
from core.sqlstate import SqlState
from engine.constants import constant
from engine.cursors import Connection, DuckDbEngine
from engine.load.copy import LoadFailedError, Occasion, error_rows, load
from engine.load.datetimes import directives
from engine.load.items import items_as_documents
from engine.load.plan import (
    LOADED,
    NOT_LOADED,
    Compression,
    Conversion,
    CopyPlan,
    Filler,
    Format,
    Layout,
    LoadColumn,
    Loaded,
    Rejection,
    Simplification,
)
from engine.load.progress import Progress
from engine.load.source import existing, files, json_paths, manifest_files
from session.context import Work
from session.functions import needs
from session.locks import Mode
from session.places import location, open_store, open_table
from session.recorder import Load
from session.sharing import refuse_replica
from session.statements.iam_roles import require_role
from session.transfers import Transfer, running
from sql.commands.copy import Copy
from sql.options import Given
from storage.objects import StoredObject

_FORMATS: Final = {
    "text": Format.DELIMITED,
    "csv": Format.CSV,
    "fixedwidth": Format.FIXED,
    "json": Format.JSON,
    "parquet": Format.PARQUET,
    "orc": Format.ORC,
    "avro": Format.AVRO,
    "shapefile": Format.SHAPEFILE,
}
_EXTENSIONS: Final = {Format.AVRO: "avro", Format.SHAPEFILE: "spatial"}
"""What DuckDB reads some formats with."""
_DYNAMODB: Final = "dynamodb://"
_NOT_FOR_ITEMS: Final = frozenset({
    *_FORMATS, "delimiter", "quote", "gzip", "bzip2", "lzop", "zstd", "escape", "fillrecord", "ignoreblanklines",
    "ignoreheader", "null", "removequotes", "acceptinvchars", "encoding", "manifest", "encrypted",
})  # fmt: skip
"""Redshift, "COPY from Amazon DynamoDB", unsupported parameters."""
_ENCODINGS: Final = {
    "utf8": "utf-8", "utf16": "utf-16", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "iso88591": "iso-8859-1",
}  # fmt: skip
_EPOCHS: Final = ("epochsecs", "epochmillisecs")
_JSON_WORDS: Final = ("auto", "auto ignorecase", "noshred")
_WIDTH: Final = re.compile(r"\s*([^:,]+):([0-9]+)\s*\Z")


class Selection(Protocol):
    """What a copy job has to say about the files of its COPY."""

    job: CopyJob

    def chosen(self, connection: Connection, objects: list[StoredObject]) -> list[StoredObject]:
        """Return those of *objects* that are to be loaded."""
        ...

    def loaded(self, connection: Connection, objects: list[StoredObject]) -> None:
        """Take note that *objects* have been loaded, in the transaction that did it."""
        ...


async def copy(work: Work, engine: DuckDbEngine, command: Copy, selection: Selection | None = None) -> str:
    """Load files into a table, all of them or, but for what MAXERROR lets pass, nothing; return the tag.

    A copy job says by *selection* which files.
    """
    job = -1 if selection is None else selection.job.oid
    relation = work.find_table(command.table)
    chosen = _chosen(relation, command.columns, explicit=command.options.on("explicit_ids"))
    work.require("INSERT", relation, frozenset(column.name for column in chosen))
    require_role(work, command.credentials, "COPY")
    # Nothing was done yet in this transaction: it may be begun again should the fast way fail.
    fresh = work.tx.single
    refuse_replica(work, relation.schema)
    relation = await work.lock(relation, Mode.SHARE_ROW_EXCLUSIVE)
    chosen = _chosen(relation, command.columns, explicit=command.options.on("explicit_ids"))
    started = work.warehouse.clock.now()
    transfer = Transfer(
        loads=True, started=started, source=command.source, format=command.options.format, table=relation.name, job=job
    )
    try:
        with running(work.session, transfer) as progress:
            target = _Target(relation, chosen, fresh, progress)
            loaded = await _load(work, engine, command, target, selection)
    except SqlError as failure:
        rejections = failure.rejections if isinstance(failure, LoadFailedError) else ()
        if isinstance(failure, LoadFailedError):
            work.warehouse.recorder.simplifications(work.session, failure.simplified)
        await _record(work, relation, rejections, started, job)
        remembered = _remembered(command, relation, Loaded(rows=0, rejections=rejections), started)
        work.warehouse.recorder.load(work.session, replace(remembered, failed=True, job=job))
        raise
    work.warehouse.recorder.replacements(work.session, relation.oid, started, loaded.replacements)
    work.warehouse.recorder.simplifications(work.session, loaded.simplified)
    await _record(work, relation, loaded.rejections, started, job)
    if loaded.rejections:
        work.notice(info(NOT_LOADED.format(table=relation.name, rows=len(loaded.rejections))))
    work.warehouse.recorder.load(work.session, replace(_remembered(command, relation, loaded, started), job=job))
    count_identities(work, relation, chosen, loaded.rows)
    work.session.last_copy = (work.session.query, loaded.rows)
    work.notice(info(LOADED.format(table=relation.name, rows=loaded.rows)))
    return "COPY"


@dataclass(frozen=True, slots=True)
class _Target:
    """What a load goes into."""

    relation: Relation
    chosen: list[TableColumn]
    fresh: bool
    """Whether the transaction may be begun again."""
    progress: Progress


async def _load(
    work: Work, engine: DuckDbEngine, command: Copy, target: _Target, selection: Selection | None
) -> Loaded:
    options, relation, chosen, fresh = command.options, target.relation, target.chosen, target.fresh
    progress = target.progress
    fillers = filled(work, relation, frozenset(column.name for column in chosen))
    variables = work.session.variables.fresh(work.session, needs(" ".join(filler.sql for filler in fillers))[0])
    connection = engine.connection

    def run() -> Loaded:
        progress.restart()
        for name, value in variables:
            connection.execute(f"SET VARIABLE {name} = {constant(value)}")
        plan = CopyPlan(
            table=relation.name,
            engine_name=relation.engine_name,
            columns=tuple(load_column(item) for item in chosen),
            fillers=fillers,
            layout=_layout(options, _paths(work, command)),
            conversion=_conversion(options),
            max_errors=options.number("maxerror"),
            all_errors=options.on("ignoreallerrors"),
            no_load=options.on("noload"),
        )
        _check(plan, command)
        if command.source.startswith(_DYNAMODB):
            return _load_items(work, command, connection, plan, target)
        if "readratio" in options:
            raise not_supported("READRATIO with COPY from Amazon S3")
        if extension := _EXTENSIONS.get(plan.layout.format):
            work.warehouse.database.extend(extension)
        store = open_store(work, command.source, command.credentials, options)
        where = location(command.source)
        if selection is not None:
            objects = selection.chosen(connection, existing(store, where))
        else:
            objects = manifest_files(store, where) if options.on("manifest") else files(store, where)
        done = load(connection, plan, store, objects, fresh=fresh, progress=progress)
        if selection is not None:
            selection.loaded(connection, objects)
        return replace(done, files=tuple((item.location, item.size_bytes) for item in objects))

    return await engine.work(run, fresh=fresh)


def _load_items(work: Work, command: Copy, connection: Connection, plan: CopyPlan, target: _Target) -> Loaded:
    options = command.options
    ratio = options.number("readratio")
    if not ratio:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "COPY from DynamoDB needs READRATIO")
    if given := sorted(_NOT_FOR_ITEMS & options.keys()):
        raise not_supported(f"{given[0].upper()} with COPY from DynamoDB")
    table = open_table(work, command.source.removeprefix(_DYNAMODB), command.credentials, options)
    plan = replace(plan, layout=Layout(format=Format.JSON, json_ignore_case=True))
    with items_as_documents(plan, command.source, table.items(ratio)) as kept:
        done = load(connection, plan, kept, kept.objects(), fresh=target.fresh, progress=target.progress)
        return replace(done, files=tuple((item.location, item.size_bytes) for item in kept.objects()))


def load_column(column: TableColumn) -> LoadColumn:
    """Return a column as ``engine.load`` knows it."""
    return LoadColumn(name=column.name, type=column.type, not_null=column.not_null, stored_as=column.stored_as)


def filled(work: Work, relation: Relation, given: frozenset[str]) -> tuple[Filler, ...]:
    """Return what the columns of *relation* that are not *given* get: their IDENTITY or DEFAULT."""
    found = []
    for column in relation.columns:
        if column.name in given:
            continue
        if (identity := column.identity) is not None:
            first, step = work.warehouse.identities.counter(relation.oid, identity.seed).next, identity.step
            found.append(Filler(name=column.engine_name, sql=f"{first} + {step} * (row_number() OVER () - 1)"))
        elif column.default is not None:
            found.append(Filler(name=column.engine_name, sql=work.expression(column.default)))
    return tuple(found)


def count_identities(work: Work, relation: Relation, chosen: list[TableColumn], rows: int) -> None:
    """Count the IDENTITY values that *rows* new rows have used, where the files gave none."""
    for column in relation.columns:
        if column.identity is not None and column not in chosen:
            work.tx.notes.reserve(relation.oid, column.identity.step, rows)


def _chosen(relation: Relation, names: tuple[str, ...], *, explicit: bool) -> list[TableColumn]:
    """Return the columns that the files' fields go into."""
    if not names:
        return [
            column for column in relation.columns if explicit or column.identity is None or column.identity.by_default
        ]
    found: list[TableColumn] = []
    for name in names:
        column = relation.column(name)
        if column is None:
            raise SqlError(
                SqlState.UNDEFINED_COLUMN,
                f"column {quote_if_needed(name)} of relation {quote_if_needed(relation.name)} does not exist",
            )
        if column in found:
            raise SqlError(SqlState.DUPLICATE_COLUMN, f'column "{name}" specified more than once')
        if column.identity is not None and not explicit and not column.identity.by_default:
            raise SqlError(
                SqlState.FEATURE_NOT_SUPPORTED,
                f'cannot set an identity column to a value: "{name}"',
                hint="Use EXPLICIT_IDS to load values into an IDENTITY column.",
            )
        found.append(column)
    return found


def _layout(options: Given, paths: tuple[str, ...] | None) -> Layout:
    form = _FORMATS[options.format]
    word = (options.text(options.format) or "auto").lower()
    return Layout(
        format=form,
        compression=compression(options),
        delimiter=options.text("delimiter") or ("," if form is Format.CSV else "|"),
        quote=options.text("quote") or '"',
        escape=options.on("escape"),
        remove_quotes=options.on("removequotes"),
        ignore_header=options.number("ignoreheader"),
        ignore_blank_lines=options.on("ignoreblanklines"),
        fill_record=options.on("fillrecord"),
        null_as=options.text("null", r"\N") or "",
        replace_invalid=(options.text("acceptinvchars") or "?") if "acceptinvchars" in options else None,
        json_paths=paths,
        json_ignore_case=word == "auto ignorecase",
        json_whole=word == "noshred",
        widths=tuple(width for _, width in widths(options)),
        simplify=_simplification(options),
        encoding=_encoding(options),
    )


def _simplification(options: Given) -> Simplification | None:
    said = options.text("simplify")
    if said is None:
        return None
    automatic = options.on("simplify_auto")
    try:
        tolerance = float(said) if said else -1.0 if automatic else 0.0
    except ValueError:
        tolerance = math.nan
    if not math.isfinite(tolerance) or (said and tolerance < 0):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "SIMPLIFY needs a tolerance of zero or more")
    return Simplification(tolerance=tolerance, automatic=automatic)


def _paths(work: Work, command: Copy) -> tuple[str, ...] | None:
    """Return the JSONPath expressions where JSON names a file of them."""
    said = command.options.text(command.options.format)
    if command.options.format not in {"json", "avro"} or said is None or said.lower() in _JSON_WORDS:
        return None
    return json_paths(open_store(work, said, command.credentials, command.options), location(said))


def _encoding(options: Given) -> str:
    said = (options.text("encoding") or "utf8").lower().replace("-", "")
    if said not in _ENCODINGS:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"invalid encoding {said}")
    return _ENCODINGS[said]


def compression(options: Given) -> Compression:
    """Return the packing that COPY's or UNLOAD's parameters name."""
    return next((kind for kind in Compression if kind and options.on(kind.value)), Compression.NONE)


def widths(options: Given) -> tuple[tuple[str, int], ...]:
    """Return FIXEDWIDTH's fields as (label, characters)."""
    said = options.text("fixedwidth")
    if said is None:
        return ()
    found = [_WIDTH.match(part) for part in said.split(",")]
    if not all(found):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"invalid fixed width specification '{said}'")
    return tuple((part[1].strip(), int(part[2])) for part in found if part)


def _conversion(options: Given) -> Conversion:
    return Conversion(
        blanks_as_null=options.on("blanksasnull"),
        empty_as_null=options.on("emptyasnull"),
        trim_blanks=options.on("trimblanks"),
        truncate_columns=options.on("truncatecolumns"),
        round_decimals=options.on("roundec"),
        accept_any_date=options.on("acceptanydate"),
        date_format=_timely(options.text("dateformat"), ("auto",)),
        time_format=_timely(options.text("timeformat"), ("auto", *_EPOCHS)),
    )


def _timely(said: str | None, words: tuple[str, ...]) -> str:
    if not said:
        return ""
    if said.lower() in words:
        return said.lower()
    directives(said)
    return said


def _check(plan: CopyPlan, command: Copy) -> None:
    if command.options.on("encrypted") and command.credentials.master_symmetric_key is None:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "ENCRYPTED needs MASTER_SYMMETRIC_KEY")
    count = len(plan.columns)
    paths, fields = plan.layout.json_paths, plan.layout.widths
    if paths is not None and len(paths) != count:
        raise SqlError(
            SqlState.INTERNAL_ERROR,
            "Number of jsonpaths and the number of columns should match. "
            f"JSONPath size: {len(paths)}, Number of columns in table or column list: {count}",
        )
    if fields and len(fields) != count:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "FIXEDWIDTH does not give a width for every column")
    if plan.layout.json_whole and (count != 1 or plan.columns[0].type.type.name != "super"):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "JSON 'noshred' needs a single column of type SUPER")


def _remembered(command: Copy, relation: Relation, loaded: Loaded, started: datetime) -> Load:
    return Load(
        relation=relation.oid,
        relation_name=relation.name,
        source=command.source,
        format=command.options.format,
        started=started,
        rows=loaded.rows,
        errors=len(loaded.rejections),
        files=loaded.files,
    )


async def _record(
    work: Work, relation: Relation, rejections: tuple[Rejection, ...], started: datetime, job: int
) -> None:
    """Keep rejected records for STL_LOAD_ERRORS, whatever becomes of the transaction."""
    if not rejections:
        return
    session = work.session
    occasion = Occasion(
        user=work.principal.oid,
        table=relation.oid,
        started=started,
        session=session.pid,
        query=session.query,
        job=job,
    )
    rows = error_rows(rejections, occasion)
    # Two commits to the lake at one moment would be in each other's way.
    async with work.warehouse.commit_lock:
        await work.warehouse.executor.run(lambda: work.warehouse.journal.append("load_errors", rows))
