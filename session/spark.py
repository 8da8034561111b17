"""Which queries a Spark cluster runs, and how one is sent there: written, its tables handed over, its rows taken.

Whatever keeps a query from the cluster leaves it to DuckDB, with a notice that says what it was: that the cluster is
away, that the query or a table's rows are not fit, that the cluster failed before its first row. So an error that a
query has is always DuckDB's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from catalog.model import Relation, Schema
from core.errors import notice
from engine.spark.cluster import ROW_BY_ROW, AwayError, Conversation, RefusedError, SparkCluster, SparkStream
from session.answers import Value
from session.rewriting import inlined
from session.variables import variable_of
from sql.spark.scope import Table, Used
from sql.spark.statement import SparkQuery, spark_query
from sql.spark.values import Kind, UnfitError
from storage.handover import Files, Handed, Handover, NotHandedError, Stored

if TYPE_CHECKING:
    from session.context import Work
    from session.plans import Plan
    from session.session import Session

_log = logging.getLogger(__name__)
SETTING: Final = "duckshift.engine"


class SparkEngine:
    """The second engine, for all sessions."""

    def __init__(self, cluster: SparkCluster, handover: Handover, *, scan_bytes: int) -> None:
        """Send to *cluster*; *scan_bytes* is from which size of its tables on a query goes there by itself, 0: none."""
        self.cluster = cluster
        self.handover = handover
        self.scan_bytes = scan_bytes


def wanted(work: "Work", plan: "Plan") -> bool:
    """Tell whether a query is for the cluster: by the session's setting, by its queue, by what it scans."""
    choice = work.settings.get(SETTING)
    if not plan.tables or choice != "auto":
        return bool(plan.tables) and choice == "spark"
    engine = work.limits.spark
    if engine is None:
        return False
    choice = work.session.admission.queue.engine
    if choice:
        return choice == "spark"
    return bool(engine.scan_bytes) and work.warehouse.estimates.stored(plan) >= engine.scan_bytes


async def remark(work: "Work", plan: "Plan") -> list[str]:
    """Return what EXPLAIN says of a query that is for the cluster; parameters are taken as NULL."""
    engine = work.limits.spark
    if engine is None or not wanted(work, plan):
        return []
    try:
        sending = _Sending(work, plan, engine)
        await sending.written((None,) * len(plan.translated.parameter_types), sending.relations())
    except UnfitError as error:
        return [f"----- DuckDB runs this query: Spark is not known to answer {error} alike -----"]
    return ["----- Spark runs this query -----"]


async def sent(work: "Work", plan: "Plan", parameters: tuple[Value, ...], sql: str = "") -> "Sent | None":
    """Run a query on the cluster, the part *sql* of the engine SQL if that is given; None where DuckDB has to."""
    engine, told = work.limits.spark, True
    try:
        if engine is None:
            raise AwayError("none is configured (spark.url)")
        return await _Sending(work, plan, engine, sql).run(parameters)
    except UnfitError as error:
        why = f"Spark is not known to answer {error} alike"
    except NotHandedError as error:
        why = str(error)
    except AwayError as error:
        why = f"the Spark cluster is away: {error}"
    except (RefusedError, pa.ArrowException):
        # What failed may have been a value that is masked.
        told = not any(guard.masks for _, guard in plan.translated.guarded)
        why = "the Spark cluster could not run it"
    _log.info("a statement stays with DuckDB", extra={"reason": why, "query": work.session.query})
    if told:
        work.notice(notice(f"DuckDB runs this statement: {why}"))
    return None


class Sent:
    """A query's rows on their way from the cluster (``session.streams.Source``)."""

    def __init__(
        self, session: "Session", stream: SparkStream, schema: pa.Schema, forget: Callable[[], Awaitable[None]]
    ) -> None:
        self.schema = schema
        """What the engine would call the columns, and their types there."""
        self.plain = stream.schema
        """The types that the rows come in."""
        self._session = session
        self._stream = stream
        self._forget: Callable[[], Awaitable[None]] | None = forget
        self._task: asyncio.Task[None] | None = None

    async def next(self) -> pa.RecordBatch | None:
        """Return the next rows, None at the end."""
        # A cursor is read by other statements than the one that began it, which can be cancelled as well.
        self._session.conversation = self._stream.conversation
        try:
            batch = await self._stream.next()
        except BaseException:
            self.close()
            raise
        if batch is None:
            self.close()
        return batch

    def close(self) -> None:
        """Give up what was not read, and what was written for it."""
        self._stream.close()
        if self._forget is not None:
            self._task = asyncio.ensure_future(self._forget())
            self._forget = None


