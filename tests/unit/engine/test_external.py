"""Scans of external tables: which partitions a query needs, and what text becomes."""

import json
from pathlib import Path

import duckdb
import pytest
from duckdb_extensions import import_extension

from core import types
from core.nested import Scalar
from engine.external import scan
from engine.external.scan import Scan
from session.functions import install_functions
from storage.datacatalog import TEXT_SERDE, Column, Partition, Storage, Table
from storage.objects import LocalStore


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    install_functions(made)
    return made


def _scan(folder: Path, days: list[str], asked: list[str]) -> Scan:
    storage = Storage(location=str(folder), serde=TEXT_SERDE, serde_parameters=(("field.delim", "|"),))
    partitions = [
        Partition(values=(day,), storage=Storage(location=str(folder / day), serde=TEXT_SERDE)) for day in days
    ]
    for day in days:
        (folder / day).mkdir()
        (folder / day / "a").write_text(f"{day[-1]}|x\n")
    store = LocalStore((str(folder),))

    def opened(place: str) -> LocalStore:
        asked.append(Path(place).name)
        return store

    return Scan(
        view='temp.main."rs_external_1"',
        oid=1,
        table=Table(
            name="t", columns=(Column("a", "int"), Column("b", "varchar(5)")), keys=(Column("day", "date"),),
            storage=storage,
        ),
        columns=(("a", Scalar(types.of("int4"))), ("b", Scalar(types.with_length("varchar", 5)))),
        keys=(("day", types.of("date")),),
        serialized=False,
        partitions=lambda: partitions,
        store=opened,
    )  # fmt: skip


DAYS = ["2020-01-01", "2020-01-02", "2020-01-03"]


@pytest.mark.parametrize(
    ("where", "read"),
    [
        ("true", DAYS),
        ("day = '2020-01-02'", DAYS[1:2]),
        ("day > '2020-01-01' AND a > 1", DAYS[1:]),
        ("day IN ('2020-01-01', '2020-01-03') AND b = 'x'", [DAYS[0], DAYS[2]]),
        ("strftime(day, '%d') = '03' OR a = 7", DAYS),
        ("strftime(day, '%d') = '03'", DAYS[2:]),
        ("day IS NULL", []),
    ],
)
def test_partitions_that_conditions_rule_out_are_not_listed(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, where: str, read: list[str]
) -> None:
    asked: list[str] = []
    found = _scan(tmp_path, DAYS, asked)
    query = f"WITH q AS (SELECT * FROM {found.view}) SELECT a, b, day FROM q WHERE {where}"
    scan.prepare(connection, [found], query, [])
    assert asked == read
    expected = [(int(day[-1]), "x", day) for day in DAYS]
    rows = connection.execute(f"SELECT a, b, CAST(day AS VARCHAR) FROM {found.view}").fetchall()
    assert sorted(rows) == [row for row in expected if row[2] in read]


def test_a_series_of_the_querys_own_makes_it_read_all(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    asked: list[str] = []
    found = _scan(tmp_path, DAYS, asked)
    query = f"SELECT a FROM {found.view}, range(5) AS r(i) WHERE day = '2020-01-02'"
    scan.prepare(connection, [found], query, [])
    assert asked == DAYS


def test_a_shape_reads_nothing(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    asked: list[str] = []
    found = _scan(tmp_path, DAYS, asked)
    scan.describe(connection, [found])
    described = connection.execute(f"DESCRIBE {found.view}").fetchall()
    assert [(row[0], row[1]) for row in described][:3] == [("a", "INTEGER"), ("b", "VARCHAR"), ("day", "DATE")]
    assert not asked


def test_rows_that_iceberg_deletes_are_left_out(tmp_path: Path) -> None:
    pytest.importorskip("duckdb_extension_avro")
    made = duckdb.connect()
    import_extension("avro", con=made)
    made.execute("LOAD avro")
    data, gone = tmp_path / "data.parquet", tmp_path / "gone.parquet"
    made.execute(f"COPY (SELECT range AS a FROM range(5)) TO '{data}' (FIELD_IDS {{a: 1}})")
    made.execute(f"COPY (SELECT '{data}' AS file_path, unnest([1, 3]) AS pos) TO '{gone}'")
    for name, content, file in (("m0", 0, data), ("m1", 1, gone)):
        entry = f"{{'content': {content}, 'file_path': '{file}', 'file_format': 'PARQUET', 'file_size_in_bytes': 1}}"
        made.execute(f"COPY (SELECT 1 AS status, {entry} AS data_file) TO '{tmp_path / name}' (FORMAT avro)")
    facts = (
        ("table_type", "ICEBERG"), ("iceberg.fields", '{"a": 1}'),
        ("iceberg.manifests", json.dumps([str(tmp_path / name) for name in ("m0", "m1")])),
    )  # fmt: skip
    store = LocalStore((str(tmp_path),))
    found = Scan(
        view='temp.main."rs_external_1"', oid=1, table=Table(name="t", parameters=facts),
        columns=(("a", Scalar(types.of("int8"))),), keys=(), serialized=False, partitions=list, store=lambda _: store,
    )  # fmt: skip
    scan.prepare(made, [found], None, [])
    assert made.execute(f"SELECT a FROM {found.view} ORDER BY a").fetchall() == [(0,), (2,), (4,)]
