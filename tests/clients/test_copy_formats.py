"""COPY from the rarer formats and places, each written by a program that is not ours: ORC, Avro, lzop, shapefiles, DynamoDB.

Redshift, "COPY from columnar data formats", "COPY from Avro format", "Loading a shapefile into Amazon Redshift",
"Loading data from an Amazon DynamoDB table".
"""

import datetime
import gzip
import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import fastavro
import psycopg
import pyarrow as pa
import pytest
from pyarrow import orc

from tests.support import s3
from tests.support.avro import LOGICAL
from tests.support.server import Server

ROLE = "arn:aws:iam::123456789012:role/load"


@pytest.fixture(scope="module")
def aws() -> Iterator[s3.Endpoint]:
    with s3.endpoint("files") as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory, folder: Path, aws: s3.Endpoint) -> Iterator[psycopg.Connection]:
    home = tmp_path_factory.mktemp("formats")
    config = home / "duckshift.toml"
    config.write_text(
        f"""
[copy]
local_folders = ["{folder}"]
[roles."{ROLE}"]
endpoint = "{aws.address}"
access_key_id = "{s3.KEY_ID}"
secret_access_key = "{s3.SECRET}"
url_style = "path"
use_ssl = false
services = ["dynamodb=http://{aws.address}"]
"""
    )
    with (
        Server(home / "data", arguments=("--config", str(config))) as server,
        psycopg.connect(server.dsn, autocommit=True) as connection,
    ):
        yield connection


def loaded(db: psycopg.Connection, columns: str, source: str, options: str, query: str = "SELECT * FROM loaded ORDER BY 1") -> list[Any]:
    db.execute("DROP TABLE IF EXISTS loaded")
    db.execute(f"CREATE TABLE loaded ({columns})")  # type: ignore[arg-type]
    db.execute(f"COPY loaded FROM '{source}' {options}")  # type: ignore[arg-type]
    return db.execute(query).fetchall()  # type: ignore[arg-type]


def test_orc_goes_by_position_over_all_files(db: psycopg.Connection, aws: s3.Endpoint, tmp_path: Path) -> None:
    day = datetime.date(2008, 3, 1)
    for number in range(2):
        table = pa.table(
            {
                "anything": pa.array([number * 2, number * 2 + 1], pa.int64()),
                "b": pa.array(["é", None]),
                "c": pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
                "d": pa.array([day, None]),
                "e": pa.array([datetime.datetime(2008, 3, 1, 4, 5, 6), None], pa.timestamp("us")),
                "f": pa.array([[1, 2], None]),
            }
        )
        orc.write_table(table, tmp_path / "f", compression="zlib")
        aws.client.upload_file(str(tmp_path / "f"), "files", f"orc/part-{number}.orc")
    rows = loaded(
        db,
        "a int, b varchar(5), c decimal(8,2), d date, e timestamp, f super, g int identity(7, 1)",
        "s3://files/orc/",
        f"IAM_ROLE '{ROLE}' FORMAT AS ORC",
    )
    stamp = datetime.datetime(2008, 3, 1, 4, 5, 6)
    assert rows == [
        (0, "é", Decimal("1.50"), day, stamp, "[1,2]", 7),
        (1, None, None, None, None, None, 8),
        (2, "é", Decimal("1.50"), day, stamp, "[1,2]", 9),
        (3, None, None, None, None, None, 10),
    ]


def test_orc_that_does_not_fit_loads_nothing(db: psycopg.Connection, folder: Path) -> None:
    orc.write_table(pa.table({"a": [1], "b": ["text"]}), folder / "x.orc")
    for columns, words in (("a int", "Unmatched number of columns"), ("a int, b int", "incompatible ORC schema"), ("a int, b char(3)", "length exceeds")):
        db.execute("DROP TABLE IF EXISTS loaded")
        db.execute(f"CREATE TABLE loaded ({columns})")  # type: ignore[arg-type]
        with pytest.raises(psycopg.errors.InternalError_, match=f"Spectrum Scan Error.*{words}"):
            db.execute(f"COPY loaded FROM '{folder}/x.orc' ORC")  # type: ignore[arg-type]
        assert db.execute("SELECT count(*) FROM loaded").fetchone() == (0,)
    (folder / "bad.orc").write_bytes(b"no ORC at all")
    with pytest.raises(psycopg.errors.InternalError_, match="Spectrum Scan Error"):
        db.execute(f"COPY loaded FROM '{folder}/bad.orc' ORC")  # type: ignore[arg-type]
    assert db.execute("SELECT 1").fetchone() == (1,)


