
"""COPY's two ways in, on a plain DuckDB connection and local files.

Expected values come from Redshift's COPY documentation: parameter descriptions and the load error reference.
"""

import bz2
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from core import types
from core.errors import SqlError
from engine.load import direct
from engine.load.copy import LoadFailedError, Occasion, error_rows, load
from engine.load.plan import Compression, Conversion, CopyPlan, Filler, Format, Layout, LoadColumn
from engine.load.source import files, manifest_files
from engine.macros import MACROS
from storage.objects import LocalStore

Columns = tuple[LoadColumn, ...]


def column(name: str, kind: str, *arguments: int, not_null: bool = False) -> LoadColumn:
    return LoadColumn(name=name, type=types.declared(kind, arguments), not_null=not_null)


TWO: Columns = (column("a", "integer"), column("b", "varchar", 5))


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    database = duckdb.connect(":memory:")
    for statement in MACROS:
        database.execute(statement)
    database.execute("SET GLOBAL errors_as_json = true; SET GLOBAL python_enable_replacements = false")
    database.execute("SET GLOBAL TimeZone = 'UTC'")
    database.execute("CREATE TABLE earlier (x INTEGER); BEGIN; INSERT INTO earlier VALUES (1)")
    yield database
    database.close()


class Loader:
    """Writes data files, loads them and shows what came in."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection = connection
        self.folder = folder
        self.store = LocalStore((str(folder),))

    def put(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def run(self, data: bytes, columns: Columns = TWO, **more: Any) -> list[tuple[Any, ...]]:
        self.put("data", data)
        self.load(columns, **more)
        return self.rows()

    def load(self, columns: Columns = TWO, prefix: str = "data", **more: Any) -> Any:
        ddl = ", ".join(f'"{item.name}" {item.type.engine()}' for item in columns)
        extra = "".join(f', "{item.name}" BIGINT' for item in more.get("fillers", ()))
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE t ({ddl}{extra})")
        plan = {key: value for key, value in more.items() if key in CopyPlan.__dataclass_fields__}
        layout = {key: value for key, value in more.items() if key in Layout.__dataclass_fields__}
        conversion = {key: value for key, value in more.items() if key in Conversion.__dataclass_fields__}
        copy = CopyPlan(
            table="t", engine_name="temp.main.t", columns=columns, layout=Layout(**layout), conversion=Conversion(**conversion), **plan
        )
        self.last = copy
        return load(self.connection, copy, self.store, files(self.store, f"{self.folder}/{prefix}"))

    def rows(self) -> list[tuple[Any, ...]]:
        return self.connection.execute("SELECT * FROM t ORDER BY ALL").fetchall()

    def faults(self, data: bytes, columns: Columns = TWO, **more: Any) -> list[tuple[int, str, int, str]]:
        self.put("data", data)
        with pytest.raises(LoadFailedError) as caught:
            self.load(columns, **more)
        assert self.rows() == []
        assert self.connection.execute("SELECT * FROM earlier").fetchall() == [(1,)]
        return [
            (item.line_number, item.column.name if item.column else "", item.fault.code, item.fault.reason)
            for item in caught.value.rejections
        ]


@pytest.fixture
def loader(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Loader:
    return Loader(connection, tmp_path)


# Each case is loaded the direct way where that is possible, and again the careful way: same answer.
SAME: list[tuple[str, bytes, Columns, dict[str, Any], list[tuple[Any, ...]]]] = [
    ("default delimiter, quotes are data", b'1|"x"\n2|y\'z\n', TWO, {}, [(1, '"x"'), (2, "y'z")]),
    ("trailing delimiter", b"1|x|\n2|y|\n", TWO, {}, [(1, "x"), (2, "y")]),
    ("carriage returns", b"1|x\r\n2|y\r\n", TWO, {}, [(1, "x"), (2, "y")]),
    ("old Mac line ends", b"1|x\r2|y\r", TWO, {}, [(1, "x"), (2, "y")]),
    ("no line end at the end", b"1|x\n2|y", TWO, {}, [(1, "x"), (2, "y")]),
    (r"\N is null, empty number is null, empty string is not", b"\\N|\\N\n|\n", TWO, {}, [(None, ""), (None, None)]),
    ("NULL AS", b"NULL|NULL\n", TWO, {"null_as": "NULL"}, [(None, None)]),
    ("EMPTYASNULL", b"1|\n2| \n", TWO, {"empty_as_null": True}, [(1, None), (2, " ")]),
    ("BLANKSASNULL", b"1|\n2|  \n", TWO, {"blanks_as_null": True}, [(1, ""), (2, None)]),
    ("TRIMBLANKS", b"1|ab   \n", TWO, {"trim_blanks": True}, [(1, "ab")]),
    ("TRUNCATECOLUMNS", b"1|abcdefgh\n", TWO, {"truncate_columns": True}, [(1, "abcde")]),
    ("TRUNCATECOLUMNS counts bytes", "1|äöüß\n".encode(), TWO, {"truncate_columns": True}, [(1, "äö")]),
    ("IGNOREHEADER", b"a|b|c\nx\n1|x\n", TWO, {"ignore_header": 2}, [(1, "x")]),
    ("tab", b"1\tx\n", TWO, {"delimiter": "\t"}, [(1, "x")]),
    ("CSV", b'1,"a,b"\n2,"x""y"\n3,"p\nq"\n4, z\n', TWO, {"format": Format.CSV, "delimiter": ","}, [(1, "a,b"), (2, 'x"y'), (3, "p\nq"), (4, " z")]),
    ("CSV QUOTE AS", b"1,'a,b'\n", TWO, {"format": Format.CSV, "delimiter": ",", "quote": "'"}, [(1, "a,b")]),
    ("CSV keeps quoted null text", b'1,"\\N"\n2,\\N\n', TWO, {"format": Format.CSV, "delimiter": ","}, [(1, "\\N"), (2, None)]),
    ("numbers are cut", b"1.999|-1.999\n.5|7.\n", (column("a", "numeric", 5, 2), column("b", "numeric", 5, 2)), {}, [("0.50", "7.00"), ("1.99", "-1.99")]),
    ("ROUNDEC", b"1.999|2.5\n", (column("a", "numeric", 5, 2), column("b", "numeric", 5, 0)), {"round_decimals": True}, [("2.00", "3")]),
    ("blanks around numbers", b" 7 | x\n+8|y\n007|z\n", TWO, {}, [(7, " x"), (7, "z"), (8, "y")]),
    ("booleans", b"t|No\n1|FALSE\ny|\n", (column("a", "boolean"), column("b", "boolean")), {}, [(True, False), (True, False), (True, None)]),
    ("dates", b"2008-01-02|2008-01-02 03:04:05.25\n", (column("a", "date"), column("b", "timestamp")), {}, [("2008-01-02", "2008-01-02 03:04:05.250000")]),
    ("formats", b"01/02/2008|2/3/2008 04:05:06\n", (column("a", "date"), column("b", "timestamp")), {"date_format": "MM/DD/YYYY", "time_format": "MM/DD/YYYY HH:MI:SS"}, [("2008-01-02", "2008-02-03 04:05:06")]),
    ("epochs", b"2008-01-02|1199242800\n", (column("a", "date"), column("b", "timestamp")), {"time_format": "epochsecs"}, [("2008-01-02", "2008-01-02 03:00:00")]),
    ("epoch milliseconds", b"2008-01-02|1199242800500\n", (column("a", "date"), column("b", "timestamptz")), {"time_format": "epochmillisecs"}, [("2008-01-02", "2008-01-02 03:00:00.500000+00:00")]),
    ("auto", b"Jan-31-1999|1/2/2008 3:04 PM\n20080215|2008-01-02T03:04:05\n", (column("a", "date"), column("b", "timestamp")), {"date_format": "auto", "time_format": "auto"}, [("1999-01-31", "2008-01-02 15:04:00"), ("2008-02-15", "2008-01-02 03:04:05")]),
    ("char is stored without its blanks", b"1|ab       \n", (column("a", "integer"), column("b", "char", 4)), {}, [(1, "ab")]),
    ("JSON auto", b'{"b":"x","a":1,"z":[1]}\n{"a":"2"} {"a":3.0e0,\n"b":{"k": [1.50, null]}}'.replace(b"3.0e0", b"3"), (column("a", "integer"), column("b", "varchar", 50)), {"format": Format.JSON}, [(1, "x"), (2, None), (3, '{"k":[1.50,null]}')]),
    ("JSON keeps a key's case", b'{"A":1,"b":"x"}', TWO, {"format": Format.JSON}, [(None, "x")]),
]  # fmt: skip


@pytest.mark.parametrize("way", ["direct", "careful"])
@pytest.mark.parametrize(("name", "data", "columns", "options", "expected"), SAME, ids=[case[0] for case in SAME])
def test_values(
    loader: Loader, monkeypatch: pytest.MonkeyPatch, way: str, name: str, data: bytes, columns: Columns, options: Any, expected: Any
) -> None:
    if way == "careful":
        monkeypatch.setattr("engine.load.copy.possible", lambda plan: False)
    found = loader.run(data, columns, **options)
    shown = [tuple(str(value) if isinstance(want, str) else value for value, want in zip(row, line, strict=True)) for row, line in zip(found, expected, strict=True)]
    assert shown == expected


CAREFUL: list[tuple[str, bytes, Columns, dict[str, Any], list[tuple[Any, ...]]]] = [
    ("ESCAPE", b"1|a\\|b\n2|c\\\nd\n3|\\N\n4|e\\\\\n", TWO, {"escape": True}, [(1, "a|b"), (2, "c\nd"), (3, None), (4, "e\\")]),
    ("REMOVEQUOTES", b"1|'a|b'\n\"2\"|\"it's\"\n", TWO, {"remove_quotes": True}, [(1, "a|b"), (2, "it's")]),
    ("FILLRECORD", b"1\n2|x\n", (*TWO, column("c", "integer")), {"fill_record": True}, [(1, "", None), (2, "x", None)]),
    ("ACCEPTINVCHARS", b"1|a\xff\xfe\n", TWO, {"replace_invalid": "?"}, [(1, "a??")]),
    ("IGNOREBLANKLINES", b"x\n\ny\n", (column("a", "varchar", 5),), {"ignore_blank_lines": True}, [("x",), ("y",)]),
    ("JSON ignoring case", b'{"A":1,"B":"x"}', TWO, {"format": Format.JSON, "json_ignore_case": True}, [(1, "x")]),
    ("JSONPaths", b'{"p":{"q":[5,6]},"r":"x"}\n{"p":{"q":[1,2]}}', TWO, {"format": Format.JSON, "json_paths": ("$.p.q[1]", "$['r']")}, [(6, "x"), (2, None)]),
    ("SUPER", b'{"a":{"k":1.10}}', (column("a", "super"),), {"format": Format.JSON}, [('{"k":"\ufdd01.10"}',)]),
    ("FIXEDWIDTH", b"12 ab\n3  cd  \n", TWO, {"format": Format.FIXED, "widths": (3, 4)}, [(3, "cd"), (12, "ab")]),
    ("UTF-16", "1|ä\n2|ö\n".encode("utf-16"), TWO, {"encoding": "utf-16"}, [(1, "ä"), (2, "ö")]),
    ("ISO 8859-1", "1|ä\n".encode("latin-1"), TWO, {"encoding": "iso-8859-1"}, [(1, "ä")]),
    ("JSON noshred", b'{"a": 1}', (column("a", "super"),), {"format": Format.JSON, "json_whole": True}, [('{"a":1}',)]),
    ("ACCEPTANYDATE", b"never|x\n", (column("a", "date"), column("b", "varchar", 5)), {"accept_any_date": True}, [(None, "x")]),
    ("PostgreSQL stream", b"1\ta\\tb\n\\N\t\\N\n2\tc\\\nd\n\\.\n9\tx\n", TWO, {"format": Format.STREAM, "delimiter": "\t"}, [(1, "a\tb"), (2, "c\nd"), (None, None)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "columns", "options", "expected"), CAREFUL, ids=[case[0] for case in CAREFUL])
def test_careful_only(loader: Loader, name: str, data: bytes, columns: Columns, options: Any, expected: Any) -> None:
    assert loader.run(data, columns, **options) == sorted(expected, key=lambda row: tuple((value is None, value) for value in row))


FAULTS: list[tuple[str, bytes, Columns, dict[str, Any], tuple[int, str, int, str]]] = [
    ("letters", b"1|x\na|y\n", TWO, {}, (2, "a", 1207, "Invalid digit, Value 'a', Pos 0, Type: Integer")),
    ("a fraction", b"1.5|x\n", TWO, {}, (1, "a", 1207, "Invalid digit, Value '.', Pos 1, Type: Integer")),
    ("hexadecimal", b"0x1F|x\n", TWO, {}, (1, "a", 1207, "Invalid digit, Value 'x', Pos 1, Type: Integer")),
    ("exponent", b"1e2|x\n", TWO, {}, (1, "a", 1207, "Invalid digit, Value 'e', Pos 1, Type: Integer")),
    ("overflow", b"9999999999|x\n", TWO, {}, (1, "a", 1222, "Integer overflow, Value '9999999999', Type: Integer")),
    ("too long", b"1|abcdef\n", TWO, {}, (1, "b", 1204, "String length exceeds DDL length")),
    ("too long in bytes", "1|äöü\n".encode(), TWO, {}, (1, "b", 1204, "String length exceeds DDL length")),
    ("char", b"1|abcde\n", (column("a", "integer"), column("b", "char", 4)), {}, (1, "b", 1204, "Char length exceeds DDL length")),
    ("char beyond ASCII", "1|é\n".encode(), (column("a", "integer"), column("b", "char", 4)), {}, (1, "b", 1220, "Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: c3 a9")),
    ("numeric", b"1000|x\n", (column("a", "numeric", 5, 2), column("b", "varchar", 5)), {}, (1, "a", 1204, "Overflow for NUMERIC(5,2)")),
    ("date", b"1/2/8|x\n", (column("a", "date"), column("b", "varchar", 5)), {}, (1, "a", 1205, "Invalid Date Format - length must be 10 or more")),
    ("timestamp", b"never|x\n", (column("a", "timestamp"), column("b", "varchar", 5)), {}, (1, "a", 1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]")),
    ("boolean", b"maybe|x\n", (column("a", "boolean"), column("b", "varchar", 5)), {}, (1, "a", 1210, "Invalid boolean format")),
    ("not null", b"1|x\n|y\n", (column("a", "integer", not_null=True), column("b", "varchar", 5)), {}, (2, "a", 1213, "Missing data for not-null field")),
    ("extra column", b"1|x|y\n", TWO, {}, (1, "", 1202, "Extra column(s) found")),
    ("no delimiter", b"1,x\n", TWO, {}, (1, "", 1214, "Delimiter not found")),
    ("bad UTF-8", b"1|\xff\n", TWO, {}, (1, "", 1220, "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: ff (error 3)")),
    ("CSV quotes", b'1,"a"b\n', TWO, {"format": Format.CSV, "delimiter": ","}, (1, "", 1214, "Invalid quote formatting for CSV")),
    ("line of a quoted record", b'1,"a\nb"\nz,c\n', TWO, {"format": Format.CSV, "delimiter": ","}, (3, "a", 1207, "Invalid digit, Value 'z', Pos 0, Type: Integer")),
    ("no end quote", b"1|'a\n", TWO, {"remove_quotes": True}, (1, "", 1214, "Delimited value missing end quote")),
    ("JSON", b'{"a":1}\n{"a":\n', TWO, {"format": Format.JSON}, (2, "", 1224, "Invalid JSON format")),
    ("JSON array", b"[1]", TWO, {"format": Format.JSON}, (1, "", 1224, "Invalid JSON format: a top-level object is expected")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "columns", "options", "expected"), FAULTS, ids=[case[0] for case in FAULTS])
def test_faults(loader: Loader, name: str, data: bytes, columns: Columns, options: Any, expected: Any) -> None:
    assert loader.faults(data, columns, **options) == [expected]


def test_bad_records_below_the_limit_are_left_out(loader: Loader) -> None:
    loader.put("data", b"1|a\nx|b\n3|c\n4|toolong\n5\n")
    loaded = loader.load(max_errors=4)
    assert (loaded.rows, loader.rows()) == (2, [(1, "a"), (3, "c")])
    assert [(item.line_number, item.fault.code) for item in loaded.rejections] == [(2, 1207), (4, 1204), (5, 1214)]


def test_a_load_fails_at_its_limit(loader: Loader) -> None:
    assert [line for line, *_ in loader.faults(b"1|a\nx|b\n3|c\nx|d\nx|e\n", max_errors=2)] == [2, 4]


def test_the_failure_is_worded_as_redshift_does(loader: Loader) -> None:
    loader.put("data", b"x|a\n")
    with pytest.raises(SqlError, match=r"^Load into table 't' failed\.  Check 'stl_load_errors' system table for details\.$"):
        loader.load()


def test_a_fresh_transaction_is_begun_again(loader: Loader) -> None:
    loader.connection.execute("ROLLBACK")
    loader.connection.execute("CREATE TEMP TABLE t (a INTEGER, b VARCHAR); BEGIN")
    loader.put("data", b"1|a\nx|b\n3|c\n")
    plan = CopyPlan(table="t", engine_name="temp.main.t", columns=TWO, max_errors=5)
    loaded = load(loader.connection, plan, loader.store, files(loader.store, f"{loader.folder}/data"), fresh=True)
    loader.connection.execute("COMMIT")
    assert (loaded.rows, len(loaded.rejections), loader.rows()) == (2, 1, [(1, "a"), (3, "c")])


@pytest.mark.parametrize("kind", [Compression.GZIP, Compression.BZIP2, Compression.ZSTD])
@pytest.mark.parametrize("escape", [False, True])
def test_packed_files(loader: Loader, kind: Compression, *, escape: bool) -> None:
    pack = {Compression.GZIP: gzip.compress, Compression.BZIP2: bz2.compress, Compression.ZSTD: lambda data: pa.compress(data, "zstd", asbytes=True)}
    assert loader.run(pack[kind](b"1|x\n2|y\n"), compression=kind, escape=escape) == [(1, "x"), (2, "y")]


def test_a_file_that_is_not_packed_as_said(loader: Loader) -> None:
    loader.put("data", b"1|x\n")
    with pytest.raises(SqlError, match="cannot be read as gzip"):
        loader.load(compression=Compression.GZIP)


def test_a_prefix_means_every_key_that_starts_with_it(loader: Loader) -> None:
    loader.put("data.1", b"1|x\n")
    loader.put("data.2", b"2|y\n")
    loader.put("other", b"3|z\n")
    assert loader.load().rows == 2


def test_nothing_under_a_prefix(loader: Loader) -> None:
    with pytest.raises(SqlError, match=r"The specified S3 prefix '.*nothing' does not exist"):
        loader.load(prefix="nothing")


def test_manifest(loader: Loader) -> None:
    loader.put("data.1", b"1|x\n")
    entries = [{"url": f"{loader.folder}/data.1", "mandatory": True}, {"url": f"{loader.folder}/gone", "mandatory": False}]
    loader.put("list", json.dumps({"entries": entries}).encode())
    assert [item.location for item in manifest_files(loader.store, f"{loader.folder}/list")] == [f"{loader.folder}/data.1"]
    loader.put("list", json.dumps({"entries": [{"url": f"{loader.folder}/gone", "mandatory": True}]}).encode())
    with pytest.raises(SqlError, match="mandatory file"):
        manifest_files(loader.store, f"{loader.folder}/list")


def test_fillers_get_a_value_a_row(loader: Loader) -> None:
    loader.put("data", b"1|x\n2|y\n")
    loader.load(fillers=(Filler(name="id", sql="100 + row_number() OVER ()"),))
    assert [row[2] for row in loader.rows()] == [101, 102]


def test_noload_checks_and_loads_nothing(loader: Loader) -> None:
    loader.put("data", b"1|x\n")
    assert loader.load(no_load=True).rows == 1
    assert loader.rows() == []


def test_parquet_goes_by_position(loader: Loader) -> None:
    loader.connection.execute(f"COPY (SELECT 7 AS z, 'x' AS a) TO '{loader.folder}/data' (FORMAT parquet)")
    loader.load(format=Format.PARQUET)
    assert loader.rows() == [(7, "x")]


def test_parquet_needs_as_many_columns(loader: Loader) -> None:
    loader.connection.execute(f"COPY (SELECT 7 AS z) TO '{loader.folder}/data' (FORMAT parquet)")
    with pytest.raises(SqlError, match="Spectrum Scan Error"):
        loader.load(format=Format.PARQUET)


def test_the_usual_options_go_the_direct_way() -> None:
    plan = CopyPlan(table="t", engine_name="t", columns=TWO, layout=Layout(ignore_header=1, compression=Compression.GZIP))
    assert direct.possible(plan)


def test_rows_for_the_journal(loader: Loader) -> None:
    from datetime import UTC, datetime

    loader.put("data", b"1|toolong\n")
    with pytest.raises(LoadFailedError) as caught:
        loader.load()
    started = datetime(2026, 1, 2, tzinfo=UTC)
    row = error_rows(caught.value.rejections, Occasion(user=100, table=5, started=started, session=7, query=9))[0]
    assert row[6:16] == (f"{loader.folder}/data", 1, "b", "varchar", "5", 0, "1|toolong", "toolong", 1204, "String length exceeds DDL length")


@pytest.mark.parametrize("fresh", [False, True])
def test_a_blank_line_is_a_line(loader: Loader, fresh: bool) -> None:
    columns, data = TWO, b"1|a\n\n2|b\n"
    assert [(line, code) for line, _, code, _ in loader.faults(data, columns)] == [(2, 1214)]
    assert loader.run(data, columns, ignore_blank_lines=True) == [(1, "a"), (2, "b")]
    loader.connection.execute("COMMIT; BEGIN")
    plan = CopyPlan(table="t", engine_name="temp.main.t", columns=columns, layout=Layout())
    with pytest.raises(LoadFailedError):
        load(loader.connection, plan, loader.store, files(loader.store, f"{loader.folder}/data"), fresh=fresh)
