"""COPY table FROM files: what a statement means to ``engine.load``, and what it leaves behind.

Redshift, "COPY". Bad records go to the journal, outside the transaction that a failure rolls back.
"""

from dataclasses import dataclass
from typing import Final

from catalog.model import Relation, TableColumn
from core.errors import SqlError, info, not_supported
from core.sqlstate import SqlState
from engine.cursors import Connection, DuckDbEngine, constant
from engine.load import source
from engine.load.copy import LoadFailedError, load, error_rows
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
)
from session.context import Work
from session.locks import Mode
from sql.commands.copy import Copy, Credentials
from sql.options import Given
from storage.objects import Keys, ObjectStore, StoredObject

_FORMATS: Final = {
    "text": Format.DELIMITED,
    "csv": Format.CSV,
    "json": Format.JSON,
    "parquet": Format.PARQUET,
}
_AUTO: Final = frozenset({"auto", "auto ignorecase"})


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the data lies."""

    store: ObjectStore
    objects: list[StoredObject]
    json_paths: tuple[str, ...] | None


async def copy(work: Work, engine: DuckDbEngine, command: Copy) -> str:
    """COPY table FROM 'place' credentials parameters."""
    relation = work.find_table(command.table)
    chosen = _chosen(relation, command)
    work.require("INSERT", relation, frozenset(column.name for column in chosen))
    fresh = work.tx.single
    relation = await work.lock(relation, Mode.SHARE_ROW_EXCLUSIVE)
    found = await engine.work(lambda: _find(work, command))
    identity = _drawn(relation, chosen)
    plan = _plan(work, relation, chosen, command, found.json_paths)

    def run() -> Loaded:
        if identity is not None:
            _set_identity(engine.connection, work, relation, identity)
        return load(engine.connection, plan, found.store, found.objects, fresh=fresh)

    try:
        loaded = await engine.work(run)
    except LoadFailedError as error:
        await _journal(work, relation, error.rejections)
        raise
    if identity is not None and identity.identity is not None:
        work.tx.reserve(relation.oid, identity.identity.step, loaded.rows)
    await _journal(work, relation, loaded.rejections)
    work.session.last_copy = (work.session.query, loaded.rows)
    work.notice(info(LOADED.format(table=relation.name, rows=loaded.rows)))
    if loaded.rejections:
        work.notice(info(NOT_LOADED.format(table=relation.name, rows=len(loaded.rejections))))
    return "COPY"


def store_for(work: Work, place: str, credentials: Credentials, options: Given) -> ObjectStore:
    """Return the store that *credentials* open for *place*; raises 42501 and its kin."""
    keys = None
    if credentials.access_key_id is not None:
        keys = Keys(
            access_key_id=credentials.access_key_id,
            secret_access_key=credentials.secret_access_key or "",
            session_token=credentials.session_token or "",
        )
    role = ",".join(credentials.iam_roles) or None
    return work.limits.stores.store(place, role=role, keys=keys, region=options.text("region") or "")


def compression(options: Given) -> Compression:
    """Return the compression that a statement names."""
    return next((item for item in Compression if item.value and options.on(item.value)), Compression.NONE)


def local(place: str) -> str:
    """Return a place with ``file://`` taken off."""
    return place.removeprefix("file://")


def _find(work: Work, command: Copy) -> _Source:
    place, options = local(command.source), command.options
    if "://" in place and not place.startswith("s3://"):
        raise not_supported(f"COPY from {place.partition('://')[0]}")
    store = store_for(work, place, command.credentials, options)
    listed = source.manifest_files if options.on("manifest") else source.files
    paths = None
    given = options.text("json", "auto") or "auto"
    if options.format == "json" and given not in _AUTO:
        if given == "noshred":
            raise not_supported("COPY with JSON 'noshred'")
        paths = source.json_paths(store_for(work, given, command.credentials, options), given)
    return _Source(store, listed(store, place), paths)