PERSON = {
    "type": "record",
    "name": "person",
    "fields": [
        {"name": "id", "type": "int"},
        {"name": "Name", "type": ["null", "string"]},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        {"name": "seen", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "home", "type": {"type": "record", "name": "Home", "fields": [{"name": "city", "type": "string"}]}},
    ],
}
PEOPLE = [
    {"id": 1, "Name": 'a"b|c', "tags": ["x", "y"], "kind": "A", "seen": 1_204_344_306_500, "home": {"city": "Bonn"}},
    {"id": 2, "Name": None, "tags": [], "kind": "B", "seen": 0, "home": {"city": "Ulm"}},
]


@pytest.fixture(scope="module")
def people(folder: Path) -> str:
    with (folder / "people.avro").open("wb") as file:
        fastavro.writer(file, PERSON, PEOPLE, codec="deflate")
    return str(folder / "people.avro")


def test_avro_by_name(db: psycopg.Connection, people: str) -> None:
    columns = "kind varchar(2), id int, name varchar(9), tags varchar(20), seen timestamp, home super"
    rows = loaded(db, columns, people, "FORMAT AS AVRO 'auto'", "SELECT id, name, tags, kind, seen, home.city FROM loaded ORDER BY id")
    # The match is case-sensitive: Name finds no column.
    assert rows == [
        (1, None, '["x","y"]', "A", datetime.datetime(2008, 3, 1, 4, 5, 6, 500_000), '"Bonn"'),
        (2, None, "[]", "B", datetime.datetime(1970, 1, 1), '"Ulm"'),
    ]
    rows = loaded(db, columns, people, "AVRO 'auto ignorecase' TIMEFORMAT 'epochmillisecs'", "SELECT name, seen FROM loaded ORDER BY id")
    assert rows == [('a"b|c', datetime.datetime(2008, 3, 1, 4, 5, 6, 500_000)), (None, datetime.datetime(1970, 1, 1))]


def test_avro_by_jsonpaths(db: psycopg.Connection, people: str, folder: Path) -> None:
    (folder / "paths.json").write_text(json.dumps({"jsonpaths": ["$.home.city", "$.Name", "$.tags[0]"]}))
    with pytest.raises(psycopg.errors.InternalError_, match="stl_load_errors"):
        loaded(db, "a varchar(9), b varchar(9), c varchar(9)", people, f"AVRO '{folder}/paths.json'")
    assert loaded(db, "a varchar(9), b varchar(9), c varchar(9)", people, f"AVRO '{folder}/paths.json' MAXERROR 2") == [("Bonn", 'a"b|c', "x")]


def test_avro_names_the_bad_record(db: psycopg.Connection, people: str) -> None:
    with pytest.raises(psycopg.errors.InternalError_):
        loaded(db, "id int, kind int", people, "AVRO")
    row = db.execute("SELECT trim(filename), line_number, trim(colname), err_code, trim(raw_field_value) FROM stl_load_errors ORDER BY starttime DESC LIMIT 1").fetchone()
    assert row == (people, 1, "kind", 1207, "A")


MOMENT = datetime.datetime(2008, 3, 1, 4, 5, 6, 500_000)
SPAN = b"".join(part.to_bytes(4, "little") for part in (14, 3, 4_500))
DIGITS = Decimal("-1234567890123456789012345678901234.5600")


@pytest.fixture(scope="module")
def meant(folder: Path) -> str:
    utc = MOMENT.replace(tzinfo=datetime.UTC)
    row = {
        "d": datetime.date(2024, 2, 29), "t1": datetime.time(1, 2, 3, 4_000), "t2": datetime.time(1, 2, 3, 4),
        "s1": utc, "s2": utc, "s3": MOMENT, "s4": MOMENT, "n1": DIGITS, "n2": Decimal("-0.05"),
        "u1": "123e4567-e89b-12d3-a456-426614174000", "u2": 7, "span": SPAN,
        "deep": {"on": datetime.date(1969, 12, 31), "costs": [Decimal("1.25"), Decimal("-327.68")], "spans": {"a": SPAN}},
    }  # fmt: skip
    empty: dict[str, Any] = {"deep": {"on": datetime.date(1970, 1, 1), "costs": [], "spans": {}}}
    schema = {"type": "record", "name": "meant", "fields": [{"name": name, "type": kind} for name, kind in LOGICAL.items()]}
    with (folder / "meant.avro").open("wb") as file:
        fastavro.writer(file, schema, [row, empty], codec="deflate")
    return str(folder / "meant.avro")


