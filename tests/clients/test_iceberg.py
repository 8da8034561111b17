"""Apache Iceberg tables in a Glue catalog that pyiceberg wrote, and that it reads.

Redshift, "Using Apache Iceberg tables with Amazon Redshift", "Writing to Apache Iceberg tables".
"""

import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import boto3
import psycopg
import pytest

from tests.support import environments, s3
from tests.support.outside import ROLE, Outside


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with Outside(tmp_path_factory.mktemp("iceberg")) as made:
        yield made


@pytest.fixture(scope="module")
def connection(outside: Outside) -> Iterator[psycopg.Connection]:
    python = environments.python_of("pyiceberg")
    script = Path(__file__).with_name("write_iceberg.py")
    with outside.server("glue") as (dsn, _):
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


def test_what_is_written_pyiceberg_reads(connection: psycopg.Connection, outside: Outside) -> None:
    connection.execute("INSERT INTO ice.empty SELECT 1 UNION ALL SELECT 2")
    # By position, in a table whose partitions and columns have had other names.
    connection.execute("UPDATE ice.daily SET id = id + 10 WHERE day > '2020-01-01'")
    connection.execute("DELETE FROM ice.daily WHERE id = 12")
    connection.execute("INSERT INTO ice.daily VALUES (5, NULL)")
    connection.execute(
        "CREATE TABLE ice.made (id int, at timestamp, price decimal(8,2), note varchar(20)) USING ICEBERG"
        " LOCATION 's3://lake/ice/made' PARTITIONED BY (day(at), bucket(4, id), truncate(2, note), price)"
    )
    connection.execute("INSERT INTO ice.made VALUES (1, '1969-12-31 23:00:00', -1.25, 'abc'), (2, NULL, NULL, NULL)")
    connection.execute("CREATE TABLE ice.copied USING ICEBERG LOCATION 's3://lake/ice/copied' AS SELECT id FROM ice.made")
    connection.execute("CREATE TABLE ice.evolved (id int, word varchar(9)) USING ICEBERG LOCATION 's3://lake/ice/evolved'")
    connection.execute("INSERT INTO ice.evolved VALUES (1, 'a'), (2, 'b')")
    for action in (
        "ADD COLUMN day date", "RENAME COLUMN word TO title", "ALTER COLUMN id TYPE bigint",
        "ADD PARTITION FIELD month(day)", "SET TABLE PROPERTIES ('compression_type'='gzip')",
    ):  # fmt: skip
        connection.execute(f"ALTER TABLE ice.evolved {action}")
    connection.execute("INSERT INTO ice.evolved VALUES (5000000000, 'c', '2024-05-05')")
    connection.execute("UPDATE ice.evolved SET title = 'd' WHERE id = 2")
    connection.execute("ALTER TABLE ice.evolved REPLACE PARTITION FIELD month(day) WITH day")
    wanted = ["empty", "daily", "made", "copied", "evolved"]
    command = [str(environments.python_of("pyiceberg")), str(Path(__file__).with_name("read_iceberg.py"))]
    ran = subprocess.run(
        [*command, f"http://{outside.endpoint.address}", s3.KEY_ID, s3.SECRET, *wanted],
        check=True, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    found = json.loads(ran.stdout)
    assert found["empty"]["rows"] == [["1"], ["2"]]
    assert found["daily"]["rows"] == [["1", "2020-01-01"], ["13", "2020-01-03"], ["5", "None"]]
    assert found["made"]["rows"] == [["1", "1969-12-31 23:00:00", "-1.25", "abc"], ["2", "None", "None", "None"]]
    assert found["copied"]["rows"] == [["1"], ["2"]]
    evolved = [["1", "a", "None"], ["2", "d", "None"], ["5000000000", "c", "2024-05-05"]]
    assert found["evolved"]["rows"] == evolved
    # Its own partition of the values is where the files say that they are.
    assert found["made"]["chosen"] == [["1", "1969-12-31 23:00:00", "-1.25", "abc"]]


def test_who_comes_second_fails(connection: psycopg.Connection, outside: Outside) -> None:
    connection.execute("CREATE TABLE ice.raced (id int) USING ICEBERG LOCATION 's3://lake/ice/raced'")
    connection.execute("INSERT INTO ice.raced VALUES (1), (2)")
    glue = boto3.client(
        "glue", endpoint_url=f"http://{outside.endpoint.address}", region_name="us-east-1",
        aws_access_key_id=s3.KEY_ID, aws_secret_access_key=s3.SECRET,
    )  # fmt: skip
    table = glue.get_table(DatabaseName="icedb", Name="raced")["Table"]
    kept = {name: table[name] for name in ("Name", "TableType", "StorageDescriptor")}
    connection.execute("INSERT INTO ice.raced VALUES (3)")
    changed = glue.get_table(DatabaseName="icedb", Name="raced")["Table"]["Parameters"]
    raced = pytest.raises(psycopg.errors.SerializationFailure, match="changed at the same time")
    with raced, connection.transaction():
        connection.execute("DELETE FROM ice.raced WHERE id < 3")
        # Another program's commit, as if it had not seen the third row.
        glue.update_table(DatabaseName="icedb", TableInput=kept | {"Parameters": table["Parameters"]})
    assert connection.execute("SELECT count(*) FROM ice.raced").fetchone() == (2,)
    glue.update_table(DatabaseName="icedb", TableInput=kept | {"Parameters": changed, "Description": "mine"})
    connection.execute("DELETE FROM ice.raced WHERE id = 1")
    assert connection.execute("SELECT sum(id) FROM ice.raced").fetchone() == (5,)
    assert glue.get_table(DatabaseName="icedb", Name="raced")["Table"]["Description"] == "mine"
