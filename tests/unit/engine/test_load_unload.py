
"""UNLOAD on a plain DuckDB connection into a local folder; names, formats and options as Redshift's page says."""

import bz2
import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import types
from core.errors import SqlError
from core.types import Column
from engine.load.plan import Compression, Format, Unloaded, UnloadPlan
from engine.load.unload import unload
from storage.objects import LocalStore

QUERY = "SELECT * FROM (VALUES (1, 'x', true), (2, 'a|b', false), (3, NULL, NULL)) AS v(a, b, c) ORDER BY a"
COLUMNS = (Column("a", types.of("int4")), Column("b", types.of("varchar")), Column("c", types.of("bool")))


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    database = duckdb.connect(":memory:")
    yield database
    database.close()


class Unloader:
    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection, self.folder = connection, folder

    def run(self, query: str = QUERY, columns: tuple[Column, ...] = COLUMNS, **more: Any) -> Unloaded:
        plan = UnloadPlan(query=query, destination=f"{self.folder}/out/venue_", **more)
        return unload(self.connection, plan, columns, LocalStore((str(self.folder),)))

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder / "out")) for path in (self.folder / "out").rglob("*") if path.is_file())

    def text(self, name: str = "venue_0000_part_00") -> str:
        return (self.folder / "out" / name).read_text()