def test_avro_logical_types_load_as_what_they_mean(db: psycopg.Connection, meant: str) -> None:
    columns = (
        "d date, t1 time, t2 time, s1 timestamp, s2 timestamptz, s3 timestamptz, s4 timestamp, n1 decimal(38,4), n2 decimal(10,2),"
        " u1 varchar(36), u2 bigint, span varchar(40), deep super"
    )
    db.execute("SET timezone TO 'Europe/Berlin'")
    try:
        rows = loaded(db, columns, meant, "AVRO", "SELECT * FROM loaded ORDER BY d")
        whole, empty = rows
    finally:
        db.execute("RESET timezone")
    berlin = datetime.timezone(datetime.timedelta(hours=1))
    assert whole[:5] == (
        datetime.date(2024, 2, 29), datetime.time(1, 2, 3, 4_000), datetime.time(1, 2, 3, 4), MOMENT, MOMENT.replace(tzinfo=datetime.UTC),
    )  # fmt: skip
    # A local timestamp has no zone of its own: it is the session's.
    assert whole[5:9] == (MOMENT.replace(tzinfo=berlin), MOMENT, DIGITS, Decimal("-0.05"))
    assert whole[9:12] == ("123e4567-e89b-12d3-a456-426614174000", 7, "1 year 2 mons 3 days 00:00:04.5")
    assert json.loads(whole[12]) == {
        "on": "1969-12-31", "costs": [1.25, -327.68], "spans": {"a": "1 year 2 mons 3 days 00:00:04.5"},
    }  # fmt: skip
    assert empty == (None,) * 12 + ('{"on":"1970-01-01","costs":[],"spans":{}}',)


def test_avro_logical_types_load_as_text_and_as_numbers(db: psycopg.Connection, meant: str, folder: Path) -> None:
    rows = loaded(db, "d varchar(20), t2 varchar(20), s2 varchar(30), n2 varchar(20)", meant, "AVRO", "SELECT * FROM loaded WHERE d IS NOT NULL")
    assert rows == [("2024-02-29", "01:02:03.000004", "2008-03-01 04:05:06.5", "-0.05")]
    # What other programs have written so, Redshift loads as the number that it is.
    numbers = (19_782, 3_723_004, 3_723_000_004, 1_204_344_306_500, 1_204_344_306_500_000)
    rows = loaded(db, "d int, t1 int, t2 bigint, s1 bigint, s2 bigint", meant, "AVRO", "SELECT * FROM loaded WHERE d IS NOT NULL")
    assert rows == [numbers]
    (folder / "numbers.json").write_text(json.dumps({"jsonpaths": ["$['s1']", "$.deep.on", "$.d"]}))
    rows = loaded(db, "a bigint, b date, c date", meant, f"AVRO '{folder}/numbers.json'", "SELECT * FROM loaded WHERE a IS NOT NULL")
    assert rows == [(1_204_344_306_500, datetime.date(1969, 12, 31), datetime.date(2024, 2, 29))]


def test_what_is_no_avro_is_refused(db: psycopg.Connection, folder: Path) -> None:
    for number, content in enumerate((b"", b"no Avro", b"Obj\x01\x02\x16avro.schema\x02[\x00")):
        (folder / f"{number}.noavro").write_bytes(content)
        with pytest.raises(psycopg.errors.BadCopyFileFormat, match="cannot be read as Avro"):
            loaded(db, "a int", f"{folder}/{number}.noavro", "AVRO")


@pytest.mark.parametrize("level", ["-1", "-9"])
def test_lzop(db: psycopg.Connection, folder: Path, level: str) -> None:
    plain = folder / f"plain{level}"
    plain.write_text("".join(f"{number}|some words of line {number % 100}\n" for number in range(50_000)))
    subprocess.run(["lzop", "-f", level, "-o", f"{plain}.lzo", str(plain)], check=True, timeout=60)
    rows = loaded(db, "a int, b varchar(40)", f"{plain}.lzo", "LZOP", "SELECT count(*), sum(a), max(b) FROM loaded")
    assert rows == [(50_000, 1_249_975_000, "some words of line 99")]
    rows = loaded(db, "a int, b varchar(40)", f"{plain}.lzo", "LZOP ESCAPE", "SELECT count(*), sum(a) FROM loaded")
    assert rows == [(50_000, 1_249_975_000)]


