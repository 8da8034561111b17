"""Rows that were committed to a log (``storage.write_log``) go into the lake, many at a time.

They become inlined rows, as DuckLake itself writes those (https://ducklake.select/docs/stable/specification): rows of
the table ``ducklake_inlined_data_…`` in the catalogue, one snapshot with what it changed, and the table's statistics.
Where a table is not ready for that, DuckLake is asked to insert them. Either way the snapshot's extra information says
up to which position of the log the lake has all: what a kill leaves in the log is put in once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import duckdb
import pyarrow as pa

from core.names import literal, quote
from storage import lake
from storage.database import LAKE, Database

T = TypeVar("T")
GIVEN: Final = "rs_small_writes"
"""What the relation of the rows is called."""
_WRONG: Final = (duckdb.DataError, duckdb.IntegrityError)
"""What the values themselves are refused with."""
_MARK: Final = "duckshift small writes up to "
_METADATA: Final = f'"__ducklake_metadata_{LAKE}".main'
_POSITION: Final = f"""
    SELECT commit_extra_info FROM {_METADATA}.ducklake_snapshot_changes
    WHERE starts_with(commit_extra_info, {literal(_MARK)}) ORDER BY snapshot_id DESC LIMIT 1
"""
_NEWEST: Final = f"""
    SELECT snapshot_id, schema_version, next_catalog_id, next_file_id FROM {_METADATA}.ducklake_snapshot
    WHERE snapshot_id = (SELECT max(snapshot_id) FROM {_METADATA}.ducklake_snapshot)
"""
_TABLE: Final = f"""
    SELECT t.table_id, i.table_name, s.next_row_id
    FROM {_METADATA}.ducklake_table AS t JOIN {_METADATA}.ducklake_schema AS n USING (schema_id)
    JOIN {_METADATA}.ducklake_inlined_data_tables AS i USING (table_id)
    JOIN {_METADATA}.ducklake_table_stats AS s USING (table_id)
    WHERE t.end_snapshot IS NULL AND n.end_snapshot IS NULL AND n.schema_name = ? AND t.table_name = ?
    AND s.record_count IS NOT NULL AND s.file_size_bytes IS NOT NULL
    ORDER BY i.schema_version DESC LIMIT 1
"""
_COLUMNS: Final = f"""
    SELECT c.column_name, c.column_id, coalesce(s.contains_null, true), s.min_value, s.max_value
    FROM {_METADATA}.ducklake_column AS c JOIN {_METADATA}.ducklake_table_column_stats AS s USING (table_id, column_id)
    WHERE table_id = ? AND c.end_snapshot IS NULL AND c.parent_column IS NULL
    AND s.contains_nan IS NULL AND s.extra_stats IS NULL
"""


@dataclass(frozen=True, slots=True)
class Form:
    """What the rows of one kind of INSERT become."""

    place: tuple[str, str]
    """Bare lake names of the table's schema and the table."""
    names: tuple[str, ...]
    """Its columns."""
    types: tuple[str, ...]
    """Their engine types."""
    values: str
    """The columns' values over a relation ``given``, as a select list."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one form."""

    form: Form
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class _Column:
    """What the lake knows of a column's values."""

    number: int
    null: bool
    low: str | None
    high: str | None


@dataclass(frozen=True, slots=True)
class _Target:
    """Where the rows of a table go."""

    number: int
    inlined: str
    row: int
    """The number of the next row."""
    columns: dict[str, _Column]


def position(database: Database) -> int:
    """Return up to which position of the log the lake has all; blocking."""
    connection = database.cursor()
    try:
        row = connection.execute(_POSITION).fetchone()
        return int(str(row[0]).removeprefix(_MARK)) if row else 0
    finally:
        connection.close()


class Store:
    """Puts rows into the lake. Its methods block; one caller at a time, and nobody else may commit meanwhile."""

    def __init__(self) -> None:
        """Know nothing of the lake."""
        self._snapshot = -1
        self._targets: dict[tuple[str, str], _Target] = {}
        """What is known of tables as they are at that snapshot of the lake."""

    def put_all(
        self, connection: duckdb.DuckDBPyConnection, items: Sequence[T],
        batches: Callable[[Sequence[T]], Sequence[Batch]], until: int,
    ) -> list[T]:  # fmt: skip
        """Commit *items* of the log, the last of which has the position *until*; return what the lake refuses of them.

        There should be none: whoever logs rows knows that they are right. But one that is not must not keep all others
        from the lake.
        """
        try:
            self.put(connection, batches(items), until)
        except _WRONG:
            refused = []
            for place, item in enumerate(items, start=until - len(items) + 1):
                try:
                    self.put(connection, batches([item]), place)
                except _WRONG:
                    refused.append(item)
            return refused
        return []

    def put(self, connection: duckdb.DuckDBPyConnection, batches: Sequence[Batch], until: int) -> None:
        """Commit *batches* to the lake, which has all of the log up to the position *until* then."""
        try:
            connection.execute("BEGIN")
            after = self._inlined(connection, batches, until)
            if after is None:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN")
                _inserted(connection, batches, until)
            connection.execute("COMMIT")
        except duckdb.Error:
            self._targets = {}
            _undo(connection)
            raise
        if after is not None:
            self._snapshot += 1
            self._targets |= after

    def _inlined(
        self, connection: duckdb.DuckDBPyConnection, batches: Sequence[Batch], until: int
    ) -> "dict[tuple[str, str], _Target] | None":
        """Write the rows and all that belongs to them; None where a table is not ready, and nothing must be kept."""
        snapshot, version, catalog, file = connection.execute(_NEWEST).fetchall()[0]
        if snapshot != self._snapshot:
            self._snapshot, self._targets = snapshot, {}
        forms = {batch.form.place: batch.form for batch in batches}
        found = {place: self._targets.get(place) or _target(connection, form) for place, form in forms.items()}
        targets = {place: target for place, target in found.items() if target is not None}
        if len(targets) < len(forms):
            return None
        after = dict(targets)
        for batch in batches:
            place = batch.form.place
            _add(connection, batch, after[place], snapshot + 1)
            after[place] = replace(after[place], row=after[place].row + batch.rows.num_rows)
        for place, target in targets.items():
            columns = _counted(connection, forms[place], target, snapshot + 1, after[place].row - target.row)
            if columns is None:
                return None
            after[place] = replace(after[place], columns=columns)
        changes = ",".join(f"inlined_insert:{target.number}" for target in targets.values())
        connection.execute(
            f"INSERT INTO {_METADATA}.ducklake_snapshot VALUES"
            f" ({snapshot + 1}, now(), {version}, {catalog}, {file + 1})"
        )
        connection.execute(
            f"INSERT INTO {_METADATA}.ducklake_snapshot_changes VALUES"
            f" ({snapshot + 1}, {literal(changes)}, NULL, NULL, {literal(f'{_MARK}{until}')})"
        )
        return after


