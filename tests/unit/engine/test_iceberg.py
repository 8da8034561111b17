"""Apache Iceberg: Avro files as another library has them, hashes, bounds, and rows that are deleted in every way."""

import io
import json
import struct
import zlib
from decimal import Decimal
from pathlib import Path

import duckdb
import fastavro
import pytest

from core import types as sql_types
from core.errors import SqlError
from core.nested import Scalar
from engine.external import scan
from engine.external.scan import Scan
from engine.iceberg import avro, manifests, transforms, types, vectors
from engine.iceberg.manifests import ContentFile, PartitionType
from engine.iceberg.metadata import FACTS
from session.functions import install_functions
from storage.datacatalog import Table
from storage.objects import LocalStore

PAIR = {"type": "record", "name": "k1_v2", "fields": [{"name": "key", "type": "int"}, {"name": "value", "type": "bytes"}]}
SCHEMA = {
    "type": "record", "name": "r", "fields": [
        {"name": "a", "type": ["null", "long"]},
        {"name": "b", "type": "string"},
        {"name": "m", "type": {"type": "array", "logicalType": "map", "items": PAIR}},
        {"name": "f", "type": {"type": "fixed", "name": "x", "size": 3}},
        {"name": "d", "type": ["null", "double"]},
    ],
}  # fmt: skip
RECORDS = [
    {"a": None, "b": "é" * 100, "m": [{"key": 1, "value": b"zz"}], "f": b"abc", "d": 1.5},
    {"a": -(2**63), "b": "", "m": [], "f": b"abc", "d": None},
    {"a": 2**63 - 1, "b": "", "m": [], "f": b"abc", "d": -0.5},
]


def test_what_is_written_another_library_reads() -> None:
    found = fastavro.reader(io.BytesIO(avro.write(SCHEMA, RECORDS, {"x": "y"})))
    assert list(found) == RECORDS
    assert found.metadata["x"] == "y"


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_what_another_library_writes_is_read(codec: str) -> None:
    file = io.BytesIO()
    fastavro.writer(file, SCHEMA, RECORDS * 1000, codec=codec)
    assert avro.read(file.getvalue())[1] == RECORDS * 1000


@pytest.mark.parametrize("content", [b"", b"Obj\x01", b"no avro file", avro.write(SCHEMA, RECORDS, {})[:-20]])
def test_a_damaged_file_is_an_error(content: bytes) -> None:
    with pytest.raises(SqlError, match="manifest cannot be read"):
        avro.read(content)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    install_functions(made)
    return made


@pytest.mark.parametrize(
    ("transform", "kind", "value", "expected"),
    [
        # The specification's test values of the hash, and its examples of truncation.
        ("bucket[2147483647]", "int", "34::int", 2017239379),
        ("bucket[2147483647]", "decimal(9, 2)", "14.20::decimal(9,2)", -500754589 & 0x7FFFFFFF),
        ("bucket[2147483647]", "date", "date '2017-11-16'", -653330422 & 0x7FFFFFFF),
        ("bucket[2147483647]", "timestamp", "timestamp '2017-11-16 22:31:08'", -2047944441 & 0x7FFFFFFF),
        ("bucket[2147483647]", "string", "'iceberg'", 1210000089),
        ("bucket[16]", "string", "NULL::varchar", None),
        ("truncate[10]", "int", "-1", -10),
        ("truncate[10]", "int", "1", 0),
        ("truncate[50]", "decimal(9, 2)", "10.65::decimal(9,2)", Decimal("10.50")),
        ("truncate[3]", "string", "'iceberg'", "ice"),
        ("year", "date", "date '1969-12-31'", -1),
        ("month", "date", "date '1970-02-01'", 1),
        ("hour", "timestamp", "timestamp '1969-12-31 23:30:00'", -1),
        ("hour", "timestamptz", "timestamptz '1970-01-01 02:30:00+01'", 1),
    ],
)
def test_transforms(
    connection: duckdb.DuckDBPyConnection, transform: str, kind: str, value: str, expected: object
) -> None:
    found = connection.execute(f"SELECT {transforms.sql(transform, kind, value)}").fetchone()
    assert found == (expected if expected != 2**31 - 1 else 0,)


