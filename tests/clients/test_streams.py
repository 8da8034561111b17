"""Streaming ingestion: materialized views over Kinesis streams, each record once.

Redshift, "Streaming ingestion to a materialized view", "SYS_STREAM_SCAN_STATES", "SYS_STREAM_SCAN_ERRORS".
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import psycopg
import pytest

from tests.support import s3
from tests.support.server import Server

ROLE = "arn:aws:iam::123456789012:role/streams"
PAUSE_S = 0.1


@dataclass
class Place:
    server: Server
    kinesis: Any

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.server.dsn, autocommit=True)

    def stream(self, name: str, shards: int = 1) -> None:
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)

    def put(self, stream: str, *values: Any, key: str = "k") -> None:
        for start in range(0, len(values), 500):
            records = [
                {"Data": value if isinstance(value, bytes) else json.dumps(value).encode(), "PartitionKey": f"{key}{number}"}
                for number, value in enumerate(values[start : start + 500])
            ]
            assert self.kinesis.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("streams")
    with s3.endpoint() as endpoint:
        config = folder / "config.toml"
        config.write_text(f"""
[external]
stream_poll_ms = 100
[roles."{ROLE}"]
access_key_id = "{s3.KEY_ID}"
secret_access_key = "{s3.SECRET}"
region = "us-east-1"
services = ["kinesis=http://{endpoint.address}"]
""")
        kinesis = boto3.session.Session().client(
            "kinesis", endpoint_url=f"http://{endpoint.address}", region_name="us-east-1",
            aws_access_key_id=s3.KEY_ID, aws_secret_access_key=s3.SECRET,
        )  # fmt: skip
        with Server(folder / "data", arguments=("--config", str(config))) as server:
            found = Place(server, kinesis)
            with found.connect() as connection:
                connection.execute(f"CREATE EXTERNAL SCHEMA kds FROM KINESIS IAM_ROLE '{ROLE}'")
            yield found


def _messages(connection: psycopg.Connection, query: str) -> list[str]:
    found: list[str] = []
    handler = lambda diagnostic: found.append(diagnostic.message_primary)  # noqa: E731
    connection.add_notice_handler(handler)
    connection.execute(query)
    connection.remove_notice_handler(handler)
    return found


def test_a_view_takes_in_what_came_since(place: Place) -> None:
    place.stream("orders", 2)
    place.put("orders", {"id": 1, "v": "a"}, {"id": 2, "v": "b"})
    with place.connect() as connection:
        connection.execute(
            "CREATE MATERIALIZED VIEW orders AS SELECT approximate_arrival_timestamp, partition_key, shard_id,"
            " sequence_number, refresh_time, JSON_PARSE(kinesis_data) AS data FROM kds.orders"
            " WHERE CAN_JSON_PARSE(kinesis_data)"
        )
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)
        assert _messages(connection, "REFRESH MATERIALIZED VIEW orders") == [
            "Materialized view orders was incrementally updated successfully."
        ]
        rows = "SELECT data.id::int, data.v::varchar FROM orders ORDER BY 1"
        assert connection.execute(rows).fetchall() == [(1, "a"), (2, "b")]
        assert _messages(connection, "REFRESH MATERIALIZED VIEW orders") == [
            "Materialized view orders is already up to date."
        ]
        place.put("orders", {"id": 3}, b"no json", {"id": 4})
        connection.execute("REFRESH MATERIALIZED VIEW orders")
        assert connection.execute("SELECT data.id::int FROM orders ORDER BY 1").fetchall() == [(1,), (2,), (3,), (4,)]
        types = connection.execute(
            "SELECT column_name, data_type, character_maximum_length FROM svv_columns WHERE table_name = 'orders'"
            " ORDER BY ordinal_position"
        ).fetchall()
        assert types == [
            ("approximate_arrival_timestamp", "timestamp without time zone", None),
            ("partition_key", "character varying", 256), ("shard_id", "character", 20),
            ("sequence_number", "character varying", 128), ("refresh_time", "timestamp without time zone", None),
            ("data", "super", None),
        ]  # fmt: skip
        facts = connection.execute(
            "SELECT count(DISTINCT shard_id || sequence_number), count(DISTINCT refresh_time), min(shard_id),"
            " bool_and(refresh_time >= approximate_arrival_timestamp - interval '1 second') FROM orders"
        ).fetchone()
        assert facts is not None
        assert (facts[0], facts[1], facts[2].rstrip(), facts[3]) == (4, 2, "shardId-000000000000", True)
        scans = connection.execute(
            "SELECT sum(scanned_rows), sum(skipped_rows), count(DISTINCT partition_id), min(stream_name), min(mv_name)"
            " FROM sys_stream_scan_states WHERE stream_name = 'orders'"
        ).fetchone()
        assert scans is not None
        assert [scans[0], scans[1], scans[2]] == [5, 0, 2]
        assert [scans[3].rstrip(), scans[4].rstrip()] == ["orders", "orders"]


def test_records_that_fail_are_left_out_and_told_of(place: Place) -> None:
    place.stream("numbers")
    place.put("numbers", b"1", b"two", b"3", b"", *(str(number).encode() for number in range(100, 200)))
    with place.connect() as connection:
        connection.execute(
            "CREATE MATERIALIZED VIEW numbers AS SELECT from_varbyte(kinesis_data, 'utf-8')::int AS n, sequence_number"
            " FROM kds.numbers"
        )
        connection.execute("REFRESH MATERIALIZED VIEW numbers")
        assert connection.execute("SELECT count(*), min(n), max(n) FROM numbers").fetchone() == (102, 1, 199)
        errors = connection.execute(
            "SELECT trim(external_schema_name), trim(mv_name), trim(partition_id), trim(error_reason) LIKE '%two%'"
            " FROM sys_stream_scan_errors WHERE stream_name = 'numbers' ORDER BY position"
        ).fetchall()
        assert errors == [
            ("kds", "numbers", "shardId-000000000000", True), ("kds", "numbers", "shardId-000000000000", False),
        ]  # fmt: skip
        assert connection.execute(
            "SELECT scanned_rows, skipped_rows FROM sys_stream_scan_states WHERE stream_name = 'numbers'"
        ).fetchone() == (104, 2)


def test_groups_grow(place: Place) -> None:
    place.stream("clicks", 2)
    place.put("clicks", *({"page": f"p{number % 3}", "n": number} for number in range(30)))
    with place.connect() as connection:
        connection.execute(
            "CREATE MATERIALIZED VIEW clicks AS SELECT json_extract_path_text(from_varbyte(kinesis_data, 'utf8'), 'page') AS page,"
            " count(*) AS c, sum(json_extract_path_text(from_varbyte(kinesis_data, 'utf8'), 'n')::int) AS s"
            " FROM kds.clicks GROUP BY 1"
        )
        connection.execute("REFRESH MATERIALIZED VIEW clicks")
        place.put("clicks", {"page": "p0", "n": 1000}, {"page": "new", "n": 1})
        connection.execute("REFRESH MATERIALIZED VIEW clicks")
        found = connection.execute("SELECT page, c, s FROM clicks ORDER BY page").fetchall()
        assert found == [("new", 1, 1), ("p0", 11, 1135), ("p1", 10, 145), ("p2", 10, 155)]


def test_what_was_rolled_back_is_read_again(place: Place) -> None:
    place.stream("undone")
    place.put("undone", 1, 2)
    with place.connect() as connection:
        connection.execute("CREATE MATERIALIZED VIEW undone AS SELECT shard_id, sequence_number, kinesis_data FROM kds.undone")
        connection.execute("BEGIN")
        connection.execute("REFRESH MATERIALIZED VIEW undone")
        place.put("undone", 3)
        connection.execute("REFRESH MATERIALIZED VIEW undone")
        assert connection.execute("SELECT count(*) FROM undone").fetchone() == (3,)
        connection.execute("ROLLBACK")
        assert connection.execute("SELECT count(*) FROM undone").fetchone() == (0,)
        connection.execute("REFRESH MATERIALIZED VIEW undone")
        assert connection.execute("SELECT count(*), count(DISTINCT shard_id || sequence_number) FROM undone").fetchone() == (3, 3)


def test_shards_that_are_split_and_merged_lose_nothing(place: Place) -> None:
    place.stream("split")
    place.put("split", *range(10))
    with place.connect() as connection:
        connection.execute("CREATE MATERIALIZED VIEW split AS SELECT shard_id, sequence_number FROM kds.split")
        connection.execute("REFRESH MATERIALIZED VIEW split")
        place.kinesis.split_shard(
            StreamName="split", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(1 << 127)
        )
        place.put("split", *range(20), key="x")
        for _ in range(2):
            connection.execute("REFRESH MATERIALIZED VIEW split")
        # moto keeps writing to the shard that was split; tests/unit/storage has how those that end are read.
        assert connection.execute("SELECT count(*), count(DISTINCT sequence_number) FROM split").fetchone() == (30, 30)


def test_a_view_may_refresh_itself_also_after_a_crash(place: Place) -> None:
    place.stream("auto", 2)
    with place.connect() as connection:
        connection.execute(
            "CREATE MATERIALIZED VIEW auto AUTO REFRESH YES AS SELECT shard_id, sequence_number, kinesis_data FROM kds.auto"
        )
    sent = 0
    for round_ in range(2):
        place.put("auto", *range(700))
        sent += 700
        if round_:
            # In the midst of it.
            time.sleep(PAUSE_S)
            place.server.kill()
            place.server.start()
        assert _counted(place, sent) == (sent, sent)


def _counted(place: Place, wanted: int) -> tuple[int, int]:
    query = "SELECT count(*), count(DISTINCT shard_id || sequence_number) FROM auto"
    with place.connect() as connection:
        for _ in range(600):
            found = connection.execute(query).fetchone()
            assert found is not None
            if found[0] >= wanted:
                break
            time.sleep(PAUSE_S)
        return found[0], found[1]


def test_streams_are_for_materialized_views_alone(place: Place) -> None:
    place.stream("alone")
    with place.connect() as connection:
        for query in (
            "SELECT * FROM kds.alone", "CREATE TABLE alone_copy AS SELECT * FROM kds.alone",
            "CREATE VIEW alone_view AS SELECT * FROM kds.alone",
            "CREATE MATERIALIZED VIEW alone_j AS SELECT a.shard_id FROM kds.alone a JOIN kds.alone b ON a.shard_id = b.shard_id",
            "CREATE MATERIALIZED VIEW alone_d AS SELECT DISTINCT shard_id FROM kds.alone",
            "CREATE MATERIALIZED VIEW alone_a AS SELECT shard_id, avg(len(kinesis_data)) FROM kds.alone GROUP BY 1",
            "CREATE MATERIALIZED VIEW alone_w AS SELECT row_number() OVER (ORDER BY shard_id) FROM kds.alone",
            "INSERT INTO kds.alone (partition_key) VALUES ('x')", "DELETE FROM kds.alone",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                connection.execute(query)
        with pytest.raises(psycopg.errors.UndefinedTable, match="does not exist"):
            connection.execute("CREATE MATERIALIZED VIEW gone AS SELECT shard_id FROM kds.nowhere")
        with pytest.raises(psycopg.errors.UndefinedColumn):
            connection.execute("CREATE MATERIALIZED VIEW gone AS SELECT kafka_value FROM kds.alone")


def test_rights(place: Place) -> None:
    place.stream("rights")
    place.put("rights", 1)
    with place.connect() as connection:
        connection.execute("CREATE USER reader PASSWORD 'Reader123'")
        connection.execute("GRANT CREATE ON SCHEMA public TO reader")
        connection.execute("SET SESSION AUTHORIZATION reader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE MATERIALIZED VIEW mine AS SELECT shard_id FROM kds.rights")
        connection.execute("RESET SESSION AUTHORIZATION")
        connection.execute("GRANT USAGE ON SCHEMA kds TO reader")
        connection.execute("SET SESSION AUTHORIZATION reader")
        connection.execute("CREATE MATERIALIZED VIEW mine AS SELECT shard_id FROM kds.rights")
        connection.execute("REFRESH MATERIALIZED VIEW mine")
        assert connection.execute("SELECT count(*) FROM mine").fetchone() == (1,)
        seen = connection.execute("SELECT DISTINCT trim(mv_name) FROM sys_stream_scan_states").fetchall()
        assert seen == [("mine",)]
        connection.execute("RESET SESSION AUTHORIZATION")


def test_the_schema_is_needed_by_its_views(place: Place) -> None:
    place.stream("needed")
    with place.connect() as connection:
        connection.execute(f"CREATE EXTERNAL SCHEMA other FROM KINESIS IAM_ROLE '{ROLE}'")
        kinds = connection.execute(
            "SELECT eskind, databasename, esoptions FROM svv_external_schemas WHERE schemaname = 'other'"
        ).fetchone()
        assert kinds == (9, "", f'{{"IAM_ROLE":"{ROLE}"}}')
        connection.execute("CREATE MATERIALIZED VIEW needing AS SELECT shard_id FROM other.needed")
        with pytest.raises(psycopg.errors.DependentObjectsStillExist):
            connection.execute("DROP SCHEMA other")
        connection.execute("DROP SCHEMA other CASCADE")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM needing")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE EXTERNAL SCHEMA nobody FROM KINESIS IAM_ROLE 'arn:aws:iam::123456789012:role/none'")
            connection.execute("CREATE MATERIALIZED VIEW nobody_view AS SELECT shard_id FROM nobody.needed")


def test_rows_of_a_view_may_be_taken_away(place: Place) -> None:
    place.stream("taken")
    place.put("taken", *range(6))
    with place.connect() as connection:
        connection.execute(
            "CREATE MATERIALIZED VIEW taken AS SELECT from_varbyte(kinesis_data, 'utf8')::int AS n FROM kds.taken"
        )
        connection.execute("REFRESH MATERIALIZED VIEW taken")
        assert connection.execute("DELETE FROM taken WHERE n < 2 OR taken.n = 5").rowcount == 3
        connection.execute("CREATE TABLE taken_others (n int)")
        connection.execute("INSERT INTO taken_others VALUES (2)")
        assert connection.execute("DELETE FROM taken USING taken_others o WHERE o.n = taken.n").rowcount == 1
        connection.execute("REFRESH MATERIALIZED VIEW taken")
        assert connection.execute("SELECT n FROM taken ORDER BY 1").fetchall() == [(3,), (4,)]
        for sql in ("UPDATE taken SET n = 0", "INSERT INTO taken VALUES (1)"):
            with pytest.raises(psycopg.errors.WrongObjectType):
                connection.execute(sql)
        connection.execute("TRUNCATE taken")
        place.put("taken", 7)
        connection.execute("REFRESH MATERIALIZED VIEW taken")
        assert connection.execute("SELECT n FROM taken").fetchall() == [(7,)]
        connection.execute("CREATE TABLE taken_over (n int) DISTSTYLE EVEN")
        connection.execute("ALTER TABLE taken_over APPEND FROM taken")
        assert connection.execute("SELECT n FROM taken_over").fetchall() == [(7,)]
        assert connection.execute("SELECT count(*) FROM taken").fetchone() == (0,)
        # Other materialized views keep theirs.
        connection.execute("CREATE MATERIALIZED VIEW usual AS SELECT n FROM taken_over")
        with pytest.raises(psycopg.errors.WrongObjectType):
            connection.execute("DELETE FROM usual")
        with pytest.raises(psycopg.errors.WrongObjectType):
            connection.execute("TRUNCATE usual")


def test_views_over_such_views_follow(place: Place) -> None:
    place.stream("deep")
    place.put("deep", {"n": 1}, {"n": 2})
    with place.connect() as connection:
        connection.execute("CREATE TABLE names (n int, name varchar(10))")
        connection.execute("INSERT INTO names VALUES (1, 'one'), (2, 'two'), (3, 'three')")
        connection.execute(
            "CREATE MATERIALIZED VIEW deep AS SELECT sequence_number, JSON_PARSE(kinesis_data).n::int AS n FROM kds.deep"
        )
        connection.execute(
            "CREATE MATERIALIZED VIEW deeper AUTO REFRESH YES AS SELECT names.name, deep.n FROM deep JOIN names ON deep.n = names.n"
        )
        connection.execute("ALTER MATERIALIZED VIEW deep AUTO REFRESH YES")
        for wanted in (["one", "two"], ["one", "three", "two"]):
            for _ in range(600):
                found = [row[0] for row in connection.execute("SELECT name FROM deeper ORDER BY 1").fetchall()]
                if found == wanted:
                    break
                time.sleep(PAUSE_S)
            assert found == wanted
            place.put("deep", {"n": 3}) if wanted == ["one", "two"] else None
        connection.execute("ALTER MATERIALIZED VIEW deep AUTO REFRESH NO")
        connection.execute("DROP MATERIALIZED VIEW deeper")
        connection.execute("DROP MATERIALIZED VIEW deep")
        # A view of the same name begins anew.
        connection.execute("CREATE MATERIALIZED VIEW deep AS SELECT sequence_number FROM kds.deep")
        connection.execute("REFRESH MATERIALIZED VIEW deep")
        assert connection.execute("SELECT count(*) FROM deep").fetchone() == (3,)