def _undo(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        # The engine has ended the transaction already.
        return


def _inserted(connection: duckdb.DuckDBPyConnection, batches: Sequence[Batch], until: int) -> None:
    """Have DuckLake insert the rows."""
    for batch in batches:
        _over(connection, batch, f"{inserting(batch.form)} FROM {GIVEN} AS given")
    connection.execute(f"CALL {LAKE}.set_commit_message('', '', extra_info => {literal(f'{_MARK}{until}')})")


def inserting(form: Form) -> str:
    """Return the start of the engine SQL that has DuckLake insert rows; it lacks where they are read from."""
    return f"INSERT INTO {lake.qualified(*form.place)} ({_listed(form.names)}) SELECT {form.values}"


def _target(connection: duckdb.DuckDBPyConnection, form: Form) -> _Target | None:
    """Return where the rows of a table go, None where it has had none yet, or columns without statistics."""
    found = connection.execute(_TABLE, list(form.place)).fetchall()
    if not found:
        return None
    number, inlined, row = found[0]
    columns = {name: _Column(*rest) for name, *rest in connection.execute(_COLUMNS, [number]).fetchall()}
    # A column that was added since has none yet.
    return None if set(columns) != set(form.names) else _Target(number, inlined, row, columns)


def _add(connection: duckdb.DuckDBPyConnection, batch: Batch, target: _Target, snapshot: int) -> None:
    head = f"INSERT INTO {_METADATA}.{quote(target.inlined)} (row_id, begin_snapshot, {_listed(batch.form.names)})"
    number = f"row_number() OVER () + {target.row - 1}"
    _over(connection, batch, f"{head} SELECT {number}, {snapshot}, {batch.form.values} FROM {GIVEN} AS given")


def _counted(
    connection: duckdb.DuckDBPyConnection, form: Form, target: _Target, snapshot: int, rows: int
) -> dict[str, _Column] | None:
    """Bring the statistics of a table up to date with the rows that *snapshot* has added; None where that is not sure.

    No bounds are no statement: they may be unknown, or there was nothing but NULL so far.
    """
    connection.execute(
        f"UPDATE {_METADATA}.ducklake_table_stats SET record_count = record_count + {rows},"
        f" next_row_id = next_row_id + {rows} WHERE table_id = {target.number}"
    )
    asked = [_bounds(name, type_, target.columns[name]) for name, type_ in zip(form.names, form.types, strict=True)]
    seen = connection.execute(
        f"SELECT {', '.join(asked)} FROM {_METADATA}.{quote(target.inlined)} WHERE begin_snapshot = {snapshot}"
    ).fetchall()[0]
    after, changed = {}, []
    for place, name in enumerate(form.names):
        before = target.columns[name]
        null, low, high = seen[3 * place : 3 * place + 3]
        if before.low is None and low is not None:
            return None
        after[name] = now = replace(before, null=before.null or null, low=low, high=high)
        if now != before:
            changed.append(f"({now.number}, {str(now.null).lower()}, {_text(now.low)}, {_text(now.high)})")
    if changed:
        connection.execute(
            f"UPDATE {_METADATA}.ducklake_table_column_stats"
            f" SET contains_null = given.has_null, min_value = given.low, max_value = given.high"
            f" FROM (VALUES {', '.join(changed)}) AS given(number, has_null, low, high)"
            f" WHERE table_id = {target.number} AND column_id = given.number"
        )
    return after


def _bounds(name: str, type_: str, known: _Column) -> str:
    """Return what is asked of the new rows about a column: whether there are NULLs, its least and greatest value."""
    column = quote(name)
    low, high = f"min({column})", f"max({column})"
    if known.low is not None and known.high is not None:
        low = f"least({low}, CAST({literal(known.low)} AS {type_}))"
        high = f"greatest({high}, CAST({literal(known.high)} AS {type_}))"
    return f"count(*) > count({column}), CAST({low} AS VARCHAR), CAST({high} AS VARCHAR)"


def _over(connection: duckdb.DuckDBPyConnection, batch: Batch, sql: str) -> None:
    connection.register(GIVEN, batch.rows)
    try:
        connection.execute(sql)
    finally:
        connection.unregister(GIVEN)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(quote(name) for name in names)


def _text(value: str | None) -> str:
    return "CAST(NULL AS VARCHAR)" if value is None else literal(value)