def test_a_damaged_lzop_file_is_refused(db: psycopg.Connection, folder: Path) -> None:
    (folder / "no.lzo").write_bytes(b"1|a\n")
    with pytest.raises(psycopg.errors.BadCopyFileFormat, match="cannot be read as lzop"):
        loaded(db, "a int, b varchar(40)", f"{folder}/no.lzo", "LZOP")


def test_shapefile(db: psycopg.Connection, folder: Path) -> None:
    import duckdb
    from duckdb_extensions import import_extension

    with duckdb.connect() as writer:
        import_extension("spatial", con=writer)
        writer.execute("LOAD spatial")
        writer.execute(
            "COPY (SELECT ST_Point(i, 2) AS geom, i AS number, 'place ' || i AS label FROM range(3) t(i)) "
            f"TO '{folder}/places.shp' (FORMAT GDAL, DRIVER 'ESRI Shapefile')"
        )
    query = "SELECT ST_AsText(g), n, l FROM loaded ORDER BY n"
    rows = loaded(db, "g geometry, n bigint, l varchar(100)", f"{folder}/places.shp", "FORMAT SHAPEFILE", query)
    assert rows == [("POINT(0 2)", 0, "place 0"), ("POINT(1 2)", 1, "place 1"), ("POINT(2 2)", 2, "place 2")]


def test_a_shapefile_whose_parts_are_packed(db: psycopg.Connection, folder: Path, coast: str) -> None:
    for part in ("shp", "shx", "dbf"):
        (folder / f"packed.{part}.gz").write_bytes(gzip.compress((folder / f"coast.{part}").read_bytes(), 1))
    rows = loaded(db, "g geometry, number int", f"{folder}/packed.shp.gz", "FORMAT SHAPEFILE GZIP MAXERROR 2", COAST)
    assert rows == [(4, 4), (5, 5)]
    (folder / "packed.dbf.gz").write_bytes(b"not packed")
    with pytest.raises(psycopg.errors.InternalError_):
        loaded(db, "g geometry, number int", f"{folder}/packed.shp.gz", "FORMAT SHAPEFILE GZIP")
    (folder / "packed.dbf.gz").unlink()
    with pytest.raises(psycopg.errors.InternalError_, match=r"one \.shp, \.shx and \.dbf file"):
        loaded(db, "g geometry, number int", f"{folder}/packed.shp.gz", "FORMAT SHAPEFILE GZIP")


@pytest.fixture(scope="module")
def coast(folder: Path) -> str:
    """A line of 66,000 places (16 bytes each, and 9), too long for a GEOMETRY, between two that fit."""
    import duckdb
    from duckdb_extensions import import_extension

    with duckdb.connect() as writer:
        import_extension("spatial", con=writer)
        writer.execute("LOAD spatial")
        # A rough arc: the roughness differs from place to place.
        reach = "(10 + hash(i) % 1000 / 1e7)"
        place = f"ST_Point({reach} * cos(i / 30000.0), {reach} * sin(i / 30000.0))"
        line = f"ST_MakeLine(list_transform(range(n), lambda i: {place}))"
        writer.execute(
            f"COPY (SELECT {line} AS geom, n AS number FROM (VALUES (4), (66000), (5)) t(n)) "
            f"TO '{folder}/coast.shp' (FORMAT GDAL, DRIVER 'ESRI Shapefile')"
        )
    return f"{folder}/coast.shp"


SIMPLIFIED = (
    "SELECT line_number, maximum_tolerance, initial_size, simplified, final_size, final_tolerance"
    " FROM svl_spatial_simplify WHERE query = pg_last_copy_id()"
)
COAST = "SELECT number, ST_NPoints(g) FROM loaded ORDER BY number"


def test_shapes_that_are_too_large_are_rejected(db: psycopg.Connection, coast: str) -> None:
    with pytest.raises(psycopg.errors.InternalError_, match="Load into table 'loaded' failed"):
        loaded(db, "g geometry, number int", coast, "FORMAT SHAPEFILE")
    errors = "SELECT line_number, btrim(colname), btrim(err_reason) FROM stl_load_errors ORDER BY starttime DESC LIMIT 1"
    assert db.execute(errors).fetchall() == [(2, "g", "Geometry size: 1056009 is larger than maximum supported size: 1048447")]
    assert loaded(db, "g geometry, number int", coast, "FORMAT SHAPEFILE MAXERROR 2", COAST) == [(4, 4), (5, 5)]


