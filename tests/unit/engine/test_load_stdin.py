"""COPY FROM STDIN: PostgreSQL's text and CSV formats, in pieces that end anywhere."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from engine.load.plan import CopyPlan, Format, Layout, LoadColumn
from engine.load.stdin import StdinLoad

COLUMNS = (
    LoadColumn(name="a", type=types.of("int4"), not_null=False),
    LoadColumn(name="b", type=types.declared("varchar", (100,))),
)
TEXT = Layout(format=Format.STREAM, delimiter="\t")
CSV = Layout(format=Format.CSV, delimiter=",", null_as="", ignore_header=1)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    database = duckdb.connect(":memory:")
    database.execute("SET GLOBAL errors_as_json = true; CREATE TABLE t (a INTEGER, b VARCHAR)")
    yield database
    database.close()


def run(connection: duckdb.DuckDBPyConnection, pieces: list[bytes], layout: Layout = TEXT) -> list[tuple[object, ...]]:
    work = StdinLoad(CopyPlan(table="t", engine_name="t", columns=COLUMNS, layout=layout))
    for piece in pieces:
        work.write(piece)
    work.load(connection)
    return connection.execute("SELECT * FROM t ORDER BY ALL").fetchall()


def test_text(connection: duckdb.DuckDBPyConnection) -> None:
    assert run(connection, [b"1\tx\n2\t", b"\\N\n3\ta\\", b"tb\n"]) == [(1, "x"), (2, None), (3, "a\tb")]


def test_end_of_data_mark(connection: duckdb.DuckDBPyConnection) -> None:
    assert run(connection, [b"1\tx\n\\.\n"]) == [(1, "x")]


def test_csv_with_header(connection: duckdb.DuckDBPyConnection) -> None:
    assert run(connection, [b'a,b\n1,"x,y"\n2,\n3,""\n'], CSV) == [(1, "x,y"), (2, None), (3, "")]


def test_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    assert run(connection, []) == []


def test_a_bad_value_names_line_and_column(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(SqlError) as caught:
        run(connection, [b"1\tx\nq\ty\n"])
    assert (caught.value.state, caught.value.detail) == (SqlState.INVALID_TEXT_REPRESENTATION, 'COPY t, line 2, column a: "q"')


def test_the_file_goes_away(connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run(connection, [b"1\tx\n"])
    StdinLoad(CopyPlan(table="t", engine_name="t", columns=COLUMNS, layout=TEXT)).close()
    assert list(tmp_path.iterdir()) == []


_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_WORDS = st.text(st.sampled_from("aN\\\t\n\r|é'\""), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | _WORDS, max_size=8), st.integers(1, 7))
def test_every_string_comes_back(values: list[str | None], step: int) -> None:
    """PostgreSQL, "COPY", Text Format: what it would write is read as what it was."""
    lines = [
        f"{number}\t" + ("\\N" if value is None else "".join(_ESCAPED.get(char, char) for char in value)) + "\n"
        for number, value in enumerate(values)
    ]
    data = "".join(lines).encode()
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE t (a INTEGER, b VARCHAR)")
        found = run(connection, [data[start : start + step] for start in range(0, len(data), step)])
    assert found == list(enumerate(values))
