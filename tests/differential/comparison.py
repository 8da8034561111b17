"""One statement on both servers, and what differs in the answers.

Numbers are compared as numbers: to the last digit of the shorter scale, as Redshift's NUMERIC has a scale where
PostgreSQL's has none, and to twelve digits for floats.
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

import psycopg
from psycopg import pq

from tests.differential.deviations import DEVIATIONS
from tests.differential.generator import Generator
from tests.differential.grammar import SCHEMA
from tests.support import postgres

_FAMILIES: Final = {25: "text", 1043: "text", 705: "text", 19: "text", 16: "boolean", 21: "smallint", 23: "integer",
                    20: "bigint", 1700: "numeric", 700: "real", 701: "double", 1042: "char"}  # fmt: skip
_NUMBERS: Final = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double"})


@dataclass(frozen=True)
class Answer:
    """What a server said to a statement."""

    state: str
    """SQLSTATE, empty when it succeeded."""
    message: str
    types: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()


@dataclass(frozen=True)
class Difference:
    """What differs, and whether it is known."""

    statement: str
    kind: str
    ours: str
    theirs: str
    explained: str = ""
    """The name of the deviation."""

    def __str__(self) -> str:
        """Show it for a report."""
        return f"{self.statement}\n  {self.kind}: {self.ours}\n  PostgreSQL: {self.theirs}"


def answer(connection: psycopg.Connection, statement: str) -> Answer:
    """Run *statement* by the simple protocol."""
    result = connection.pgconn.exec_(statement.encode())
    if result.status in {pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE}:
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        return Answer(state, (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode())
    types = tuple(_FAMILIES.get(result.ftype(column), str(result.ftype(column))) for column in range(result.nfields))
    rows = tuple(
        tuple(_text(result.get_value(row, column)) for column in range(result.nfields)) for row in range(result.ntuples)
    )
    return Answer("", "", types, rows)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def compared(statement: str, ours: Answer, theirs: Answer) -> Difference | None:
    """Return what differs between two answers, None for nothing."""
    if ours.state != theirs.state:
        return _found(statement, "state", f"{ours.state} {ours.message}", f"{theirs.state} {theirs.message}")
    if ours.types != theirs.types:
        return _found(statement, "type", ", ".join(ours.types), ", ".join(theirs.types)) or _values(
            statement, ours, theirs
        )
    return _values(statement, ours, theirs)


def _values(statement: str, ours: Answer, theirs: Answer) -> Difference | None:
    alike = len(ours.rows) == len(theirs.rows) and all(
        _equal(one, other, *kinds)
        for row, other_row in zip(ours.rows, theirs.rows, strict=True)
        for one, other, kinds in zip(row, other_row, zip(ours.types, theirs.types, strict=True), strict=True)
    )
    return None if alike else _found(statement, "value", str(ours.rows), str(theirs.rows))


def _found(statement: str, kind: str, ours: str, theirs: str) -> Difference:
    reason = next((row.name for row in DEVIATIONS if row.explains(kind, statement)), "")
    return Difference(statement, kind, ours, theirs, reason)


def _equal(one: str | None, other: str | None, kind: str, other_kind: str) -> bool:
    if one is None or other is None or one == other:
        return one == other
    if not {kind, other_kind} <= _NUMBERS:
        return False
    if {kind, other_kind} & {"real", "double"}:
        return math.isclose(float(one), float(other), rel_tol=1e-5 if "real" in (kind, other_kind) else 1e-12)
    try:
        left, right = Decimal(one), Decimal(other)
    except InvalidOperation:
        return False
    scale = min(-int(left.as_tuple().exponent), -int(right.as_tuple().exponent))
    return abs(left - right) < Decimal(1).scaleb(-scale)


@contextlib.contextmanager
def both(dsn: str) -> Iterator[tuple[psycopg.Connection, psycopg.Connection]]:
    """Connect to the server at *dsn* and to a PostgreSQL started for it, the tables made in both."""
    with postgres.running() as other, psycopg.connect(dsn, autocommit=True) as ours:
        with psycopg.connect(other.dsn, autocommit=True) as first:
            # Redshift sorts by bytes and knows the letters of every script.
            first.execute("CREATE DATABASE same TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
        with psycopg.connect(f"{other.dsn.rpartition('/')[0]}/same", autocommit=True) as theirs:
            theirs.execute("SET extra_float_digits = 0")
            ours.execute("CREATE SCHEMA differential")
            ours.execute("SET search_path TO differential")
            for connection in (ours, theirs):
                connection.execute("SET timezone TO 'UTC'")
                for statement in SCHEMA:
                    connection.execute(statement)
            try:
                yield ours, theirs
            finally:
                ours.execute("DROP SCHEMA differential CASCADE")


def run(dsn: str, seed: int, count: int) -> Iterator[Difference | None]:
    """Yield what differs, statement by statement."""
    with both(dsn) as (ours, theirs):
        for statement in Generator(seed).statements(count):
            yield compared(statement, answer(ours, statement), answer(theirs, statement))
