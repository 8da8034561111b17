"""A PostgreSQL database whose changes are followed: its slot, its publication, its tables, and what its slot tells.

All by SQL over the engine's own client: ``pg_logical_slot_peek_binary_changes`` gives what has been committed since the
slot was last advanced, as often as it is asked. PostgreSQL, "Logical Decoding", "Replication Management Functions".
"""

import contextlib
import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import duckdb
import pyarrow as pa

from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from storage.database import Database
from storage.pgoutput import lsn_number, lsn_text

_log = logging.getLogger(__name__)
PEEKED: Final = 500_000
"""Changes after which an answer ends with the transaction that they are in."""
_ROWS: Final = 4_096
_OPTIONS: Final = (
    "-c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=3 -c bytea_output=hex"
)
_SAID: Final = re.compile(r"(?:ERROR|FATAL|failed):\s+(?:FATAL:\s+)?(.*?)(?:\\n|\n|\"?}?\Z)")
_HALF: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a source is, and who to be there."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    sslmode: str = "prefer"
    sslrootcert: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """A column of a source's table."""

    number: int
    name: str
    type: str
    """As PostgreSQL writes it, a domain's base type for a domain."""
    type_oid: int
    modifier: int
    key: bool = False
    filled: bool = False
    """Whether rows that were there before it may have a value other than NULL."""

    @property
    def shape(self) -> tuple[str, int, int]:
        """What the stream tells of it."""
        return (self.name, self.type_oid, self.modifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """A table of a source."""

    oid: int
    schema: str
    name: str
    columns: tuple[SourceColumn, ...]
    file: int = 0
    """Its file's number, which is another when the table was written anew."""
    published: bool = True
    filter: str = ""
    """The publication's condition on rows."""

    @property
    def shape(self) -> tuple[tuple[str, int, int], ...]:
        """What the stream tells of its columns."""
        return tuple(column.shape for column in self.columns)

    @property
    def key(self) -> tuple[int, ...]:
        """The places of the columns that tell rows apart."""
        return tuple(place for place, column in enumerate(self.columns) if column.key)

    @property
    def engine_name(self) -> str:
        """Return its name as PostgreSQL reads it."""
        return f"{quote(self.schema)}.{quote(self.name)}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions a pg_snapshot shows."""

    xmin: int
    xmax: int
    running: frozenset[int]

    def shows(self, xid: int) -> bool:
        """Tell whether a committed transaction is seen; *xid* is the lower half of its number."""
        full = (self.xmax & ~_HALF) | xid
        if full - self.xmax > _HALF >> 1:
            full -= _HALF + 1
        elif self.xmax - full > _HALF >> 1:
            full += _HALF + 1
        return full < self.xmin or (full < self.xmax and full not in self.running)


def snapshot(text: str) -> Snapshot:
    """Return what PostgreSQL writes as ``xmin:xmax:xip,xip``."""
    xmin, xmax, running = text.split(":")
    return Snapshot(int(xmin), int(xmax), frozenset(int(item) for item in running.split(",") if item))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a source and its slot are at a moment."""

    lsn: int
    """Up to where it has written."""
    confirmed: int | None
    """Up to where the slot was advanced, None where there is none (any more)."""
    next_xid: int


class Source:
    """One database that is followed. Methods block, belong to one thread at a time, and raise ``SqlError``."""

    def __init__(
        self, database: Database, reach: Reach, *, slot: str, publication: str = "", name: str = ""
    ) -> None:
        """Follow the database *name* of *reach* by *slot*; without a *publication* one of its own is kept."""
        self._database = database
        self._reach = reach = replace(reach, database=name or reach.database)
        self._slot = slot
        self.keeps = not publication
        """Whether the publication is this one's business."""
        self._publication = publication or slot
        digest = hashlib.sha256(repr((reach, slot)).encode()).hexdigest()[:16]
        self.name: str = f"rs_source_{digest}"
        """The engine's name of it."""
        self._open = False

    def open(self) -> None:
        """Reach it anew."""
        self.close()
        self._database.extend("postgres")
        cursor = self._database.cursor()
        reach = self._reach
        secret = ", ".join((
            "TYPE postgres", f"HOST {literal(reach.host)}", f"PORT {reach.port}", f"USER {literal(reach.user)}",
            f"PASSWORD {literal(reach.password)}", f"DATABASE {literal(reach.database)}",
        ))  # fmt: skip
        given = {
            "sslmode": reach.sslmode, "sslrootcert": reach.sslrootcert, "options": _OPTIONS, "client_encoding": "UTF8",
            "connect_timeout": "10",
        }  # fmt: skip
        place = " ".join(f"{key}='{_escaped(value)}'" for key, value in given.items() if value)
        try:
            cursor.execute(f"CREATE OR REPLACE TEMPORARY SECRET {quote(self.name)} ({secret})")
            for name, mode in ((self.name, ", READ_ONLY"), (self._writing, "")):
                cursor.execute(
                    f"ATTACH {literal(place)} AS {quote(name)} (TYPE postgres{mode}, SECRET {quote(self.name)})"
                )
        except duckdb.Error as error:
            raise _failed(error, f'could not connect to the source database "{reach.database}"') from None
        finally:
            cursor.close()
        self._open = True

    @property
    def is_open(self) -> bool:
        """Whether it was reached."""
        return self._open

    def close(self) -> None:
        """Let go of it."""
        cursor = self._database.cursor()
        for name in (self.name, self._writing):
            with contextlib.suppress(duckdb.Error):
                cursor.execute(f"DETACH DATABASE IF EXISTS {quote(name)}")
        cursor.close()
        self._open = False

    def reading(self, query: str) -> str:
        """Return engine SQL for what a query gives there."""
        return f"postgres_query({literal(self.name)}, {literal(query)})"

    def standing(self) -> Standing:
        """Return where things are."""
        rows = self._rows(
            "SELECT pg_catalog.pg_current_wal_flush_lsn()::text AS lsn, (SELECT coalesce(confirmed_flush_lsn::text, '')"
            f" FROM pg_catalog.pg_replication_slots WHERE slot_name = {literal(self._slot)}"
            " AND wal_status IS DISTINCT FROM 'lost') AS confirmed,"
            " pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text AS xid"
        )
        lsn, confirmed, xid = rows[0]
        return Standing(
            lsn=lsn_number(lsn), confirmed=lsn_number(confirmed) if confirmed else None, next_xid=int(xid)
        )

    def begin(self) -> int:
        """Make the slot (and the publication) anew and return from where it tells changes."""
        self._drop_slot()
        if self.keeps:
            found = self._rows(f"SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = {literal(self._publication)}")
            if not found:
                self._change(
                    f"CREATE PUBLICATION {quote(self._publication)} WITH (publish_via_partition_root = true)"
                )
        slot = literal(self._slot)
        row = self._rows(f"SELECT lsn::text FROM pg_catalog.pg_create_logical_replication_slot({slot}, 'pgoutput')")[0]
        return lsn_number(row[0])

    def end(self) -> None:
        """Remove what was made there."""
        self._drop_slot()
        if self.keeps:
            self._change(f"DROP PUBLICATION IF EXISTS {quote(self._publication)}")

    def publish(self, table: SourceTable) -> None:
        """Have the publication tell changes of a table."""
        self._change(f"ALTER PUBLICATION {quote(self._publication)} ADD TABLE {table.engine_name}")

    def withdraw(self, table: SourceTable) -> None:
        """Have the publication leave a table out: without a key, its rows could not be changed any more."""
        self._change(f"ALTER PUBLICATION {quote(self._publication)} DROP TABLE {table.engine_name}")

    def tables(self) -> list[SourceTable]:
        """Return the tables there are: those that are published, or may be."""
        found: dict[int, list[tuple[Any, ...]]] = {}
        wanted = "TRUE" if self.keeps else "FALSE"
        for row in self._rows(_TABLES.format(publication=literal(self._publication), wanted=wanted)):
            found.setdefault(row[0], []).append(row)
        return [_table(rows) for rows in found.values()]

    def messages(self) -> Iterator[bytes]:
        """Yield what the slot tells, whole transactions; at most some ``PEEKED`` changes."""
        query = (
            f"SELECT data FROM pg_catalog.pg_logical_slot_peek_binary_changes({literal(self._slot)}, NULL, {PEEKED},"
            f" 'proto_version', '1', 'publication_names', {literal(quote(self._publication))})"
        )
        cursor = self._database.cursor()
        try:
            for batch in cursor.execute(f"SELECT * FROM {self.reading(query)}").to_arrow_reader(_ROWS):
                yield from batch.column(0).to_pylist()
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            raise _failed(error) from None
        finally:
            cursor.close()

    def advance(self, lsn: int) -> None:
        """Let it forget what was before *lsn*."""
        self._rows(
            f"SELECT end_lsn::text FROM pg_catalog.pg_replication_slot_advance({literal(self._slot)},"
            f" {literal(lsn_text(lsn))})"
        )

    @property
    def _writing(self) -> str:
        return f"{self.name}_w"

    def _drop_slot(self) -> None:
        self._rows(
            "SELECT pg_catalog.pg_drop_replication_slot(slot_name)::text FROM pg_catalog.pg_replication_slots"
            f" WHERE slot_name = {literal(self._slot)}"
        )

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        cursor = self._database.cursor()
        try:
            return cursor.execute(f"SELECT * FROM {self.reading(query)}").fetchall()
        except duckdb.Error as error:
            raise _failed(error) from None
        finally:
            cursor.close()

    def _change(self, statement: str) -> None:
        cursor = self._database.cursor()
        try:
            cursor.execute(f"CALL postgres_execute({literal(self._writing)}, {literal(statement)})")
        except duckdb.Error as error:
            raise _failed(error) from None
        finally:
            cursor.close()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _failed(error: Exception, message: str = "the source database refused") -> SqlError:
    _log.debug("the source refused", exc_info=error)
    found = _SAID.search(str(error))
    return SqlError(SqlState.CONNECTION_FAILURE, message, detail=found[1] if found else "it does not answer")


def _table(rows: list[tuple[Any, ...]]) -> SourceTable:
    oid, schema, name, file, published, condition = rows[0][:6]
    columns = tuple(
        SourceColumn(
            number=number, name=column, type=kind, type_oid=type_oid, modifier=modifier, key=bool(key),
            filled=bool(filled),
        )
        for *_, number, column, kind, type_oid, modifier, key, filled in rows
    )  # fmt: skip
    return SourceTable(
        oid=oid, schema=schema, name=name, columns=columns, file=file, published=bool(published),
        filter=condition or "",
    )  # fmt: skip


# Newer columns of pg_publication_tables are read by way of JSON: PostgreSQL 14 has none of them.
_TABLES: Final = """
SELECT c.oid::bigint, n.nspname::text, c.relname::text,
       coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)::bigint AS file, p.facts IS NOT NULL AS published,
       p.facts ->> 'rowfilter' AS filter, a.attnum::int, a.attname::text,
       CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod)
            ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END AS kind,
       a.atttypid::bigint, a.atttypmod::int,
       CASE c.relreplident WHEN 'n' THEN false ELSE coalesce(a.attnum = ANY (i.indkey::int2[]), false) END AS key,
       a.atthasdef OR a.atthasmissing OR a.attidentity <> '' AS filled
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attgenerated = ''
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN LATERAL (SELECT to_jsonb(f) AS facts
                   FROM pg_catalog.pg_publication_tables AS f
                   WHERE f.pubname = {publication} AND f.schemaname = n.nspname AND f.tablename = c.relname
                  ) AS p ON true
LEFT JOIN LATERAL (SELECT x.indkey FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid AND x.indisvalid AND
                   CASE c.relreplident WHEN 'i' THEN x.indisreplident ELSE x.indisprimary END LIMIT 1) AS i ON true
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
  AND (p.facts IS NOT NULL OR ({wanted} AND NOT c.relispartition))
  AND (p.facts -> 'attnames' IS NULL OR p.facts -> 'attnames' ? a.attname::text)
ORDER BY c.oid, a.attnum
"""
