"""Rows that a client sends in bulk: the table is made or found, the rows are loaded as COPY FROM STDIN loads.

Apache Arrow, format/FlightSql.proto, CommandStatementIngest.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import pyarrow as pa

from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from core.types import Column, ColumnType, with_length
from engine.results import column_type
from flight.messages import APPEND_TO_TABLE, CREATE_TABLE, FAIL_ON_TABLE, REPLACE_TABLE
from flight.seams import Codec
from flight.shapes import plain, plain_schema
from session.answers import counted
from session.calls import run
from session.session import Session
from session.statements.stdio import StdinCopy

Next = Callable[[], Awaitable[pa.RecordBatch | None]]
_TEXT: Final = with_length("varchar", 65_535)
_BYTES: Final = with_length("varbyte", 1_024_000)


class Ingest:
    """One bulk load."""

    def __init__(self, fields: Mapping[str, Any], schema: pa.Schema, rows: Next, codec: Codec) -> None:
        """Load what *rows* gives, as the command's *fields* say."""
        options = fields.get("table_definition_options", {})
        self._absent = options.get("if_not_exist", CREATE_TABLE)
        self._present = options.get("if_exists", FAIL_ON_TABLE)
        self._table = fields.get("table", "")
        self._schema_name = fields.get("schema", "")
        self._temporary = bool(fields.get("temporary"))
        self._catalog = fields.get("catalog", "")
        self._arrow = plain_schema(schema)
        self._columns = tuple(Column(item.name, _declared(item.type)) for item in self._arrow)
        self._nullable = [item.nullable for item in schema]
        self._rows = rows
        self._codec = codec

    async def __call__(self, session: Session) -> int:
        """Load; return the number of rows."""
        if not self._table or not self._columns:
            raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "a table's name and at least one column are needed")
        if self._catalog and self._catalog != session.database.name:
            raise not_supported("loading into another database")
        await self._prepare(session)
        names = ", ".join(quote(column.name) for column in self._columns)
        total = 0
        async for answer in session.simple(f"COPY {self._name} ({names}) FROM STDIN WITH (FORMAT csv)"):
            assert isinstance(answer, StdinCopy)  # noqa: S101 - what COPY FROM STDIN answers
            await self._feed(answer, session)
            total = counted(await answer.finish())
        return total

    async def _feed(self, answer: StdinCopy, session: Session) -> None:
        batches = answer.columnar(self._arrow)
        encode = self._codec.csv(self._columns, session.output_style)
        try:
            while (batch := await self._rows()) is not None:
                if batch.num_rows and batches is not None:
                    await asyncio.to_thread(batches.write_batch, plain(batch))
                elif batch.num_rows:
                    await answer.write(await asyncio.to_thread(encode, plain(batch)))
        except BaseException:
            await answer.fail("the client broke off")
            raise

    @property
    def _name(self) -> str:
        if self._temporary or not self._schema_name:
            return quote(self._table)
        return f"{quote(self._schema_name)}.{quote(self._table)}"

    async def _prepare(self, session: Session) -> None:
        exists = await self._exists(session)
        if exists and self._present == REPLACE_TABLE:
            await run(session, f"DROP TABLE {self._name}")
            exists = False
        elif exists and self._present != APPEND_TO_TABLE:
            raise SqlError(SqlState.DUPLICATE_TABLE, f'relation "{self._table}" already exists')
        if not exists:
            if self._absent != CREATE_TABLE:
                raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{self._table}" does not exist')
            await run(session, self._definition)

    async def _exists(self, session: Session) -> bool:
        schema = self._schema_name or None
        batches = await run(
            session,
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relname = lower($1) AND c.relkind IN ('r', 'v') AND CASE WHEN $2 <> '' THEN n.nspname = lower($2) "
            "ELSE pg_table_is_visible(c.oid) END",
            lambda _: (self._table, schema or ""),
        )
        return bool(batches and batches[0].column(0)[0].as_py())

    @property
    def _definition(self) -> str:
        columns = ", ".join(
            f"{quote(column.name)} {column.type}{'' if nullable else ' NOT NULL'}"
            for column, nullable in zip(self._columns, self._nullable, strict=True)
        )
        return f"CREATE {'TEMPORARY ' if self._temporary else ''}TABLE {self._name} ({columns})"


def _declared(arrow: pa.DataType) -> ColumnType:
    """Return the type of a column for values of *arrow*: as long as it may be where that is not known."""
    if pa.types.is_nested(arrow):
        raise not_supported(f"loading values of the type {arrow}")
    kind = column_type(arrow)
    return {"varchar": _TEXT, "varbyte": _BYTES}.get(kind.type.name, kind)
