"""Scans of external tables: which partitions a query needs, and what text becomes."""

from pathlib import Path

import duckdb
import pytest

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