class _Sending:
    """One query on its way to the cluster."""

    def __init__(self, work: "Work", plan: "Plan", engine: SparkEngine, sql: str = "") -> None:
        self._work, self._plan, self._engine = work, plan, engine
        self._sql = sql or plan.translated.engine_sql
        self._handed: list[Handed] = []

    async def run(self, parameters: tuple[Value, ...]) -> Sent:
        """Send the query and wait for its first rows."""
        work, plan = self._work, self._plan
        relations = self.relations()
        query = await self.written(parameters, relations)
        schema = await work.engine.describe(
            self._sql, len(plan.translated.parameter_types), work.prepare(plan, parameters)
        )
        target = _target(schema, query.columns)
        conversation = self._engine.cluster.conversation()
        work.session.conversation = conversation
        try:
            kinds = {kind for used in query.tables.values() for _, kind in used.columns.values()}
            await conversation.begin(ROW_BY_ROW if kinds & {"FLOAT", "DOUBLE"} else ())
            await self._hand_over(conversation, query, relations)
            call = conversation.query(query.sql)
            stream = SparkStream(conversation, call, target, await conversation.read(call))
        except BaseException as error:
            if isinstance(error, AwayError):
                conversation.lost()
            conversation.close()
            await self._forget()
            raise
        return Sent(work.session, stream, schema, self._forget)

    def relations(self) -> dict[str, Relation]:
        """Return the tables that are read, by their engine names; raises ``UnfitError`` for other things."""
        plan, work = self._plan, self._work
        translated = plan.translated
        if plan.sources or plan.external or translated.externals or translated.effects or translated.spatial:
            raise UnfitError("what lies outside the stored tables")
        if any(guard.rows for _, guard in translated.guarded):
            # Nothing of a cluster's keeps an expression of the statement's from rows that are hidden (decision 24).
            raise UnfitError("row-level security")
        found = [item for oid in plan.tables if isinstance(item := work.state.objects.get(oid), Relation)]
        if any(work.tx.changes.puts.keys() & {item.oid, item.schema} and not item.temporary for item in found):
            raise UnfitError("a table that the transaction has made or altered")
        return {item.engine_name: item for item in found}

    async def written(self, parameters: tuple[Value, ...], relations: Mapping[str, Relation]) -> SparkQuery:
        """Return the query as Spark SQL; raises ``UnfitError``."""
        sql, left = inlined(self._sql, parameters)
        if left:
            raise UnfitError("parameters of other types than text and whole numbers")
        tables = {
            name: Table({column.engine_name: column.type.engine() for column in relation.columns})
            for name, relation in relations.items()
        }
        variables = {name: variable_of(self._work.session, name) for name in self._plan.variables}
        variables["TimeZone"] = self._work.settings.get("timezone")

        def value(name: str) -> str | None:
            found = variables.get(name)
            if found is not None and not isinstance(found, str):
                raise UnfitError("a session's variable that is no text")
            return found

        return await asyncio.to_thread(spark_query, sql, tables, value)

    async def _hand_over(
        self, conversation: Conversation, query: SparkQuery, relations: Mapping[str, Relation]
    ) -> None:
        work, handover = self._work, self._engine.handover
        places = [(self._stored(relations[name]), list(used.columns)) for name, used in query.tables.items()]
        connection, single = work.engine.connection, work.tx.single

        def hand_over() -> None:
            # One moment for all tables: that of the transaction, or of one made for it.
            if single:
                connection.execute("BEGIN")
            try:
                for stored, columns in places:
                    self._handed.append(handover.table(connection, stored, columns))
            finally:
                if single:
                    connection.execute("ROLLBACK")

        await work.engine.work(hand_over)
        number = 0
        for used, handed in zip(query.tables.values(), self._handed, strict=True):
            parts = []
            for files in handed.files:
                number += 1
                paths = [_reached(path) for path in files.paths]
                source = {"format": "parquet", "paths": paths, "options": _OPTIONS}
                await conversation.view(f"f{number}", {"read": {"data_source": source}})
                parts.append(_part(f"f{number}", used, files))
            if handed.rows is not None and (handed.rows.num_rows or not parts):
                number += 1
                await conversation.view(f"f{number}", {"local_relation": {"data": _stream(handed.rows, used)}})
                inline = Files((), {name: called for name, (called, _) in used.columns.items()})
                parts.append(_part(f"f{number}", used, inline))
                handed.rows = None
            await conversation.view(used.view, {"sql": {"query": " UNION ALL ".join(parts) or _nothing(used)}})

    def _stored(self, relation: Relation) -> Stored:
        schema = self._work.state.objects.get(relation.schema)
        if relation.temporary or not isinstance(schema, Schema):
            return Stored(relation.engine_name, "", "")
        return Stored(relation.engine_name, schema.engine_name, relation.engine_table)

    async def _forget(self) -> None:
        handed = [each for each in self._handed if each.written]
        if handed:
            try:
                await asyncio.to_thread(self._engine.handover.forget, handed)
            except Exception as error:  # noqa: BLE001 - of the object store's client; the rows were sent
                _log.warning("could not remove what was handed over", extra={"reason": type(error).__name__})