def test_simplify_by_a_tolerance(db: psycopg.Connection, coast: str) -> None:
    # All that lies within the tolerance of a line between the ends is gone.
    assert loaded(db, "g geometry, number int", coast, "FORMAT SHAPEFILE SIMPLIFY 2E1", COAST) == [(4, 2), (5, 2), (66_000, 2)]
    assert db.execute(SIMPLIFIED).fetchall() == [(None, 20.0, None, None, None, None)]


def test_simplify_auto_takes_the_least_tolerance(db: psycopg.Connection, coast: str) -> None:
    rows = loaded(db, "g geometry, number int", coast, "FORMAT SHAPEFILE SIMPLIFY AUTO", COAST)
    assert rows[:2] == [(4, 4), (5, 5)]
    [(line, most, initial, done, final, tolerance)] = db.execute(SIMPLIFIED).fetchall()
    assert (line, most, initial, done) == (1, -1.0, 1_056_009, "t")
    assert final == rows[2][1] * 16 + 9
    assert 1_000_000 < final <= 1_048_447
    assert 0 < tolerance < 0.1


def test_simplify_auto_up_to_a_tolerance(db: psycopg.Connection, coast: str) -> None:
    assert loaded(db, "g geometry, number int", coast, "FORMAT SHAPEFILE SIMPLIFY AUTO 1E-12 MAXERROR 2", COAST) == [(4, 4), (5, 5)]
    assert db.execute(SIMPLIFIED).fetchall() == [(1, 1e-12, 1_056_009, "f", 0, 0.0)]
    with pytest.raises(psycopg.errors.InternalError_, match="stl_load_errors"):
        loaded(db, "g geometry, number int", coast, "FORMAT SHAPEFILE SIMPLIFY AUTO '1E-12'")
    failed = "SELECT line_number, simplified FROM sys_spatial_simplify ORDER BY query_id DESC LIMIT 1"
    assert db.execute(failed).fetchall() == [(1, "f")]


@pytest.fixture(scope="module")
def movies(aws: s3.Endpoint) -> str:
    client = boto3.session.Session().client(
        "dynamodb",
        endpoint_url=f"http://{aws.address}",
        region_name="us-east-1",
        aws_access_key_id=s3.KEY_ID,
        aws_secret_access_key=s3.SECRET,
    )
    client.create_table(
        TableName="Movies",
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "N"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1000, "WriteCapacityUnits": 1000},
    )
    items = [
        {"Id": {"N": "1"}, "Title": {"S": "Metropolis"}, "price": {"N": "12.345"}, "seen": {"S": "2008-03-01"}, "crew": {"SS": ["a"]}},
        {"Id": {"N": "2"}, "Title": {"S": "M"}},
    ]
    for item in items:
        client.put_item(TableName="Movies", Item=item)
    client.close()
    return "dynamodb://Movies"


def test_dynamodb(db: psycopg.Connection, movies: str) -> None:
    columns = "title varchar(20), id int, price decimal(6,2), seen date, more int default 5"
    rows = loaded(db, columns, movies, f"IAM_ROLE '{ROLE}' READRATIO 50 ROUNDEC", "SELECT id, title, price, seen, more FROM loaded ORDER BY id")
    assert rows == [(1, "Metropolis", Decimal("12.35"), datetime.date(2008, 3, 1), None), (2, "M", None, None, None)]
    keys = f"ACCESS_KEY_ID '{s3.KEY_ID}' SECRET_ACCESS_KEY '{s3.SECRET}'"
    with pytest.raises(psycopg.errors.InternalError_, match="type SS"):
        loaded(db, "id int, crew varchar(20)", movies, f"IAM_ROLE '{ROLE}' READRATIO 50")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="READRATIO"):
        loaded(db, "id int", movies, f"IAM_ROLE '{ROLE}'")
    with pytest.raises(psycopg.errors.InternalError_, match="does not exist"):
        loaded(db, "id int", "dynamodb://Absent", f"IAM_ROLE '{ROLE}' READRATIO 50")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        loaded(db, "id int", movies, f"IAM_ROLE '{ROLE}' READRATIO 50 CSV")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Not authorized"):
        loaded(db, "id int", movies, "IAM_ROLE 'arn:aws:iam::1:role/none' READRATIO 50")
    assert keys not in str(db.execute("SELECT listagg(querytxt) FROM stl_query WHERE querytxt LIKE '%ynamo%'").fetchone())
