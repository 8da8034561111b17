"""The careful way in: records taken apart by ourselves, checked in DuckDB, faults told by line and column.

Good records are put aside as text while the files are read, and inserted by one statement at the end, so
that a load is all or nothing and nothing here ever fails half-way in the session's transaction.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Final

import duckdb
import pyarrow as pa

from core.names import quote
from engine.load.documents import documents
from engine.load.plan import CopyPlan, Format, LoadColumn, Rejection, Replacement
from engine.load.progress import Progress
from engine.load.records import Field, Record, records
from engine.load.values import cut, diagnose, faulty, strict_sql

_CHUNK_RECORDS: Final = 20_000
_CHUNK_CHARS: Final = 32 << 20
_SPOOL_MEMORY_BYTES: Final = 8 << 20
_CHUNK: Final = "duckshift_load_chunk"
_GOOD: Final = "duckshift_load_good"
# Beside the columns of the user's table, which may be called anything shorter.
_NUMBER: Final = "duckshift_load_number"
_FLAGS: Final = "duckshift_load_flags"
_RAW_CHARS: Final = 1_024
"""STL_LOAD_ERRORS keeps this much of a line and of a value."""
_REPLACEMENTS: Final = 100
"""STL_REPLACEMENTS keeps so many records of a load."""


class TooManyErrorsError(Exception):
    """The limit of rejected records was met."""


@dataclass(slots=True)
class _Chunk:
    records: list[Record] = field(default_factory=list)
    rows: list[list[Field]] = field(default_factory=list)
    chars: int = 0

    def add(self, record: Record, fields: list[Field]) -> None:
        self.records.append(record)
        self.rows.append(fields)
        self.chars += len(record.raw)

    @property
    def full(self) -> bool:
        return len(self.records) >= _CHUNK_RECORDS or self.chars >= _CHUNK_CHARS


class CarefulLoad:
    """One load: feed it the files one by one, then insert what was good."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, plan: CopyPlan, progress: Progress) -> None:
        """Check fields on *connection*; nothing done there can fail for what the files hold."""
        self._connection = connection
        self._plan = plan
        self._progress = progress
        self.rejections: list[Rejection] = []
        self.replacements: list[Replacement] = []
        self.good = 0
        self._limit = float("inf") if plan.all_errors else max(1, plan.max_errors)
        self._schema = pa.schema([(column.engine_name, pa.string()) for column in plan.columns])
        self._spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_MEMORY_BYTES)  # noqa: SIM115 - closed by close()
        self._writer = pa.ipc.new_stream(self._spool, self._schema)
        flags = ", ".join(faulty(column, quote(column.engine_name), plan.conversion) for column in plan.columns)
        self._check = (
            f"SELECT {_NUMBER}, {_FLAGS} FROM (SELECT {_NUMBER}, [{flags}] AS {_FLAGS} FROM {_CHUNK}) "
            f"WHERE list_contains({_FLAGS}, true)"
        )

    def read(self, filename: str, stream: IO[bytes]) -> None:
        """Read a file's records; raises ``TooManyErrorsError`` when the limit is met."""
        plan = self._plan
        found = (
            documents(stream, plan.layout, plan.columns)
            if plan.layout.format is Format.JSON
            else records(stream, plan.layout, len(plan.columns))
        )
        for chunk, unread in self._chunks(filename, found):
            rejected = [*unread, *self._settle(filename, chunk)]
            self.rejections += sorted(rejected, key=lambda item: item.line_number)
            if len(self.rejections) >= self._limit:
                del self.rejections[int(self._limit) :]
                raise TooManyErrorsError

    def insert(self) -> int:
        """Insert the good records into the table; return how many there were."""
        self._writer.close()
        self._spool.seek(0)
        plan = self._plan
        values = [strict_sql(column, quote(column.engine_name), plan.conversion) for column in plan.columns]
        target = ", ".join(quote(name) for name in plan.target())
        chosen = ", ".join([*values, *(filler.sql for filler in plan.fillers)])
        self._connection.register(_GOOD, pa.ipc.open_stream(self._spool))
        try:
            self._connection.execute(f"INSERT INTO {plan.engine_name} ({target}) SELECT {chosen} FROM {_GOOD}")
        finally:
            self._connection.unregister(_GOOD)
        return self.good

    def close(self) -> None:
        """Give the space back."""
        self._spool.close()

    def _chunks(self, filename: str, found: Iterable[Record]) -> Iterator[tuple[_Chunk, list[Rejection]]]:
        chunk, rejected = _Chunk(), list[Rejection]()
        for record in found:
            if record.fault is not None:
                rejected.append(_rejection(filename, record))
            else:
                if record.replaced and len(self.replacements) < _REPLACEMENTS:
                    self.replacements.append(self._replacement(filename, record))
                chunk.add(record, self._fitted(record.fields))
            if chunk.full or len(rejected) >= _CHUNK_RECORDS:
                yield chunk, rejected
                chunk, rejected = _Chunk(), []
        yield chunk, rejected

    def _replacement(self, filename: str, record: Record) -> Replacement:
        column = self._plan.columns[record.replaced[0]].name
        return Replacement(
            filename=filename, line_number=record.line, column=column, raw_line=record.raw[:_RAW_CHARS]
        )

    def _fitted(self, fields: list[Field]) -> list[Field]:
        columns, conversion = self._plan.columns, self._plan.conversion
        if len(fields) < len(columns):
            # Redshift, FILLRECORD: a missing VARCHAR becomes an empty string, everything else NULL.
            fields = [*fields, *("" if _is_varchar(column) else None for column in columns[len(fields) :])]
        if conversion.truncate_columns:
            for index, column in enumerate(columns):
                text = fields[index]
                if text is not None and column.type.length is not None and not text.isascii():
                    fields[index] = cut(text, column.type.length)
        return fields

    def _settle(self, filename: str, chunk: _Chunk) -> list[Rejection]:
        """Put the good rows of *chunk* aside and return what is wrong with the others."""
        if not chunk.rows:
            return []
        arrays = [pa.array(values, pa.string()) for values in zip(*chunk.rows, strict=True)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        numbered = pa.Table.from_batches([batch]).append_column(_NUMBER, pa.array(range(len(chunk.rows)), pa.int64()))
        self._connection.register(_CHUNK, numbered)
        try:
            bad = self._connection.execute(self._check).fetchall()
        finally:
            self._connection.unregister(_CHUNK)
        if bad:
            wrong = {number for number, _ in bad}
            batch = batch.filter(pa.array([index not in wrong for index in range(len(chunk.rows))], pa.bool_()))
        self._writer.write_batch(batch)
        self.good += batch.num_rows
        self._progress.rows, self._progress.bytes = self.good, self._progress.bytes + chunk.chars
        return [self._explained(filename, chunk, number, flags) for number, flags in bad]

    def _explained(self, filename: str, chunk: _Chunk, number: int, flags: list[bool]) -> Rejection:
        index = flags.index(True)
        column = self._plan.columns[index]
        text = chunk.rows[number][index]
        record = chunk.records[number]
        return Rejection(
            filename=filename,
            line_number=record.line,
            fault=diagnose(column, text, self._plan.conversion),
            column=column,
            raw_line=record.raw[:_RAW_CHARS],
            raw_value=(text or "")[:_RAW_CHARS],
        )


def _rejection(filename: str, record: Record) -> Rejection:
    fault = record.fault
    if fault is None:
        message = "a record without a fault was rejected"
        raise AssertionError(message)
    return Rejection(filename=filename, line_number=record.line, fault=fault, raw_line=record.raw[:_RAW_CHARS])


def _is_varchar(column: LoadColumn) -> bool:
    return column.type.type.name == "varchar"
