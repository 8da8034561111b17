"""psycopg 3: COPY both ways, in every format and of every type."""

import datetime as dt
import struct
from decimal import Decimal

import psycopg
import pytest

from tests.clients.round_trip import CASES, Case, Value

pytestmark = pytest.mark.client("psycopg")

_NAMES = [case.name for case in CASES]


def _table(connection: psycopg.Connection, case: Case, suffix: str) -> str:
    name = f"pg3_{case.name}_{suffix}"
    connection.execute(f"create table {name} (n integer, v {case.sql})")
    return name


def test_copy_in_and_out(own: psycopg.Connection) -> None:
    own.execute("create table pg3_copied (a int, b varchar(20), c numeric(10,2), d date)")
    rows = [(1, "one", Decimal("1.50"), dt.date(2024, 1, 1)), (2, None, None, None), (3, "t\ta\\b\n", Decimal("-1.00"), None)]
    with own.cursor() as cursor:
        with cursor.copy("copy pg3_copied from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        assert cursor.rowcount == 3
        assert cursor.execute("select * from pg3_copied order by a").fetchall() == rows
        with cursor.copy("copy (select a, b from pg3_copied order by a) to stdout") as copy:
            assert list(copy.rows()) == [("1", "one"), ("2", None), ("3", "t\ta\\b\n")]
        with cursor.copy("copy pg3_copied to stdout with (format csv)") as copy:
            told = b"".join(bytes(block) for block in copy).decode()
        assert sorted(told.splitlines()[:2]) == ["1,one,1.50,2024-01-01", "2,,,"]


@pytest.mark.parametrize("form", ["text", "csv", "binary"])
@pytest.mark.parametrize("case", CASES, ids=_NAMES)
def test_values_are_copied_in_and_out(connection: psycopg.Connection, case: Case, form: str) -> None:
    # Blank fields of a VARBYTE are NULL to COPY.
    values = [value for value in case.values if case.name != "varbyte" or value.binary]
    table = _table(connection, case, f"copied_{form}")
    with connection.cursor() as cursor:
        with cursor.copy(f"copy {table} from stdin (format {form})") as copy:
            copy.write(_STREAMS[form]([_sent(case, value) for value in values]))
        assert cursor.rowcount == len(values) + 1
        with cursor.copy(f"copy (select * from {table} order by n) to stdout (format {form})") as copy:
            told = b"".join(bytes(block) for block in copy)
    assert told == _STREAMS[form]([(value.text.encode(), value.binary) for value in values])


def _sent(case: Case, value: Value) -> tuple[bytes, bytes]:
    """Return what goes in; COPY reads JSON where a parameter of SUPER is a string."""
    if case.name == "super":
        return value.text.encode(), value.binary
    return value.text_parameter, value.binary_parameter


def _text_stream(values: list[tuple[bytes, bytes]]) -> bytes:
    """Return COPY's text format of numbered values and a NULL (PostgreSQL, "COPY", Text Format)."""
    escaped = [
        text.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\t", b"\\t").replace(b"\r", b"\\r")
        for text, _ in values
    ]
    return b"".join(b"%d\t%s\n" % row for row in enumerate([*escaped, b"\\N"]))


def _csv_stream(values: list[tuple[bytes, bytes]]) -> bytes:
    """Return COPY's CSV format: quotes where they are needed, an empty string told from NULL by them."""
    special = (b'"', b",", b"\n", b"\r")
    fields = [
        b'"' + text.replace(b'"', b'""') + b'"' if not text or any(sign in text for sign in special) else text
        for text, _ in values
    ]
    return b"".join(b"%d,%s\n" % row for row in enumerate([*fields, b""]))


def _binary_stream(values: list[tuple[bytes, bytes]]) -> bytes:
    rows = [
        struct.pack(">hiii", 2, 4, n, -1 if data is None else len(data)) + (data or b"")
        for n, data in enumerate([*(data for _, data in values), None])
    ]
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"".join(rows) + b"\xff\xff"


_STREAMS = {"text": _text_stream, "csv": _csv_stream, "binary": _binary_stream}


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"1\tx\n", "COPY file signature not recognized"),
        (b"PGCOPY\n\xff\r\n\0" + b"\0\1\0\0" + bytes(4), "unrecognized critical flags in COPY file header"),
        (_binary_stream([])[:19] + b"\0\3", "row field count is 3, expected 2"),
        (_binary_stream([])[:-4], "unexpected EOF in COPY data"),
        (_binary_stream([]) + b"\0", "received copy data after EOF marker"),
        (_binary_stream([(b"", b"toolong")]), "incorrect binary data format for type integer"),
    ],
)
def test_a_bad_binary_stream_is_refused(own: psycopg.Connection, stream: bytes, message: str) -> None:
    own.execute("create temp table pg3_bad (a int, b int)")
    into = "copy pg3_bad from stdin (format binary)"
    with pytest.raises(psycopg.Error, match=message), own.cursor() as cursor, cursor.copy(into) as copy:
        copy.write(stream)
    assert own.execute("select count(*) from pg3_bad").fetchone() == (0,)


def test_a_binary_stream_may_come_in_any_pieces(own: psycopg.Connection) -> None:
    own.execute("create temp table pg3_pieces (a int, b varchar(10))")
    stream = _binary_stream([(b"", b"one"), (b"", b""), (b"", "é\t\\".encode())])
    with own.cursor() as cursor:
        with cursor.copy("copy pg3_pieces from stdin (format binary)") as copy:
            for at in range(len(stream)):
                # Each write of libpq's is a CopyData message.
                own.pgconn.put_copy_data(stream[at : at + 1])
            copy.write(b"")
        rows = cursor.execute("select b from pg3_pieces order by a").fetchall()
    assert rows == [("one",), ("",), ("é\t\\",), (None,)]


def test_copy_out_in_binary(own: psycopg.Connection) -> None:
    with own.cursor() as cursor, cursor.copy("copy (select 1::int as a, 'x'::varchar as b) to stdout (format binary)") as copy:
        copy.set_types(["int4", "varchar"])
        assert list(copy.rows()) == [(1, "x")]


def test_copy_in_that_is_given_up_leaves_nothing(own: psycopg.Connection) -> None:
    own.execute("create table pg3_given_up (a int)")
    with pytest.raises(ZeroDivisionError), own.cursor() as cursor, cursor.copy("copy pg3_given_up from stdin") as copy:
        copy.write_row((1,))
        raise ZeroDivisionError
    assert own.execute("select count(*) from pg3_given_up").fetchone() == (0,)
    with pytest.raises(psycopg.Error) as caught, own.cursor() as cursor, cursor.copy("copy pg3_given_up from stdin") as copy:
        copy.write("x\n")
    assert caught.value.sqlstate is not None
    assert own.execute("select count(*) from pg3_given_up").fetchone() == (0,)
