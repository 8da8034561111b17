"""COPY's compiled parser: what it takes, the careful way reads the same; what it is not sure of it refuses."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from core import types
from engine.load import fields, parsed
from engine.load.copy import LoadFailedError, load
from engine.load.parsed import load_parsed
from engine.load.plan import Conversion, CopyPlan, Format, Layout, LoadColumn
from engine.load.progress import Progress
from engine.macros import MACROS
from storage.objects import LocalStore, StoredObject

KINDS = {
    "smallint": types.declared("smallint", ()),
    "integer": types.declared("integer", ()),
    "bigint": types.declared("bigint", ()),
    "numeric(4,2)": types.declared("numeric", (4, 2)),
    "numeric(18,0)": types.declared("numeric", (18, 0)),
    "numeric(38,10)": types.declared("numeric", (38, 10)),
    "double": types.declared("double precision", ()),
    "boolean": types.declared("boolean", ()),
    "date": types.declared("date", ()),
    "timestamp": types.declared("timestamp", ()),
    "varchar(6)": types.declared("varchar", (6,)),
    "char(3)": types.declared("char", (3,)),
}
TEXTS = [
    "", " ", "  ", "0", "1", "-1", "+1", " 7 ", "007", "-0", "1.", ".5", ".", "-", "+", "--1", "1-", "1.5", "1.50", "-1.25",
    "1.239", "1.999", "-1.999", "99.99", "99.995", "100", "99.999999", "1e2", "1E2", "1_000", "0x1F", "0b1", "32767",
    "32768", "-32768", "-32769", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "-9223372036854775809", "99999999999999999999", "9999999999999999999999999999.9999999999",
    "12345678901234567890123456789012345678", "123456789012345678", "1234567890123456789", "NaN", "inf",
    "t", "true", "f", "no", "2", "abc", "abcdef", "abcdefg", "ab ", "abc  ", "äöü", "äöüß", "é", "\\N", "\\n",
    "1992-01-01", "1992-02-29", "1993-02-29", "2000-02-29", "1900-02-29", "0001-01-01", "0000-01-01", "9999-12-31",
    "1992-13-01", "1992-00-10", "1992-01-32", "1992-1-1", "92-01-01", "1992/01/01", " 1992-01-01", "1992-01-01 ",
    "1992-01-01 10:20:30", "1992-01-01 10:20:30.5", "1992-01-01 10:20:30.123456", "1992-01-01 10:20:30.1234567",
    "1992-01-01 24:00:00", "1992-01-01 10:60:00", "1992-01-01T10:20:30", "1992-01-01 10:20", "1992-01-01 10:20:30Z",
    "1969-12-31 23:59:59.999999", "0099-07-04", "\u0661",
]  # fmt: skip


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    database = duckdb.connect(":memory:")
    for statement in MACROS:
        database.execute(statement)
    database.execute("SET GLOBAL errors_as_json = true; SET GLOBAL TimeZone = 'UTC'")
    yield database
    database.close()


def plan_of(kinds: dict[str, types.ColumnType], conversion: Conversion | None = None, **layout: Any) -> CopyPlan:
    columns = tuple(LoadColumn(name=name, type=kind) for name, kind in kinds.items())
    return CopyPlan(
        table="t", engine_name="temp.main.t", columns=columns, layout=Layout(**layout), conversion=conversion or Conversion()
    )


def quickly(connection: duckdb.DuckDBPyConnection, plan: CopyPlan, path: Path) -> list[tuple[Any, ...]] | None:
    """Return the rows, None where they are refused."""
    return _loaded(connection, plan, path, load_parsed)


def _loaded(connection: duckdb.DuckDBPyConnection, plan: CopyPlan, path: Path, way: Any) -> list[tuple[Any, ...]] | None:
    ddl = ", ".join(f'"{item.name}" {item.type.engine()}' for item in plan.columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE t ({ddl})")
    objects = [StoredObject(str(path), path.stat().st_size)]
    try:
        way(connection, plan, LocalStore((str(path.parent),)), objects, *((Progress(),) if way is load_parsed else ()))
    except (duckdb.Error, LoadFailedError, fields.BlankLineError):
        return None
    return connection.execute("SELECT * FROM t").fetchall()


@pytest.mark.parametrize(
    ("kind", "rounds"), [*((kind, False) for kind in KINDS), *((kind, True) for kind in KINDS if "numeric" in kind)]
)
def test_fields_as_the_careful_way_reads_them(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, rounds: bool
) -> None:
    plan = plan_of({"a": KINDS[kind], "b": KINDS["integer"]}, Conversion(round_decimals=rounds))
    assert fields.possible(plan)
    path, taken = tmp_path / "data", 0
    monkeypatch.setattr("engine.load.fields.possible", lambda plan: False)
    monkeypatch.setattr("engine.load.copy.possible", lambda plan: False)
    for text in TEXTS:
        path.write_text(f"{text}|1\n")
        found = quickly(connection, plan, path)
        if found is not None:
            taken += 1
            assert str(found) == str(_loaded(connection, plan, path, load)), text
    assert taken > 2


def test_plain_values_are_taken(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    # What files are full of must not be left to the slower ways.
    path = tmp_path / "data"
    path.write_bytes(
        "1|-2|9223372036854775807|12.34|1.5|t|2024-02-29|2024-02-29 01:02:03.4|äö|abc \n".encode()
        + b"\\N|||||||||\n"
        + b" 3 |+4|0|-.5|1e3|false|1999-12-31|1999-12-31|||\r\n"
    )
    kinds = ["smallint", "integer", "bigint", "numeric(4,2)", "double", "boolean", "date", "timestamp", "varchar(6)", "char(3)"]
    rows = quickly(connection, plan_of({f"c{number}": KINDS[kind] for number, kind in enumerate(kinds)}), path)
    assert rows is not None
    assert [[str(value) for value in row] for row in rows] == [
        ["1", "-2", "9223372036854775807", "12.34", "1.5", "True", "2024-02-29", "2024-02-29 01:02:03.400000", "äö", "abc"],
        ["None", "None", "None", "None", "None", "None", "None", "None", "", ""],
        ["3", "4", "0", "-0.50", "1000.0", "False", "1999-12-31", "1999-12-31 00:00:00", "", ""],
    ]


def test_random_csv_in_small_pieces(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, path = random.Random(7), tmp_path / "data"
    plan = plan_of({"a": KINDS["integer"], "b": types.declared("varchar", (100,)), "c": types.declared("char", (20,))},
                   format=Format.CSV, delimiter=",", ignore_header=2)  # fmt: skip
    rows = [
        (number, "".join(chance.choices('ab",\n\r é', k=chance.randrange(12))), "".join(chance.choices('x",\n', k=5)).rstrip())
        for number in range(500)
    ]
    quoted = ["," .join([str(a), *('"' + text.replace('"', '""') + '"' for text in (b, c))]) for a, b, c in rows]
    path.write_text("h1\nh2\n" + "\n".join(quoted), newline="")
    monkeypatch.setattr("engine.load.parsed._PIECE_BYTES", 256)
    assert quickly(connection, plan, path) == rows


@pytest.mark.parametrize(
    "data",
    [b"1|a\n2\n", b"1|a|b\n", b"1|a\n\n2|b\n", b"1|a\rb\n", b"1|a\x00\n", b"1|\xff\n", b"1|\xc3\n", b"1|\xed\xa0\x80\n", b"1|a||\n"],
    ids=repr,
)
def test_refused_lines(connection: duckdb.DuckDBPyConnection, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "data"
    path.write_bytes(data)
    assert quickly(connection, plan_of({"a": KINDS["integer"], "b": KINDS["varchar(6)"]}), path) is None


@pytest.mark.parametrize("data", [b'1,"a\n', b'1,"a"b\n', b'1,a"b\n', b'1,"a""\n'], ids=repr)
def test_refused_quotes(connection: duckdb.DuckDBPyConnection, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "data"
    path.write_bytes(data)
    plan = plan_of({"a": KINDS["integer"], "b": KINDS["varchar(6)"]}, format=Format.CSV, delimiter=",")
    assert quickly(connection, plan, path) is None


def test_blank_lines_and_a_mark(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"\xef\xbb\xbf1|a\n\n\r\n2|b|\n")
    plan = plan_of({"a": KINDS["integer"], "b": KINDS["varchar(6)"]}, ignore_blank_lines=True)
    assert quickly(connection, plan, path) == [(1, "a"), (2, "b")]
    path.write_bytes(b"a\n\nb\n")
    assert quickly(connection, plan_of({"b": KINDS["varchar(6)"]}), path) == [("a",), ("",), ("b",)]


def test_a_record_longer_than_a_piece(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path, long = tmp_path / "data", "x" * 60_000
    path.write_text("".join(f"{number}|{long}\n" for number in range(40)))
    plan = plan_of({"a": KINDS["integer"], "b": types.declared("varchar", (65535,))})
    wide = "y" * 700_000
    assert quickly(connection, plan, path) == [(number, long) for number in range(40)]
    path.write_text(f"1|a\n2|{wide}\n")
    assert quickly(connection, plan, path) is None


def test_memory_is_that_of_the_pieces_under_way(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"1|abc\n" * 2_000_000)
    progress = Progress()
    pieces = parsed._Pieces(
        plan_of({"a": KINDS["integer"], "b": KINDS["varchar(6)"]}),
        LocalStore((str(tmp_path),)),
        [StoredObject(str(path), path.stat().st_size)],
        progress,
    )
    with pieces.reader() as reader:
        assert reader.read_next_batch().num_rows > 0
        # The rest is read only when it is asked for.
        assert progress.bytes < path.stat().st_size / 2