def _chosen(relation: Relation, command: Copy) -> list[TableColumn]:
    names = command.columns
    explicit = command.options.on("explicit_ids")
    if not names:
        return [column for column in relation.columns if explicit or column.identity is None or _by_default(column)]
    found = []
    for name in names:
        column = relation.column(name)
        if column is None:
            raise SqlError(
                SqlState.UNDEFINED_COLUMN, f'column "{name}" of relation "{relation.name}" does not exist'
            )
        if column.identity is not None and not explicit and not _by_default(column):
            raise SqlError(SqlState.INVALID_COLUMN_REFERENCE, "cannot set an identity column to a value")
        found.append(column)
    return found


def _by_default(column: TableColumn) -> bool:
    return column.identity is not None and column.identity.by_default


def _drawn(relation: Relation, chosen: list[TableColumn]) -> TableColumn | None:
    """Return the IDENTITY column that the files do not fill."""
    names = {column.name for column in chosen}
    return next((item for item in relation.columns if item.identity and item.name not in names), None)


def _set_identity(connection: Connection, work: Work, relation: Relation, column: TableColumn) -> None:
    if column.identity is not None:
        counter = work.warehouse.identity(relation.oid, column.identity.seed)
        connection.execute(f"SET VARIABLE identity_{relation.oid} = {constant(counter.next)}")
        work.session.forget_variable(f"identity_{relation.oid}")


def _plan(
    work: Work, relation: Relation, chosen: list[TableColumn], command: Copy, json_paths: tuple[str, ...] | None
) -> CopyPlan:
    options = command.options
    return CopyPlan(
        table=relation.name,
        engine_name=relation.engine_name,
        columns=tuple(LoadColumn(name=item.name, type=item.type, not_null=item.not_null) for item in chosen),
        fillers=_fillers(work, relation, {column.name for column in chosen}),
        layout=_layout(options, json_paths),
        conversion=_conversion(options),
        max_errors=options.number("maxerror"),
        all_errors=options.on("ignoreallerrors"),
        no_load=options.on("noload"),
    )


def _fillers(work: Work, relation: Relation, names: set[str]) -> tuple[Filler, ...]:
    found = []
    for column in relation.columns:
        if column.name in names:
            continue
        if column.identity is not None:
            variable = f"getvariable('identity_{relation.oid}')"
            step = column.identity.step
            found.append(Filler(name=column.name, sql=f"{variable} + {step} * (row_number() OVER () - 1)"))
        elif column.default is not None:
            found.append(Filler(name=column.name, sql=work.expression(column.default)))
    return tuple(found)


def _layout(options: Given, json_paths: tuple[str, ...] | None) -> Layout:
    kind = _FORMATS.get(options.format)
    if kind is None:
        raise not_supported(f"COPY with {options.format.upper()}")
    if (options.text("encoding") or "utf8").lower().replace("-", "") != "utf8":
        raise not_supported("an ENCODING other than UTF8")
    invalid = options.text("acceptinvchars", "?") if options.on("acceptinvchars") else None
    return Layout(
        format=kind,
        compression=compression(options),
        delimiter=options.text("delimiter") or ("," if kind is Format.CSV else "|"),
        quote=options.text("quote") or '"',
        escape=options.on("escape"),
        remove_quotes=options.on("removequotes"),
        ignore_header=options.number("ignoreheader"),
        ignore_blank_lines=options.on("ignoreblanklines"),
        fill_record=options.on("fillrecord"),
        null_as=options.text("null", r"\N") or "",
        replace_invalid=invalid,
        json_paths=json_paths,
        json_ignore_case=options.text("json") == "auto ignorecase",
    )


def _conversion(options: Given) -> Conversion:
    return Conversion(
        blanks_as_null=options.on("blanksasnull"),
        empty_as_null=options.on("emptyasnull"),
        trim_blanks=options.on("trimblanks"),
        truncate_columns=options.on("truncatecolumns"),
        round_decimals=options.on("roundec"),
        accept_any_date=options.on("acceptanydate"),
        date_format=options.text("dateformat") or "",
        time_format=options.text("timeformat") or "",
    )


async def _journal(work: Work, relation: Relation, rejections: tuple[Rejection, ...]) -> None:
    if not rejections:
        return
    session = work.session
    rows = error_rows(
        rejections,
        user=session.user.oid,
        table=relation.oid,
        started=session.query_started.replace(tzinfo=None),
        session=session.pid,
        query=session.query,
    )
    await work.warehouse.executor.run(lambda: work.warehouse.journal.append("load_errors", rows))
