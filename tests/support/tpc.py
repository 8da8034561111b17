"""TPC-H and TPC-DS: data in a raw DuckDB and in a server, queries in Redshift's dialect, answers compared.

DuckDB's extensions generate both. Where DuckDB's dialect means something else than Redshift's, ``DIALECT``
says how the text is changed for the server; the raw DuckDB runs it as it is.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import psycopg
import pytest

from tests.support.server import Server

SCALE: Final = 0.1
_GENERATE: Final = {"tpch": "CALL dbgen(sf={0})", "tpcds": "CALL dsdgen(sf={0})"}
_AVERAGE: Final = "avg(CAST({0} AS double precision))"
"""AVG of whole numbers is a whole number in Redshift, a float in DuckDB."""
DIALECT: Final[dict[tuple[str, int], dict[str, str]]] = {
    ("tpcds", 7): {"avg(ss_quantity)": _AVERAGE.format("ss_quantity")},
    ("tpcds", 22): {"avg(inv_quantity_on_hand)": _AVERAGE.format("inv_quantity_on_hand")},
    ("tpcds", 26): {"avg(cs_quantity)": _AVERAGE.format("cs_quantity")},
    ("tpcds", 27): {"avg(agg1)": _AVERAGE.format("agg1")},
    ("tpcds", 39): {"avg(inv_quantity_on_hand)": _AVERAGE.format("inv_quantity_on_hand")},
}


class Benchmark:
    """One benchmark's data in a raw DuckDB and behind a connection."""

    def __init__(self, name: str, raw: duckdb.DuckDBPyConnection, connection: psycopg.Connection) -> None:
        self._name, self._raw, self._connection = name, raw, connection
        self._texts = dict(raw.execute(f"SELECT query_nr, query FROM {name}_queries()").fetchall())

    def difference(self, number: int) -> str:
        """Run a query both ways; return what differs, nothing where both answer alike."""
        text = self._texts[number].strip().rstrip(";")
        expected = self._raw.execute(text).fetchall()
        for old, new in DIALECT.get((self._name, number), {}).items():
            changed = text.replace(old, new)
            if changed == text:
                return f"nothing to replace: {old}"
            text = changed
        return _difference(self._connection.execute(text).fetchall(), expected)


@contextmanager
def benchmark(name: str, folder: Path) -> Iterator[Benchmark]:
    """Generate the data of *name* and load it into a server of its own."""
    extensions = pytest.importorskip("duckdb_extensions")
    pytest.importorskip(f"duckdb_extension_{name}")
    raw = duckdb.connect(config={"extension_directory": str(folder / "extensions")})
    extensions.import_extension(name, con=raw)
    raw.execute(f"LOAD {name}")
    raw.execute(_GENERATE[name].format(SCALE))
    files = folder / "files"
    files.mkdir()
    server = Server(folder / "data", environment={"DUCKSHIFT_COPY_LOCAL_FOLDERS": str(files)})
    with server, psycopg.connect(server.dsn, autocommit=True) as connection:
        for (table,) in raw.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            _load(raw, connection, table, files / f"{table}.parquet")
        yield Benchmark(name, raw, connection)
    raw.close()


def _load(raw: duckdb.DuckDBPyConnection, connection: psycopg.Connection, table: str, file: Path) -> None:
    columns = raw.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ?", [table])
    definition = ", ".join(f"{column} {type_}" for column, type_ in columns.fetchall())
    raw.execute(f"COPY {table} TO '{file}' (FORMAT parquet)")
    connection.execute(f"CREATE TABLE {table} ({definition})")
    connection.execute(f"COPY {table} FROM 'file://{file}' FORMAT AS PARQUET")


def _difference(found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> str:
    if len(found) != len(expected):
        return f"{len(found)} rows, expected {len(expected)}"
    # Rows that ORDER BY does not tell apart may come in another order.
    for rows in ((found, expected), (sorted(found, key=_key), sorted(expected, key=_key))):
        unlike = [(one, other) for one, other in zip(*rows, strict=True) if not _alike(one, other)]
        if not unlike:
            return ""
    return f"{unlike[0][0]}, expected {unlike[0][1]}"


def _key(row: Sequence[object]) -> list[tuple[int, Any]]:
    return [(0, "") if value is None else (1, round(float(value), 1)) if _number(value) else (2, str(value))
            for value in row]  # fmt: skip


def _number(value: object) -> bool:
    return isinstance(value, int | float | Decimal)


def _alike(row: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(row) == len(other) and all(_same(one, two) for one, two in zip(row, other, strict=True))


def _same(one: Any, other: Any) -> bool:
    if _number(one) and _number(other):
        # Redshift's NUMERICs are cut at their scale where DuckDB computes with floats.
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=0.011)
    return bool(one == other)