@pytest.fixture
def unloader(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Unloader:
    return Unloader(connection, tmp_path)


TEXTS: list[tuple[str, dict[str, Any], str]] = [
    ("text", {}, "1|x|t\n2|a|b|f\n3||\n"),
    ("header", {"header": True}, "a|b|c\n1|x|t\n2|a|b|f\n3||\n"),
    ("delimiter and null", {"delimiter": "\t", "null_as": "@"}, "1\tx\tt\n2\ta|b\tf\n3\t@\t@\n"),
    ("escape", {"escape": True}, "1|x|t\n2|a\\|b|f\n3||\n"),
    ("addquotes", {"add_quotes": True}, '"1"|"x"|"t"\n"2"|"a|b"|"f"\n"3"||\n'),
    ("fixed width", {"format": Format.FIXED, "widths": (("0", 3), ("1", 3), ("2", 1))}, "1  x  t\n2  a|bf\n3      \n"),
    ("csv", {"format": Format.CSV, "delimiter": "|", "header": True}, 'a|b|c\n1|x|t\n2|"a|b"|f\n3||\n'),
    ("json", {"format": Format.JSON}, '{"a":1,"b":"x","c":true}\n{"a":2,"b":"a|b","c":false}\n{"a":3,"b":null,"c":null}\n'),
]


@pytest.mark.parametrize(("name", "options", "expected"), TEXTS, ids=[case[0] for case in TEXTS])
def test_text(unloader: Unloader, name: str, options: dict[str, Any], expected: str) -> None:
    done = unloader.run(**options)
    assert (unloader.text(), done.rows) == (expected, 3)


def test_values_read_as_psql_shows_them(unloader: Unloader) -> None:
    kinds = ("float8", "timestamp", "date", "numeric", "varbyte")
    query = "SELECT 1.0::DOUBLE a, TIMESTAMP '2008-01-02 03:04:05.5' b, DATE '2008-01-02' c, 1.50::DECIMAL(5,2) d, 'ab'::BLOB e"
    unloader.run(query, tuple(Column(kind, types.of(kind)) for kind in kinds))
    assert unloader.text() == "1|2008-01-02 03:04:05.5|2008-01-02|1.50|6162\n"


def test_csv_quotes_quotes_and_line_ends(unloader: Unloader) -> None:
    unloader.run("SELECT 'say \"hi\"' a, 'x' || chr(10) || 'y' b", (Column("a", types.of("varchar")), Column("b", types.of("varchar"))), format=Format.CSV, delimiter=",")
    assert unloader.text() == '"say ""hi""","x\ny"\n'


@pytest.mark.parametrize(("kind", "suffix", "unpack"), [
    (Compression.GZIP, ".gz", gzip.decompress), (Compression.BZIP2, ".bz2", bz2.decompress),
    (Compression.ZSTD, ".zst", lambda data: pa.CompressedInputStream(pa.py_buffer(data), "zstd").read()),
])  # fmt: skip
def test_packed(unloader: Unloader, kind: Compression, suffix: str, unpack: Any) -> None:
    unloader.run(compression=kind)
    assert unpack((unloader.folder / "out" / f"venue_0000_part_00{suffix}").read_bytes()) == b"1|x|t\n2|a|b|f\n3||\n"


def test_parallel_off_names_and_order(unloader: Unloader) -> None:
    unloader.run("SELECT range AS a FROM range(30000) ORDER BY a", (COLUMNS[0],), parallel=False)
    assert unloader.names() == ["venue_000"]
    assert unloader.text("venue_000") == "".join(f"{number}\n" for number in range(30000))


def test_parallel_files_hold_every_row_once(unloader: Unloader) -> None:
    done = unloader.run("SELECT range AS a FROM range(30000)", (COLUMNS[0],))
    assert unloader.names() == ["venue_0000_part_00", "venue_0001_part_00"]
    lines = [line for name in unloader.names() for line in unloader.text(name).splitlines()]
    assert sorted(map(int, lines)) == list(range(30000))
    assert sum(item.rows for item in done.files) == done.rows == 30000


def test_maxfilesize_starts_another_part(unloader: Unloader) -> None:
    unloader.run("SELECT range AS a FROM range(40000)", (COLUMNS[0],), parallel=False, max_file_bytes=60_000)
    assert unloader.names()[:2] == ["venue_000", "venue_001"]


def test_parquet(unloader: Unloader) -> None:
    unloader.run(format=Format.PARQUET)
    file = pq.ParquetFile(unloader.folder / "out" / "venue_0000_part_00.parquet")
    assert file.read().to_pylist() == [{"a": 1, "b": "x", "c": True}, {"a": 2, "b": "a|b", "c": False}, {"a": 3, "b": None, "c": None}]
    assert file.metadata.row_group(0).column(0).compression == "SNAPPY"


def test_partitions(unloader: Unloader) -> None:
    unloader.run("SELECT * FROM (VALUES (1, 'x'), (2, 'y/z'), (3, NULL)) AS v(a, b)", COLUMNS[:2], partition_by=("b",))
    assert unloader.names() == [
        "venue_/b=__HIVE_DEFAULT_PARTITION__/0000_part_00", "venue_/b=x/0000_part_00", "venue_/b=y%2Fz/0000_part_00",
    ]  # fmt: skip
    assert unloader.text("venue_/b=x/0000_part_00") == "1\n"


def test_partitions_of_bytes_and_decimals_in_parquet(unloader: Unloader) -> None:
    unloader.connection.execute("SET arrow_output_version = '1.5'")
    columns = (COLUMNS[0], Column("b", types.of("varbyte")), Column("d", types.numeric(9, 2)))
    rows = "(VALUES (1, 'x'::BLOB, 1.25::DECIMAL(9, 2)), (2, NULL, NULL)) AS v(a, b, d)"
    unloader.run(f"SELECT * FROM {rows}", columns, partition_by=("a",), format=Format.PARQUET)
    found = next(unloader.folder.rglob("a=1/*.parquet"))
    held = pq.read_table(found, partitioning=None)
    assert held.to_pylist() == [{"b": b"x", "d": Decimal("1.25")}]


def test_partition_include_keeps_the_column(unloader: Unloader) -> None:
    unloader.run("SELECT 1 AS a, 'x' AS b", COLUMNS[:2], partition_by=("b",), partition_include=True, format=Format.PARQUET)
    path = unloader.folder / "out/venue_/b=x/0000_part_00.parquet"
    assert pq.ParquetFile(path).read().to_pylist() == [{"a": 1, "b": "x"}]


def test_a_destination_must_be_empty(unloader: Unloader) -> None:
    unloader.run()
    with pytest.raises(SqlError, match="Specified unload destination on S3 is not empty"):
        unloader.run()
    unloader.run(allow_overwrite=True)


def test_cleanpath_removes_what_was_there(unloader: Unloader) -> None:
    unloader.run("SELECT range AS a FROM range(30000)", (COLUMNS[0],))
    unloader.run(clean_path=True)
    assert unloader.names() == ["venue_0000_part_00"]


def test_no_rows_make_an_empty_file(unloader: Unloader) -> None:
    assert unloader.run(QUERY.replace("ORDER BY", "WHERE false ORDER BY"), header=True).rows == 0
    assert unloader.text() == "a|b|c\n"


def test_manifest(unloader: Unloader) -> None:
    unloader.run(manifest=True, manifest_verbose=True)
    manifest = json.loads(unloader.text("venue_manifest"))
    assert manifest["entries"] == [{"url": f"{unloader.folder}/out/venue_0000_part_00", "meta": {"content_length": 18, "record_count": 3}}]
    assert manifest["meta"] == {"content_length": 18, "record_count": 3}
    assert manifest["schema"]["elements"][0] == {"name": "a", "type": {"base": "integer"}}
