"""SQL behaviour as data: files in sqllogictest's manner, run over the wire by libpq.

A file is a list of records, separated by blank lines::

    # Redshift, "Integer division"
    statement ok
    CREATE TABLE t (a int)

    statement error (42P01) relation "nothing" does not exist
    SELECT * FROM nothing

    statement count 2
    INSERT INTO t VALUES (1), (2)

    query rowsort
    SELECT a, a / 2 FROM t
    types integer | integer
    ----
    1 | 0
    2 | 1

Columns of a row are separated by `` | ``; NULL is ``NULL``, the empty string ``(empty)``. ``connection x``
before a record runs it on the session called x; ``user name password`` makes that session another user's.
``gap reason`` before a record says that the server does not do that yet: the record must fail.
``file s3://bucket/key [format]`` puts an object: the lines that follow, or a file of them in a format of
``tests.support.files`` (for Parquet, ORC and Avro a line is a row as JSON). Only the files in ``external`` and ``loading`` have a bucket to put to.
A query has an ORDER BY or ``rowsort``; ``inorder`` is for rows whose order is promised without, as an array's.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import pq

from tests.support.files import content

_HEAD = re.compile(r"(statement|query|connection|user|gap|file)\b\s*(.*)")
Put = Callable[[str, bytes], None]
"""Puts an object at a location."""


@dataclass
class Record:
    """One statement with what it must answer."""

    line: int
    kind: str
    argument: str
    sql: str = ""
    expected: list[str] = field(default_factory=list)
    types: list[str] | None = None
    gap: str = ""
    """Why it fails and is known to; empty for a record that must hold."""

    @property
    def case(self) -> bool:
        """Whether it asserts something."""
        return self.kind in {"statement", "query"}


def parse(path: Path) -> Iterator[Record]:
    """Yield the records of a file; raises ValueError for one that is not understood."""
    lines = path.read_text().splitlines()
    place = 0
    gap = ""
    while place < len(lines):
        if not lines[place].strip() or lines[place].startswith("#"):
            place += 1
            continue
        head = _HEAD.match(lines[place])
        if head is None:
            raise ValueError(f"{path.name}:{place + 1}: not a record: {lines[place]}")
        end = place + 1
        while end < len(lines) and lines[end].strip():
            end += 1
        record = _record(place + 1, head[1], head[2].strip(), lines[place + 1 : end])
        place = end
        if record.kind == "gap":
            gap = record.argument
            continue
        record.gap, gap = (gap, "") if record.case else ("", gap)
        yield record


def _record(line: int, kind: str, argument: str, body: list[str]) -> Record:
    record = Record(line, kind, argument)
    if kind in {"connection", "user", "gap"} and body:
        raise ValueError(f"line {line}: {kind} is a paragraph of its own, what follows would not be run")
    if kind == "file":
        record.sql = "".join(f"{line}\n" for line in body)
        return record
    if "----" in body:
        cut = body.index("----")
        body, record.expected = body[:cut], body[cut + 1 :]
    if body and body[-1].startswith("types "):
        record.types = [name.strip() for name in body.pop()[6:].split("|")]
    record.sql = "\n".join(body)
    return record


class Runner:
    """Runs records on connections to one server."""

    def __init__(self, dsn: str, schema: str, put: Put | None = None) -> None:
        self._dsn = dsn
        self._put = put
        self._schema = schema
        self._connections: dict[str, psycopg.Connection] = {}
        self._current = "main"
        self._users: dict[str, str] = {}
        self.execute("main", f"CREATE SCHEMA {schema}")
        self.execute("main", f"SET search_path TO {schema}, public")

    def close(self) -> None:
        """Drop what the file made."""
        for name, connection in self._connections.items():
            if name != "main":
                connection.close()
        main = self._connections["main"]
        main.pgconn.exec_(b"ROLLBACK")
        main.pgconn.exec_(b"RESET SESSION AUTHORIZATION")
        main.pgconn.exec_(f"DROP SCHEMA {self._schema} CASCADE".encode())
        main.close()

    def connection(self, name: str) -> psycopg.Connection:
        """Return the session called *name*, opening it where there is none."""
        if name not in self._connections:
            self._connections[name] = psycopg.connect(f"{self._dsn} {self._users.get(name, '')}", autocommit=True)
            if name != "main":
                self.execute(name, f"SET search_path TO {self._schema}, public")
        return self._connections[name]

    def execute(self, name: str, sql: str) -> pq.abc.PGresult:
        """Run *sql* by the simple protocol."""
        return self.connection(name).pgconn.exec_(sql.encode())

    def run(self, record: Record) -> str | None:
        """Run a record; return what is wrong, None for nothing."""
        problem = self._run(record)
        if not record.gap:
            return problem
        return None if problem else f"holds, so it is no gap any more: {record.gap}"

    def _run(self, record: Record) -> str | None:
        if record.kind == "connection":
            self._current = record.argument or "main"
            return None
        if record.kind == "user":
            name, password = record.argument.split()
            self._users[name] = f"user={name} password={password}"
            self._current = name
            return None
        if record.kind == "file":
            assert self._put is not None, "there is no bucket to put files to"
            location, _, form = record.argument.partition(" ")
            self._put(location, content(record.sql, form))
            return None
        result = self.execute(self._current, record.sql)
        if record.kind == "query":
            return self._query(record, result)
        return self._statement(record, result)

    def _statement(self, record: Record, result: pq.abc.PGresult) -> str | None:
        word, _, rest = record.argument.partition(" ")
        error = _error(result)
        if word == "error":
            return _wrong_error(rest, error, result)
        if error is not None:
            return f"failed: {error}"
        if word == "count":
            count = (result.command_tuples or 0) if result.command_status else 0
            return None if count == int(rest) else f"{count} rows, expected {rest}"
        return None if word == "ok" else f"unknown statement kind {word}"

    def _query(self, record: Record, result: pq.abc.PGresult) -> str | None:
        error = _error(result)
        if error is not None:
            return f"failed: {error}"
        ordered = "order by" in record.sql.lower() or record.sql.lower().startswith("fetch")
        if not record.argument and not ordered and result.ntuples > 1:
            return "a query of several rows needs ORDER BY, rowsort or inorder"
        # A value of several lines is written as several lines.
        rows = [
            " | ".join(_shown(result, row, column) for column in range(result.nfields)) for row in range(result.ntuples)
        ]
        rows = [line for row in rows for line in row.split("\n")]
        expected = list(record.expected)
        if "rowsort" in record.argument:
            rows, expected = sorted(rows), sorted(expected)
        if rows != expected:
            return "answered\n  " + "\n  ".join(rows) + "\nexpected\n  " + "\n  ".join(expected)
        return self._wrong_types(record, result)

    def _wrong_types(self, record: Record, result: pq.abc.PGresult) -> str | None:
        if record.types is None:
            return None
        found = [_type_name(result.ftype(column), result.fmod(column)) for column in range(result.nfields)]
        return None if found == record.types else f"types {' | '.join(found)}, expected {' | '.join(record.types)}"


def problems(path: Path, dsn: str, put: Put | None = None) -> list[str]:
    """Run a file in a schema of its own on the server at *dsn*; return what is wrong."""
    runner = Runner(dsn, "slt_" + re.sub(r"\W", "_", path.stem), put)
    try:
        return [
            f"{path.name}:{record.line}: {record.sql}\n{problem}"
            for record in parse(path)
            if (problem := runner.run(record)) is not None
        ]
    finally:
        runner.close()


def _error(result: pq.abc.PGresult) -> str | None:
    if result.status in {pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE}:
        return result.error_message.decode()
    return None


def _wrong_error(wanted: str, error: str | None, result: pq.abc.PGresult) -> str | None:
    if error is None:
        return f"succeeded, expected an error {wanted}"
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    message = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode()
    match = re.match(r"(?:\(([0-9A-Z]{5})\))?\s*(.*)", wanted)
    assert match is not None
    if match[1] and match[1] != state:
        return f"SQLSTATE {state} ({message}), expected {match[1]}"
    if match[2] and not re.search(match[2], message):
        return f"message {message!r}, expected {match[2]!r}"
    return None


def _shown(result: pq.abc.PGresult, row: int, column: int) -> str:
    value = result.get_value(row, column)
    if value is None:
        return "NULL"
    return value.decode() or "(empty)"


_TYPES = {
    16: "boolean", 21: "smallint", 23: "integer", 20: "bigint", 700: "real", 701: "double precision",
    1082: "date", 1083: "time", 1266: "timetz", 1114: "timestamp", 1184: "timestamptz", 1186: "interval",
    1188: "interval year to month", 1190: "interval day to second", 4000: "super", 25: "text", 19: "name",
    26: "oid", 6551: "varbyte", 2935: "hllsketch", 3000: "geometry", 3001: "geography",
}  # fmt: skip


def _type_name(oid: int, modifier: int) -> str:
    if oid == 1700:
        return "numeric" if modifier < 0 else f"numeric({(modifier - 4) >> 16},{(modifier - 4) & 0xFFFF})"
    if oid in {1042, 1043}:
        name = "char" if oid == 1042 else "varchar"
        return name if modifier < 0 else f"{name}({modifier - 4})"
    return _TYPES.get(oid, str(oid))