# Directories are called key=value where a table has partitions; the columns are in the files too.
_OPTIONS: Final = [{"key": "recursiveFileLookup", "value": "true"}]


def _reached(path: str) -> str:
    # Hadoop's name of what all others call s3.
    return f"s3a://{path.removeprefix('s3://')}" if path.startswith("s3://") else path


def _part(view: str, used: Used, files: Files) -> str:
    """Return the SQL of a table's columns as some of its files have them."""
    items = []
    for name, (called, kind) in used.columns.items():
        own = files.names[name]
        quoted = "NULL" if own is None else "`" + own.replace("`", "``") + "`"
        items.append(f"CAST({quoted} AS {kind}) AS {called}")
    return f"SELECT {', '.join(items) or '1 AS n0'} FROM {view}"


def _nothing(used: Used) -> str:
    items = [f"CAST(NULL AS {kind}) AS {called}" for called, kind in used.columns.values()]
    return f"SELECT {', '.join(items) or '1 AS n0'} LIMIT 0"


def _stream(rows: pa.Table, used: Used) -> bytes:
    """Return rows as an Arrow stream in types that Spark knows, columns called as the query does."""
    if used.columns:
        fields = [pa.field(called, _arrow(kind)) for called, kind in used.columns.values()]
        schema = pa.schema(fields)
        arrays = [column.cast(item.type) for column, item in zip(rows.columns, schema, strict=True)]
        rows = pa.Table.from_arrays(arrays, schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    data: bytes = sink.getvalue().to_pybytes()
    return data


_ARROW: Final = {
    "BOOLEAN": pa.bool_(), "SMALLINT": pa.int16(), "INT": pa.int32(), "BIGINT": pa.int64(), "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(), "STRING": pa.string(), "BINARY": pa.binary(), "DATE": pa.date32(),
    "TIMESTAMP_NTZ": pa.timestamp("us"), "TIMESTAMP": pa.timestamp("us", "UTC"),
}  # fmt: skip


def _arrow(spark: str) -> pa.DataType:
    found = _ARROW.get(spark)
    if found is None:
        precision, scale = spark.removeprefix("DECIMAL(").removesuffix(")").split(",")
        found = pa.decimal128(int(precision), int(scale))
    return found


def _target(schema: pa.Schema, kinds: Sequence[Kind]) -> pa.Schema:
    """Return the types that the cluster's rows are brought to: the engine's own, in the forms that all know.

    Raises ``UnfitError`` where what was written has other types than what the engine plans: something was taken for
    what it is not.
    """
    if len(schema) != len(kinds):
        raise UnfitError("a query of other columns")
    fields = []
    for field, kind in zip(schema, kinds, strict=True):
        plain = _plain(field.type)
        if kind.name != "NULL" and not _agree(plain, _arrow(kind.spark)):
            raise UnfitError(f"a column of type {kind.name}")
        fields.append(pa.field(field.name, plain))
    return pa.schema(fields)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal(kind):
        return pa.decimal128(kind.precision, kind.scale)
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_binary_view(kind) or pa.types.is_large_binary(kind):
        return pa.binary()
    return kind.storage_type if isinstance(kind, pa.ExtensionType) else kind


def _agree(engine: pa.DataType, spark: pa.DataType) -> bool:
    if pa.types.is_decimal(engine):
        return bool(pa.types.is_decimal(spark) and engine.scale == spark.scale)
    if pa.types.is_timestamp(engine):
        return bool(pa.types.is_timestamp(spark) and bool(engine.tz) is bool(spark.tz))
    return bool(engine == spark)
