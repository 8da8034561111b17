"""Apache Iceberg tables that pyiceberg wrote, in a Glue catalog.

Redshift, "Using Apache Iceberg tables with Amazon Redshift".
"""

import importlib.util
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from tests.support import environments, s3
from tests.support.outside import ROLE, Outside

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("duckdb_extension_avro") is None, reason="needs duckdb-extension-avro"
)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    python = environments.python_of("pyiceberg")
    script = Path(__file__).with_name("write_iceberg.py")
    with Outside(tmp_path_factory.mktemp("iceberg")) as outside, outside.server("glue") as (dsn, _):
        address = f"http://{outside.endpoint.address}"
        subprocess.run([str(python), str(script), address, s3.KEY_ID, s3.SECRET], check=True, timeout=100)
        with psycopg.connect(dsn, autocommit=True) as made:
            made.execute(f"CREATE EXTERNAL SCHEMA ice FROM DATA CATALOG DATABASE 'icedb' IAM_ROLE '{ROLE}'")
            yield made


def test_rows_are_those_of_the_current_snapshot(connection: psycopg.Connection) -> None:
    rows = connection.execute("SELECT id, title, price, extra FROM ice.items ORDER BY id").fetchall()
    assert rows == [(1, "a", Decimal("1.50"), None), (3, "c", Decimal("3.00"), None), (4, "d", None, "more")]


def test_types_and_nested_values(connection: psycopg.Connection) -> None:
    row = connection.execute("SELECT day, at, tz, i.s.y, p.value FROM ice.items i, i.m p WHERE id = 1").fetchone()
    assert row is not None
    assert [str(value) for value in row] == ["2020-01-01", "2020-01-01 01:02:03", "2020-01-01 01:02:03+00:00", "q", "1"]
    assert connection.execute("SELECT sum(n) FROM ice.items i, i.l n").fetchone() == (6,)
    columns = connection.execute(
        "SELECT columnname FROM svv_external_columns WHERE schemaname = 'ice' AND tablename = 'items' ORDER BY columnnum"
    ).fetchall()
    assert [name for (name,) in columns] == ["id", "title", "price", "day", "at", "tz", "s", "l", "m", "extra"]


def test_partitioned_and_empty_tables(connection: psycopg.Connection) -> None:
    assert connection.execute("SELECT id FROM ice.daily WHERE day = '2020-01-02'").fetchall() == [(2,)]
    assert connection.execute('SELECT count(DISTINCT "$path") FROM ice.daily').fetchone() == (3,)
    assert connection.execute("SELECT count(*) FROM ice.empty").fetchone() == (0,)


def test_a_new_snapshot_is_seen(connection: psycopg.Connection) -> None:
    connection.execute("CREATE MATERIALIZED VIEW kept AS SELECT max(id) AS newest FROM ice.items")
    assert connection.execute("SELECT newest FROM kept").fetchone() == (4,)


def test_they_cannot_be_written_yet(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="Iceberg"):
        connection.execute("INSERT INTO ice.empty SELECT 1")