def test_bounds_are_never_inside() -> None:
    assert types.bound("string", "a" * 17, upper=False) == b"a" * 16
    assert types.bound("string", "a" * 17, upper=True) == b"a" * 15 + b"b"
    assert types.bound("string", "\U0010ffff" * 17, upper=True) is None
    assert types.bound("int", -2, upper=True) == b"\xfe\xff\xff\xff"
    assert types.bound("decimal(9, 2)", Decimal("-1.28"), upper=False) == b"\x80"
    assert types.constant("decimal(9, 2)", b"\x80") == "CAST('-1.28' AS DECIMAL(9, 2))"
    assert types.constant("date", types.bound("date", 1, upper=True) or b"") == "CAST('1970-01-02' AS DATE)"


def _vector(*containers: bytes, heads: list[tuple[int, int]], runs: bytes | None = None) -> bytes:
    count = len(heads)
    start = struct.pack("<I", 12346) + struct.pack("<I", count) if runs is None else struct.pack("<I", 12347 | count - 1 << 16) + runs
    body = start + b"".join(struct.pack("<HH", key, size - 1) for key, size in heads)
    if runs is None or count >= 4:
        body += bytes(4 * count)
    blob = b"\xd1\xd3\x39\x64" + struct.pack("<QI", 1, 2) + body + b"".join(containers)
    return struct.pack(">I", len(blob)) + blob + struct.pack(">I", zlib.crc32(blob))


def test_deletion_vectors() -> None:
    sparse = _vector(struct.pack("<HH", 3, 9), heads=[(1, 2)])
    assert vectors.positions(sparse, "f") == [2 << 32 | 1 << 16 | 3, 2 << 32 | 1 << 16 | 9]
    dense = _vector(b"\xff" * 8192, heads=[(0, 65536)])
    assert vectors.positions(dense, "f") == [2 << 32 | value for value in range(65536)]
    runs = _vector(struct.pack("<HHH", 1, 5, 2), heads=[(0, 3)], runs=b"\x01")
    assert vectors.positions(runs, "f") == [2 << 32 | value for value in (5, 6, 7)]
    with pytest.raises(SqlError, match="cannot be read"):
        vectors.positions(sparse[:-1] + b"\x00", "f")


def _scan(tmp_path: Path, manifest_files: list[str]) -> Scan:
    facts = {"fields": {"a": 1, "b": 2}, "ever": {"1": ["a", "long"], "2": ["b", "string"]}, "manifests": manifest_files}
    store = LocalStore((str(tmp_path),))
    return Scan(
        view='temp.main."rs_external_1"', oid=1,
        table=Table(name="t", parameters=(("table_type", "ICEBERG"), (FACTS, json.dumps(facts)))),
        columns=(("a", Scalar(sql_types.of("int8"))), ("b", Scalar(sql_types.with_length("varchar", 20_000)))), keys=(),
        serialized=False, partitions=list, store=lambda _: store,
    )  # fmt: skip


EQUALITY = {
    "type": "record", "name": "manifest_entry", "fields": [
        {"name": "status", "type": "int"},
        {"name": "sequence_number", "type": "long"},
        {"name": "data_file", "type": {"type": "record", "name": "r2", "fields": [
            {"name": "content", "type": "int"},
            {"name": "file_path", "type": "string"},
            {"name": "file_format", "type": "string"},
            {"name": "partition", "type": {"type": "record", "name": "r102", "fields": [{"name": "p", "type": "int"}]}},
            {"name": "record_count", "type": "long"},
            {"name": "file_size_in_bytes", "type": "long"},
            {"name": "equality_ids", "type": {"type": "array", "items": "int"}},
            {"name": "referenced_data_file", "type": "string"},
            {"name": "content_offset", "type": "long"},
            {"name": "content_size_in_bytes", "type": "long"},
        ]}},
    ],
}  # fmt: skip


def test_rows_that_deletes_name_are_left_out(tmp_path: Path) -> None:
    made = duckdb.connect()
    data = [tmp_path / f"data{index}.parquet" for index in range(3)]
    for index, file in enumerate(data):
        made.execute(f"COPY (SELECT range AS a, 'f{index}' AS b FROM range(5)) TO '{file}' (FIELD_IDS {{a: 1, b: 2}})")
    gone, equal, vector = tmp_path / "gone.parquet", tmp_path / "equal.parquet", tmp_path / "v.puffin"
    made.execute(f"COPY (SELECT '{data[0]}' AS file_path, unnest([1, 3]) AS pos) TO '{gone}'")
    made.execute(f"COPY (SELECT 2::bigint AS a) TO '{equal}' (FIELD_IDS {{a: 1}})")
    blob = _vector(struct.pack("<H", 4), heads=[(0, 1)]).replace(struct.pack("<QI", 1, 2), struct.pack("<QI", 1, 0))
    blob = blob[:-4] + struct.pack(">I", zlib.crc32(blob[4:-4]))
    vector.write_bytes(b"PFA1" + blob)

    def entry(content: int, file: Path, sequence: int, **more: object) -> dict[str, object]:
        facts = {"content": content, "file_path": str(file), "file_format": "PARQUET", "partition": {"p": 1},
                 "record_count": 5, "file_size_in_bytes": 1, "equality_ids": [], "referenced_data_file": "",
                 "content_offset": 0, "content_size_in_bytes": 0}  # fmt: skip
        return {"status": 1, "sequence_number": sequence, "data_file": facts | more}

    entries = [
        entry(0, data[0], 1), entry(0, data[1], 1, partition={"p": 2}), entry(0, data[2], 3),
        entry(1, gone, 2),
        # Of its own partition, and of what was there before it.
        entry(2, equal, 2, equality_ids=[1]),
        entry(1, vector, 4, file_format="PUFFIN", referenced_data_file=str(data[2]), content_offset=4,
              content_size_in_bytes=len(blob)),
    ]  # fmt: skip
    (tmp_path / "m").write_bytes(avro.write(EQUALITY, entries, {}))
    found = _scan(tmp_path, [str(tmp_path / "m")])
    scan.prepare(made, [found], None, [])
    rows = made.execute(f"SELECT b, list(a ORDER BY a) FROM {found.view} GROUP BY b ORDER BY b").fetchall()
    assert rows == [("f0", [0, 4]), ("f1", [0, 1, 2, 3, 4]), ("f2", [0, 1, 2, 3])]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("a = 15", {1}),
        ("a > 12", {1, 2}),
        ("b LIKE 'm%' AND a < 5", {0}),
        ("abs(a) = 15", {0, 1, 2}),
        ("a < 5 OR a = 25", {0, 1, 2}),
    ],
)
def test_files_whose_bounds_a_condition_rules_out_are_not_read(
    tmp_path: Path, where: str, expected: set[int]
) -> None:
    made = duckdb.connect()
    files = []
    for index in range(3):
        path = tmp_path / f"{index}.parquet"
        made.execute(
            f"COPY (SELECT {index} * 10 + range AS a, 'm' AS b FROM range(10)) TO '{path}' (FIELD_IDS {{a: 1, b: 2}})"
        )
        low, high = (types.bound("long", index * 10 + more, upper=False) for more in (0, 9))
        files.append(ContentFile(location=str(path), size_bytes=1, records=10, nulls={1: 0}, lower={1: low}, upper={1: high}))
    part = [PartitionType(id=1000, name="p", type="int")]
    content = manifests.manifest(1, [_with(file, index) for index, file in enumerate(files)], part, {"schema": {}})
    (tmp_path / "m").write_bytes(content)
    found = _scan(tmp_path, [str(tmp_path / "m")])
    query = f"SELECT * FROM {found.view} WHERE {where}"
    scan.prepare(made, [found], query, [])
    definition = made.execute("SELECT sql FROM duckdb_views() WHERE view_name = 'rs_external_1'").fetchone()
    assert definition is not None
    assert {index for index in range(3) if f"{tmp_path}/{index}.parquet" in definition[0]} == expected
    # Nor are they copied for a change.
    chosen = scan.changeable(made, found, 'temp.main."rs_changed_1"', f'SELECT 1 FROM temp.main."rs_changed_1" WHERE {where}')
    assert {int(Path(file.location).stem) for file in chosen} == expected
    copied = made.execute('SELECT DISTINCT a // 10, rs_file FROM temp.main."rs_changed_1" ORDER BY ALL').fetchall()
    assert copied == [(index, number) for number, index in enumerate(sorted(expected))]
    assert len(scan.changeable(made, found, 'temp.main."rs_changed_1"', None)) == 3


def _with(file: ContentFile, index: int) -> ContentFile:
    return ContentFile(
        location=file.location, size_bytes=1, records=10, partition=(index,), nulls=file.nulls, lower=file.lower,
        upper=file.upper,
    )  # fmt: skip
